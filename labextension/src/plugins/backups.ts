/**
 * Backups in S3: how far they are, and what can be brought back.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { BackupsClient } from '../backups/api';
import { addBackupNow } from '../backups/commands';
import { BackupChip, BackupStatusItem } from '../backups/items';
import { BackupsPanel } from '../backups/panel';
import { BackupStatusModel } from '../backups/status';
import { TimelineModel } from '../backups/timeline';
import { BackupCommandIDs } from '../tokens';

/** Status bar, toolbars, commands, and the panel of versions, which is there once it was asked for. */
export const backups: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:backups',
  description: 'The state of backups in S3, and the versions of notebooks.',
  autoStart: true,
  optional: [INotebookTracker, IStatusBar, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    bar: IStatusBar | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_emr_connect');
    const { commands, serviceManager, shell } = app;
    const { contents } = serviceManager;
    const client = new BackupsClient(serviceManager.serverSettings);
    const model = new BackupStatusModel(client);
    const run = (command: string, path?: string): void =>
      void commands.execute(command, path === undefined ? {} : { path });

    addBackupNow(commands, model, tracker, contents, trans);
    const isInFront = (path: string): boolean =>
      contents.localPath(tracker?.currentWidget?.context.path ?? '') ===
      contents.localPath(path);
    let panel: BackupsPanel | null = null;
    const show = async (path: string | undefined): Promise<void> => {
      if (path !== undefined && !isInFront(path)) {
        await commands.execute('docmanager:open', { path });
      }
      if (!panel || panel.isDisposed) {
        panel = new BackupsPanel({
          model: new TimelineModel(client, model),
          tracker,
          contents,
          run,
          trans
        });
        shell.add(panel, 'right', { rank: 1100, type: 'EMR backups' });
      }
      shell.activateById(panel.id);
    };
    const describedBy = {
      args: { type: 'object', properties: { path: { type: 'string' } } }
    };
    commands.addCommand(BackupCommandIDs.showVersions, {
      label: trans.__('EMR: Show Versions'),
      caption: trans.__('Old states of the notebook in S3'),
      describedBy,
      execute: args => show(args.path as string | undefined)
    });
    commands.addCommand(BackupCommandIDs.backupResolve, {
      label: trans.__('EMR: Resolve the Conflict with S3 …'),
      describedBy,
      isVisible: () => model.status?.state === 'conflict',
      execute: args => show(args.path as string | undefined)
    });
    for (const command of Object.values(BackupCommandIDs)) {
      palette?.addItem({ command, category: 'EMR' });
    }

    const open = (path?: string): void =>
      run(BackupCommandIDs.showVersions, path);
    bar?.registerStatusItem('jupyter_emr_connect:backups', {
      item: new BackupStatusItem(model, () => open(), trans),
      align: 'left',
      rank: 21
    });
    tracker?.widgetAdded.connect((_, notebook) => {
      const chip = new BackupChip(notebook, contents, model, open, trans);
      if (!notebook.toolbar.insertBefore('kernelName', 'emr-backup', chip)) {
        notebook.toolbar.addItem('emr-backup', chip);
      }
    });
    void app.restored.then(() => model.refresh());
  }
};
