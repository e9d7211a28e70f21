/**
 * The chip in a notebook's toolbar: compute, role and state of its kernel.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';
import React from 'react';

import { useSeconds } from './components/hooks';
import {
  clock,
  roleName,
  secondsSince,
  shortened,
  span
} from './components/words';
import type { EMRModel } from './models/emr';
import { isOnEMR } from './notebooks';
import { CommandIDs } from './tokens';
import type { Attachment, EMRKernel } from './tokens';

const MOST_CHARACTERS = 28;

/** What the chip says. */
export interface IChipState {
  /** Compute and role, as short as the toolbar needs. */
  label: string;
  /** The state in words. */
  state: string;
  /** Everything, for the tooltip and to copy. */
  details: string;
}

/** Return what to say of a notebook on EMR; `status` is JupyterLab's word for its kernel. */
export function chipState(
  attachment: Attachment | null,
  kernel: EMRKernel | undefined,
  status: string,
  nameOf: (compute: string, written?: string | null) => string,
  trans: TranslationBundle
): IChipState {
  if (!attachment && !kernel) {
    const text = trans.__('Not attached');
    return { label: text, state: '', details: text };
  }
  const on = kernel ?? attachment!;
  const compute = nameOf(on.compute, on.compute_name);
  const runs = roleName(
    kernel ? kernel.runtime_role : attachment!.runtime_role
  );
  const attached = attachment ? roleName(attachment.runtime_role) : runs;
  const label = [compute, runs].filter(Boolean).join(' · ');
  const state = stateOf(kernel, status, trans);
  const facts = [
    label,
    kernel?.runtime_role ?? attachment?.runtime_role ?? '',
    state,
    kernel?.reason ?? '',
    attached !== runs
      ? trans.__(
          'runs as %1; attached as %2: restart to change',
          runs || trans.__('no role'),
          attached || trans.__('no role')
        )
      : '',
    attachment?.credentials_expire_at
      ? trans.__(
          'credentials until %1, renewed by themselves',
          clock(attachment.credentials_expire_at)
        )
      : '',
    attachment
      ? trans.__('attached: %1', attachment.path || '/')
      : trans.__('not attached any more'),
    kernel?.gateway_url ?? '',
    kernel ? trans.__('kernel %1', kernel.kernel_id) : ''
  ];
  const differs = attached !== runs ? ' ≠' : '';
  return {
    label: shortened(label, MOST_CHARACTERS) + differs,
    state,
    details: facts.filter(Boolean).join('\n')
  };
}

function stateOf(
  kernel: EMRKernel | undefined,
  status: string,
  trans: TranslationBundle
): string {
  const since = span(secondsSince(kernel?.since ?? null));
  switch (kernel?.link) {
    case 'reconnecting':
      return trans.__('Reconnecting %1', since);
    case 'gone':
      return trans.__('Gone: %1', kernel.cause ?? trans.__('variables lost'));
    case 'starting':
      return kernel.since
        ? trans.__('Starting %1', since)
        : trans.__('Starting');
  }
  const words: Record<string, string> = {
    idle: trans.__('Idle'),
    busy: trans.__('Busy'),
    starting: trans.__('Starting'),
    initializing: trans.__('Starting'),
    restarting: trans.__('Restarting'),
    autorestarting: trans.__('Restarting'),
    terminating: trans.__('Shutting down'),
    connecting: trans.__('Connecting'),
    disconnected: trans.__('Disconnected'),
    dead: trans.__('Dead')
  };
  return words[status] ?? trans.__('No kernel');
}

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
    this._load();
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._follow(false);
    const session = this._panel.sessionContext;
    session.statusChanged.disconnect(this._render, this);
    session.kernelChanged.disconnect(this._load, this);
    session.connectionStatusChanged.disconnect(this._render, this);
    this._panel.context.pathChanged.disconnect(this._load, this);
    this._model.attachments.changed.disconnect(this._load, this);
    this._model.kernels.changed.disconnect(this._render, this);
    this._model.changed.disconnect(this._render, this);
    super.dispose();
  }

  protected render(): JSX.Element | null {
    const session = this._panel.sessionContext;
    const isOn =
      this._model.isMoving(session) || isOnEMR(session, this._specs());
    this.setHidden(!isOn);
    this._follow(isOn && this.isVisible);
    if (!isOn) {
      return null;
    }
    return (
      <ChipButton
        getState={() => this._state()}
        onClick={event => this._open(event.currentTarget)}
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
    const session = this._panel.sessionContext;
    const { kernels, contents } = this._model;
    const id = session.session?.kernel?.id;
    const kernel = this._model.isMoving(session)
      ? kernels.startingFor(contents.localPath(this._panel.context.path))
      : kernels.ofJupyter(id ?? '');
    return chipState(
      this._attachment,
      kernel,
      session.kernelDisplayStatus,
      (id, written) => this._model.computes.find(id)?.name ?? written ?? id,
      this._trans
    );
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
    const hasKernel = !session.hasNoKernel;
    const run = (id: string): unknown => this._commands.execute(id, { path });
    add(
      trans.__('Change Compute or Role …'),
      () => run(CommandIDs.openPanel),
      this._commands.isEnabled(CommandIDs.openPanel)
    );
    add(
      trans.__('Restart Kernel There'),
      () => run(CommandIDs.restartHere),
      hasKernel
    );
    add(trans.__('Shut Down Kernel'), () => session.shutdown(), hasKernel);
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

  private _attachment: Attachment | null = null;
  private _following = false;
  private _turn = 0;
}

function ChipButton(props: {
  getState: () => IChipState;
  onClick: (event: React.MouseEvent<HTMLElement>) => void;
}): JSX.Element {
  useSeconds(true);
  const { label, state, details } = props.getState();
  return (
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
}
