/**
 * What a cell says while it waits for its kernel.
 */
import type { CodeCell } from '@jupyterlab/cells';
import type { IDisposable } from '@lumino/disposable';

const EVERY_MS = 1000;

/** A line below a cell's code, until it is disposed. */
export class WaitingNote implements IDisposable {
  /** `textOf` is given the seconds since the cell began to wait; what it returns is shown, and renewed each second. */
  constructor(
    cell: CodeCell,
    private _textOf: (seconds: number) => string
  ) {
    this._node.className = 'jp-EmrWaiting';
    this._node.setAttribute('role', 'status');
    const output = Array.from(cell.node.children).find(child =>
      child.classList.contains('jp-Cell-outputWrapper')
    );
    cell.node.insertBefore(this._node, output ?? null);
    this._show();
    this._timer = setInterval(() => this._show(), EVERY_MS);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    clearInterval(this._timer);
    this._node.remove();
  }

  private _show(): void {
    this._node.textContent = this._textOf((Date.now() - this._began) / 1000);
  }

  private _began = Date.now();
  private _isDisposed = false;
  private _node = document.createElement('div');
  private _timer: ReturnType<typeof setInterval>;
}
