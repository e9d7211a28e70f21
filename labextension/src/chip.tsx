/**
 * The chip in a notebook's toolbar: compute, role and state of its kernel.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { MessageLoop } from '@lumino/messaging';
import { Menu, Widget } from '@lumino/widgets';
import React from 'react';

import { useSeconds } from './components/hooks';
import { Button } from './components/problem';
import { chipState, difference } from './chipstate';
import type { IChipState } from './chipstate';
import { Executions } from './executions';
import type { EMRModel } from './models/emr';
import { hasKernel, isOnEMR } from './notebooks';
import { CommandIDs } from './tokens';
import type { Attachment, EMRKernel, KernelStart } from './tokens';

/** A button in the toolbar of each notebook; hidden where the kernel is a local one. */
export class Chip extends ReactWidget {
  constructor(
    private _panel: NotebookPanel,
    private _model: EMRModel,
    private _commands: CommandRegistry,
    private _specs: () => KernelSpec.ISpecModels | null,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-EmrChip-host');
    const session = _panel.sessionContext;
    session.statusChanged.connect(this._render, this);
    session.kernelChanged.connect(this._load, this);
    session.connectionStatusChanged.connect(this._render, this);
    _panel.context.pathChanged.connect(this._load, this);
    _model.attachments.changed.connect(this._load, this);
    _model.kernels.changed.connect(this._render, this);
    _model.changed.connect(this._render, this);
    _model.preferences.changed.connect(this._render, this);
    this._executions = new Executions(session);
    this._executions.changed.connect(this._render, this);
    this._load();
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._follow(false);
    this._executions.dispose();
    const session = this._panel.sessionContext;
    session.statusChanged.disconnect(this._render, this);
    session.kernelChanged.disconnect(this._load, this);
    session.connectionStatusChanged.disconnect(this._render, this);
    this._panel.context.pathChanged.disconnect(this._load, this);
    this._model.attachments.changed.disconnect(this._load, this);
    this._model.kernels.changed.disconnect(this._render, this);
    this._model.changed.disconnect(this._render, this);
    this._model.preferences.changed.disconnect(this._render, this);
    super.dispose();
  }

  protected render(): JSX.Element | null {
    const session = this._panel.sessionContext;
    const isOn =
      this._model.preferences.values.showChip &&
      (this._model.isMoving(session) || isOnEMR(session, this._specs()));
    if (isOn === this.isHidden) {
      this.setHidden(!isOn);
      this._makeRoom();
    }
    this._follow(isOn && this.isVisible);
    if (!isOn) {
      return null;
    }
    return (
      <ChipButton
        getState={() => this._state()}
        onClick={event => this._open(event.currentTarget)}
        cancel={this._start?.can_cancel ? () => this._cancel() : null}
        trans={this._trans}
      />
    );
  }

  protected onAfterShow(): void {
    this._render();
  }

  protected onAfterHide(): void {
    this._follow(false);
  }

  private _render(): void {
    this.update();
  }

  /** Let the toolbar, which has not counted with a chip that was hidden, move what finds no room now. */
  private _makeRoom(): void {
    const toolbar = this.parent;
    if (toolbar) {
      const { clientWidth, clientHeight } = toolbar.node;
      const size = new Widget.ResizeMessage(clientWidth, clientHeight);
      MessageLoop.postMessage(toolbar, size);
    }
  }

  private _load(): void {
    const { contents } = this._model;
    const path = contents.localPath(this._panel.context.path);
    const turn = ++this._turn;
    void this._model.attachments
      .of(path)
      .catch(() => null)
      .then(attachment => {
        if (turn === this._turn && !this.isDisposed) {
          this._attachment = attachment;
          this.update();
        }
      });
    this.update();
  }

  /** Follow the ledger while a notebook on EMR is in sight. */
  private _follow(follow: boolean): void {
    if (follow !== this._following) {
      this._following = follow;
      if (follow) {
        this._model.kernels.start();
      } else {
        this._model.kernels.stop();
      }
    }
  }

