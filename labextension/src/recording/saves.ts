/**
 * Which runs a notebook's saves have settled: what was saved after a run had ended is what the user wants to keep of it.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';

/**
 * Collects the runs that have ended here, and hands those that had when a save began to `tell` once it is done.
 */
export class Saves {
  constructor(private _tell: (runs: string[]) => Promise<void>) {}

  /** Take note that a run has ended, and that all it published was shown. */
  ended(msgId: string): void {
    this._ended.add(msgId);
  }

  /** Forget what belongs to another kernel. */
  clear(): void {
    this._ended.clear();
    this._saving = [];
  }

  /** Take note of a document's state; called by its context's `saveState`. */
  onSave(state: DocumentRegistry.SaveState): void {
    if (state === 'started') {
      this._saving = [...this._ended];
    } else if (state !== 'failed' && this._saving.length) {
      const runs = this._saving;
      this._saving = [];
      this._tell(runs).then(
        () => runs.forEach(run => this._ended.delete(run)),
        error => {
          // With the next save again; until then the recording has them.
          console.warn('The server was not told of a save.', error);
        }
      );
    }
  }

  private _ended = new Set<string>();
  private _saving: string[] = [];
}
