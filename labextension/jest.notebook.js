/**
 * In place of JupyterLab's notebooks, which bring editors that jsdom cannot load: their tokens, and the running of a
 * cell as far as it reaches the kernel.
 */
const { Token } = require('@lumino/coreutils');

exports.INotebookCellExecutor = new Token(
  '@jupyterlab/notebook:INotebookCellExecutor'
);
exports.INotebookTracker = new Token('@jupyterlab/notebook:INotebookTracker');
exports.runCell = async ({ cell, onCellExecutionScheduled }) => {
  onCellExecutionScheduled({ cell });
  return true;
};
