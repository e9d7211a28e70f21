/**
 * The plugin that lets notebooks on gateway kernels catch up.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { CatchUp } from '../recording/catchup';

/** For each notebook that is opened: what its kernel published while no tab was there. */
export const catchUp: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:catch-up',
  description:
    'Shows what gateway kernels published while no browser was connected and goes on live.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker): void => {
    tracker.widgetAdded.connect((_, panel) => {
      new CatchUp(panel);
    });
  }
};