  private _state(): IChipState {
    return chipState(
      {
        attachment: this._attachment,
        kernel: this._kernel,
        start: this._start,
        status: this._panel.sessionContext.kernelDisplayStatus,
        busySince: this._executions.since,
        nameOf: this._nameOf
      },
      this._trans
    );
  }

  /** The kernel that runs; that of which a notebook moves away says nothing any more. */
  private get _kernel(): EMRKernel | undefined {
    const session = this._panel.sessionContext;
    return this._model.isMoving(session)
      ? undefined
      : this._model.kernels.ofJupyter(session.session?.kernel?.id ?? '');
  }

  private get _start(): KernelStart | undefined {
    const session = this._panel.sessionContext;
    const { contents, kernels } = this._model;
    const path = contents.localPath(this._panel.context.path);
    const id = session.session?.kernel?.id;
    return kernels.startOf(this._model.isMoving(session) ? '' : id, path);
  }

  private _cancel(): void {
    const { path } = this._panel.context;
    void this._commands.execute(CommandIDs.cancelStart, { path });
  }

  private _open(button: HTMLElement): void {
    const trans = this._trans;
    const commands = new CommandRegistry();
    const menu = new Menu({ commands });
    const add = (
      label: string,
      execute: () => unknown,
      isEnabled = true
    ): void => {
      const command = `item-${menu.items.length}`;
      commands.addCommand(command, {
        label,
        execute,
        isEnabled: () => isEnabled
      });
      menu.addItem({ command });
    };
    const session = this._panel.sessionContext;
    const { path } = this._panel.context;
    const isThere = hasKernel(session);
    const run = (id: string): unknown => this._commands.execute(id, { path });
    add(
      trans.__('Change Compute or Role …'),
      () => run(CommandIDs.openPanel),
      this._commands.isEnabled(CommandIDs.openPanel)
    );
    if (this._start?.can_cancel) {
      add(trans.__('Cancel Start'), () => this._cancel());
    }
    const other = difference(
      this._attachment,
      this._kernel,
      this._nameOf,
      trans
    );
    add(
      other?.restart ?? trans.__('Restart Kernel There'),
      () => run(CommandIDs.restartHere),
      isThere
    );
    add(trans.__('Shut Down Kernel'), () => session.shutdown(), isThere);
    add(
      this._detachLabel(),
      () => run(CommandIDs.detach),
      this._attachment !== null
    );
    add(trans.__('Copy Details'), () =>
      Clipboard.copyToSystem(this._state().details)
    );
    const { left, bottom } = button.getBoundingClientRect();
    menu.aboutToClose.connect(() => button.focus());
    menu.open(left, bottom);
  }

  /** What "Detach" would end: this notebook's own attachment, or that of a folder with all its notebooks. */
  private _detachLabel(): string {
    const own = this._model.contents.localPath(this._panel.context.path);
    const path = this._attachment?.path;
    return path === undefined || path === own
      ? this._trans.__('Detach')
      : this._trans.__('Detach Folder %1', path || '/');
  }

  private _nameOf = (id: string): string =>
    this._model.computes.find(id)?.name ??
    [this._attachment, this._kernel].find(one => one?.compute === id)
      ?.compute_name ??
    id;

  private _attachment: Attachment | null = null;
  private _executions: Executions;
  private _following = false;
  private _turn = 0;
}

function ChipButton(props: {
  getState: () => IChipState;
  onClick: (event: React.MouseEvent<HTMLElement>) => void;
  /** Cancels the start; null where there is none to cancel. */
  cancel: (() => void) | null;
  trans: TranslationBundle;
}): JSX.Element {
  useSeconds(true);
  const { label, state, details } = props.getState();
  const chip = (
    <button
      type="button"
      className="jp-EmrChip"
      aria-haspopup="menu"
      aria-label={`EMR: ${[label, state].filter(Boolean).join(', ')}`}
      title={details}
      onClick={props.onClick}
    >
      <bdi>{label}</bdi>
      {state && <span className="jp-EmrChip-state">{state}</span>}
    </button>
  );
  return (
    <>
      {chip}
      {props.cancel && (
        <Button onClick={props.cancel}>{props.trans.__('Cancel start')}</Button>
      )}
    </>
  );
}
