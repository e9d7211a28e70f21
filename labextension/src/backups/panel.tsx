/**
 * The panel "EMR backups": the versions of a notebook, what differs, and what can be brought back.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { emrIcon } from '../icons';
import { BackupCommandIDs } from '../tokens';
import { notebookOf } from './commands';
import { ConflictSection } from './conflict';
import { cellsOf, putCell, savePresent } from './restoring';
import type { IView } from './status';
import type { IDone, TimelineModel } from './timeline';
import { VersionsSection } from './versions';
import { itemText } from './words';

/** What the panel is made of. */
export interface IOptions {
  model: TimelineModel;
  tracker: INotebookTracker | null;
  contents: Contents.IManager;
  /** Run one of our commands with the file's path. */
  run: (command: string, path: string) => void;
  trans: TranslationBundle;
}

/** A sidebar that follows the notebook in front while it is shown. */
export class BackupsPanel extends ReactWidget implements IView {
  constructor(private _options: IOptions) {
    super();
    const { model, tracker, trans } = _options;
    this.id = 'jp-emr-backups';
    this.addClass('jp-EmrSection');
    this.addClass('jp-EmrBackups');
    this.title.icon = emrIcon;
    this.title.caption = trans.__('EMR backups');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('EMR backups'));
    this.node.tabIndex = -1;
    const watching = model.status.watch(this);
    this.disposed.connect(() => watching.dispose());
    tracker?.currentChanged.connect(this._onCurrent, this);
  }

  dispose(): void {
    this._options.tracker?.currentChanged.disconnect(this._onCurrent, this);
    this._options.model.dispose();
    super.dispose();
  }

  get path(): string | null {
    return this._options.model.path;
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._onCurrent();
    void this._options.model.status.refresh();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._options.model.pause();
  }

  protected render(): JSX.Element {
    return <Backups {...this._options} panel={() => this._panel()} />;
  }

  private _panel(): NotebookPanel | null {
    const { tracker, contents } = this._options;
    return notebookOf(this.path ?? undefined, tracker, contents);
  }

  private _onCurrent(): void {
    const { contents, model, tracker } = this._options;
    const panel = tracker?.currentWidget;
    if (this.isVisible && panel) {
      panel.context.pathChanged.connect(this._onCurrent, this);
      model.show(contents.localPath(panel.context.path));
    } else if (this.isVisible && !panel) {
      model.show(null);
    }
  }
}

function Backups(
  props: IOptions & { panel: () => NotebookPanel | null }
): JSX.Element {
  const { model, run, trans } = props;
  const { status } = model;
  useChanges(model.changed, status.changed);
  useSeconds(true);
  if (!status.isOn) {
    return <Off {...props} />;
  }
  if (model.path === null) {
    return (
      <p role="status" className="jp-EmrDim">
        {trans.__('Open a notebook to see its versions.')}
      </p>
    );
  }
  const { path } = model;
  const item = status.of(path);
  const save = async (): Promise<void> => {
    const panel = props.panel();
    if (panel) {
      await savePresent(panel);
    }
  };
  const reload = async (): Promise<void> => {
    await props.panel()?.context.revert();
  };
  return (
    <>
      <h3>
        <bdi>{path}</bdi>
      </h3>
      <p role="status">{trans.__('Backup: %1', itemText(item, trans))}</p>
      {item?.message && item.state !== 'conflict' && (
        <Problem
          problem={{ message: item.message, fix: item.fix, code: item.state }}
          kind={item.state === 'waiting' ? 'note' : 'failure'}
          trans={trans}
        />
      )}
      {model.problem && <Problem problem={model.problem} trans={trans} />}
      {model.done && <p role="status">{doneText(model.done, trans)}</p>}
      <div className="jp-EmrButtons">
        <Button onClick={() => run(BackupCommandIDs.backupNow, path)}>
          {trans.__('Back up now')}
        </Button>
      </div>
      {model.conflict && (
        <ConflictSection
          conflict={model.conflict}
          isBusy={model.isBusy}
          onResolve={choice => void model.resolve(choice, save, reload)}
          trans={trans}
        />
      )}
      <VersionsSection
        model={model}
        cells={() => {
          const panel = props.panel();
          return panel ? cellsOf(panel) : [];
        }}
        onRestore={version => void model.restore(version, save, reload)}
        onRestoreCell={(cell, then) => {
          const panel = props.panel();
          const work = panel ? savePresent(panel) : Promise.resolve();
          work.then(
            () => {
              if (panel) {
                putCell(panel, cell, then);
                model.choose(model.chosen);
              }
            },
            error => model.fail(error)
          );
        }}
        trans={trans}
      />
    </>
  );
}

/** What is said when something was brought back or a conflict ended. */
function doneText(done: IDone, trans: TranslationBundle): string {
  const kept = done.saved_present_as;
  if (!kept) {
    return trans.__('Done.');
  }
  return done.choice === 'both'
    ? trans.__('Done. Theirs is in %1, beside yours.', kept)
    : trans.__('Done. What was here before is kept as %1.', kept);
}

/** What is said where there are no backups: how to have some. */
function Off(props: IOptions): JSX.Element | null {
  const { model, trans } = props;
  const { status, problem } = model.status;
  if (!status && !problem) {
    return null;
  }
  const { message, fix } = problem ?? status!;
  return (
    <Problem
      problem={{ message, fix, code: problem?.code ?? 'backups-off' }}
      kind={problem ? 'failure' : 'note'}
      trans={trans}
    />
  );
}
