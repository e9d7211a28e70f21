/**
 * What stands in the status bar and in notebooks' toolbars: how far backups are.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import type { BackupStatusModel, IView } from './status';
import { itemDetails, itemText, statusText } from './words';

/** A button in the status bar that opens the versions; where backups are off it is the one hint that there could be some. */
export class BackupStatusItem extends ReactWidget implements IView {
  constructor(
    private _model: BackupStatusModel,
    private _open: () => void,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-mod-highlighted');
    const watching = _model.watch(this);
    this.disposed.connect(() => watching.dispose());
  }

  readonly path = null;

  protected render(): JSX.Element {
    return (
      <StatusButton model={this._model} open={this._open} trans={this._trans} />
    );
  }
}

function StatusButton(props: {
  model: BackupStatusModel;
  open: () => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, open, trans } = props;
  useChanges(model.changed);
  const text = statusText(model, trans);
  const { message, fix } = model.problem ?? model.status ?? {};
  const dim = model.isOn ? '' : ' jp-EmrDim';
  return text ? (
    <button
      type="button"
      className={`jp-EmrStatus${dim}`}
      title={[message, fix].filter(Boolean).join('\n')}
      onClick={open}
    >
      {text}
    </button>
  ) : null;
}

/** A button in a notebook's toolbar that opens its versions; hidden where backups are off. */
export class BackupChip extends ReactWidget implements IView {
  constructor(
    private _panel: NotebookPanel,
    private _contents: Contents.IManager,
    private _model: BackupStatusModel,
    private _open: (path: string) => void,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-EmrChip-host');
    this.hide();
    const watching = _model.watch(this);
    this.disposed.connect(() => watching.dispose());
    _model.changed.connect(this._render, this);
    _panel.context.pathChanged.connect(this._ask, this);
    _panel.context.saveState.connect(this._onSave, this);
  }

  dispose(): void {
    this._model.changed.disconnect(this._render, this);
    super.dispose();
  }

  /** The notebook's path within the server's folder. */
  get path(): string {
    return this._contents.localPath(this._panel.context.path);
  }

  protected render(): JSX.Element {
    const trans = this._trans;
    return (
      <ChipButton
        getText={() => itemText(this._model.of(this.path), trans)}
        title={itemDetails(this._model.of(this.path), trans)}
        open={() => this._open(this.path)}
        trans={trans}
      />
    );
  }

  protected onAfterShow(): void {
    this._ask();
  }

  private _ask(): void {
    this._model.touch();
  }

  private _onSave(_: unknown, state: string): void {
    if (state === 'completed') {
      this._ask();
    }
  }

  private _render(): void {
    if (!this.isDisposed) {
      this.setHidden(!this._model.isOn);
      this.update();
    }
  }
}

function ChipButton(props: {
  getText: () => string;
  title: string;
  open: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  useSeconds(true);
  const { title, open, trans } = props;
  return (
    <button type="button" className="jp-EmrChip" title={title} onClick={open}>
      {trans.__('Backup: %1', props.getText())}
    </button>
  );
}
