/**
 * What notebooks on EMR get: a chip, cells that wait for their kernel, and reasons why it did not start.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISessionContextDialogs } from '@jupyterlab/apputils';
import { INotebookCellExecutor, INotebookTracker } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { takeComputes } from '../dropping';
import { Chip } from '../chip';
import { waitingText } from '../chipstate';
import { StartFailures } from '../failures';
import { KernelNotices, ReconnectingNotices } from '../kernelnotices';
import { CommandIDs } from '../tokens';
import { WaitingExecutor } from '../waiting';
import { IEMRModel } from './panel';
import type { EMRModel } from '../models/emr';

/** Runs cells once their kernel is there; takes the place of JupyterLab's plugin of the same purpose. */
export const executor: JupyterFrontEndPlugin<INotebookCellExecutor> = {
  id: 'jupyter_emr_connect:cell-executor',
  description: 'Lets cells wait for a kernel that starts on a compute.',
  autoStart: true,
  provides: INotebookCellExecutor, // the notebooks' tracker requires it, so it can require nothing that follows notebooks
  activate: (app: JupyterFrontEnd): INotebookCellExecutor =>
    new WaitingExecutor(() => app.serviceManager.kernelspecs.specs)
};

/** Adds the chip and the notices. */
export const notebook: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:notebook',
  description: 'Says in each notebook on EMR where it runs, and what failed.',
  autoStart: true,
  requires: [IEMRModel, INotebookTracker],
  optional: [INotebookCellExecutor, ISessionContextDialogs, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    model: EMRModel,
    tracker: INotebookTracker,
    executor: INotebookCellExecutor | null,
    dialogs: ISessionContextDialogs | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_emr_connect');
    const { kernelspecs } = app.serviceManager;
    const specs = (): KernelSpec.ISpecModels | null => kernelspecs.specs;
    const openPanel = (): void =>
      void app.commands.execute(CommandIDs.openPanel);
    // Asked when a start fails: the commands may be added after this.
    const panel = (): (() => void) | null =>
      app.commands.isEnabled(CommandIDs.openPanel) ? openPanel : null;
    const failures = new StartFailures(specs, panel, trans);
    const runAbove = (): void =>
      void app.commands.execute('notebook:run-all-above');
    const notices = new KernelNotices(panel, runAbove, trans);
    new ReconnectingNotices(
      model.kernels,
      (id, written) => model.computes.find(id)?.name ?? written ?? id,
      trans
    );
    if (dialogs) {
      failures.quieten(dialogs);
    }
    if (executor instanceof WaitingExecutor) {
      model.moving.connect((_, { session, move }) =>
        executor.hold(session, move)
      );
      executor.describe = (session, seconds) => {
        const path = model.contents.localPath(session.path);
        const id = model.isMoving(session) ? '' : session.session?.kernel?.id;
        return waitingText(model.kernels.startOf(id, path), seconds, trans);
      };
    }
    tracker.widgetAdded.connect((_, panel) => {
      failures.watch(panel);
      notices.watch(panel);
      takeComputes(panel, model, dropped => {
        app.shell.activateById(dropped.id);
        openPanel();
      });
      const chip = new Chip(panel, model, app.commands, specs, trans);
      // First: a toolbar too narrow for all moves its last items under "More commands".
      panel.toolbar.insertItem(0, 'emr', chip);
    });
    kernelspecs.specsChanged.connect(() => model.attachments.invalidate());
  }
};
