/**
 * Cells that are run while their notebook's kernel starts on a compute wait for it: JupyterLab would run them on the
 * kernel that is about to go, or drop them without a word.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { CodeCell } from '@jupyterlab/cells';
import { runCell } from '@jupyterlab/notebook';
import type { INotebookCellExecutor } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';

import {
  hasKernel,
  isChanging,
  isEMRKernelspec,
  isMeantForEMR,
  isOnEMR,
  kernelspecOf
} from './notebooks';
import { WaitingNote } from './waitingnote';

const STARTING = ['initializing', 'starting', 'restarting'];

/** Knows which notebooks move to a compute now, and runs cells once their kernel is there. */
export class WaitingExecutor implements INotebookCellExecutor {
  constructor(private _specs: () => KernelSpec.ISpecModels | null) {}

  /** Let the cells of a notebook wait until its move to another kernel has ended, well or not. */
  hold(session: ISessionContext, move: Promise<unknown>): void {
    const end = (isThere: boolean): boolean => {
      if (this._moves.get(session) === ended) {
        this._moves.delete(session);
      } // else it moves on
      return isThere;
    };
    const ended = move.then(
      () => end(true),
      () => end(false)
    );
    this._moves.set(session, ended);
  }

  /** Run a cell as JupyterLab does, after its kernel is there; false where none came. */
  async runCell(
    options: INotebookCellExecutor.IRunCellOptions
  ): Promise<boolean> {
    const { cell, notebook, sessionContext } = options;
    if (cell.model.type === 'code' && sessionContext) {
      const named = notebook?.defaultKernelName;
      if (this._pending(sessionContext, named)) {
        const textOf = (seconds: number): string =>
          this.describe(sessionContext, seconds);
        const note = new WaitingNote(cell as CodeCell, textOf);
        try {
          if (!(await this._wait(cell as CodeCell, sessionContext, named))) {
            return false;
          }
        } finally {
          note.dispose();
        }
      }
    }
    return runCell(options);
  }

  /** Return what a waiting cell says after some seconds; set by who knows more of the start. */
  describe: (session: ISessionContext, seconds: number) => string = () => '';

  /** Wait until a cell's kernel is there; false where none came, or the cell is no more. */
  private async _wait(
    cell: CodeCell,
    session: ISessionContext,
    named: string
  ): Promise<boolean> {
    let pending = this._pending(session, named);
    for (; pending; pending = this._pending(session, named)) {
      cell.setPrompt('*');
      const isThere = await pending;
      if (cell.isDisposed) {
        return false;
      }
      if (!isThere && !this._moves.has(session)) {
        cell.setPrompt('');
        return false; // the notebook says why it has no kernel
      }
    }
    return true;
  }

  /** Return when a kernel that is on its way is there; null where none is. `named` is the kernelspec in the file. */
  private _pending(
    session: ISessionContext,
    named: string
  ): Promise<boolean> | null {
    const move = this._moves.get(session);
    if (move) {
      return move;
    }
    const specs = this._specs();
    const isOurs =
      isOnEMR(session, specs) ||
      isMeantForEMR(session, specs) ||
      // JupyterLab (4.6) shows the cells before it looks for the kernel: run then, a cell would ask for one in a dialog.
      (!kernelspecOf(session) && isEMRKernelspec(specs?.kernelspecs[named]));
    return isOurs && isStarting(session) ? started(session) : null;
  }

  private _moves = new WeakMap<ISessionContext, Promise<boolean>>();
}

/** Whether a notebook's first kernel, its next after a restart, or another than it has is on its way. */
export function isStarting(session: ISessionContext): boolean {
  const isComing = STARTING.includes(session.kernelDisplayStatus);
  return (
    isComing &&
    (!hasKernel(session) || session.isRestarting || isChanging(session))
  );
}

function started(session: ISessionContext): Promise<boolean> {
  return new Promise(resolve => {
    const check = (): void => {
      if (session.isDisposed || !isStarting(session)) {
        session.statusChanged.disconnect(check);
        session.kernelChanged.disconnect(check);
        session.disposed.disconnect(check);
        resolve(!session.isDisposed && hasKernel(session));
      }
    };
    session.statusChanged.connect(check);
    session.kernelChanged.connect(check);
    session.disposed.connect(check);
  });
}
