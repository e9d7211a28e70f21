/**
 * The commands of backups.
 */
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import { asProblem } from '../request';
import { BackupCommandIDs } from '../tokens';
import type { BackupStatusModel } from './status';

const describedBy = {
  args: { type: 'object', properties: { path: { type: 'string' } } }
};

/** Return the open notebook of a path, which may name its drive; of none, the one in front. */
export function notebookOf(
  path: string | undefined,
  tracker: INotebookTracker | null,
  contents: Contents.IManager
): NotebookPanel | null {
  if (path === undefined) {
    return tracker?.currentWidget ?? null;
  }
  const local = contents.localPath(path);
  const isAt = (panel: NotebookPanel): boolean =>
    contents.localPath(panel.context.path) === local;
  return tracker?.find(isAt) ?? null;
}

/** Add `emr:backup-now`. */
export function addBackupNow(
  commands: CommandRegistry,
  model: BackupStatusModel,
  tracker: INotebookTracker | null,
  contents: Contents.IManager,
  trans: TranslationBundle
): void {
  commands.addCommand(BackupCommandIDs.backupNow, {
    label: args =>
      args.path
        ? trans.__('EMR: Back Up This File Now')
        : trans.__('EMR: Back Up All Now'),
    describedBy,
    isVisible: () => model.isOn,
    execute: async args => {
      const path = args.path as string | undefined;
      const panel = notebookOf(path, tracker, contents);
      if (panel?.context.model.dirty) {
        await panel.context.save(); // so that what is seen is what is backed up
      }
      try {
        await model.backUp(path && contents.localPath(path));
      } catch (error) {
        const { message, fix } = asProblem(error);
        const text = trans.__('Nothing was backed up. %1', message);
        Notification.error([text, fix].filter(Boolean).join(' '), {
          autoClose: false
        });
      }
    }
  });
}
