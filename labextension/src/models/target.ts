/**
 * What the panel would attach: the notebook in front, or its folder.
 */
import { PathExt } from '@jupyterlab/coreutils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Attachment } from '../tokens';
import type { AttachmentsModel } from './attachments';

/** Follows the notebook in front and the attachment that holds for it. */
export class TargetModel implements IDisposable {
  constructor(
    private _tracker: INotebookTracker | null,
    private _attachments: AttachmentsModel,
    private _contents: Contents.IManager,
    private _folderShown: () => string
  ) {
    _tracker?.currentChanged.connect(this._onCurrent, this);
    _attachments.changed.connect(this._load, this);
    this._onCurrent();
  }

  /** Emitted when the notebook, its path or its attachment has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The notebook in front. */
  get panel(): NotebookPanel | null {
    return this._panel;
  }

  /** Its path, relative to the server's folder; null where no notebook is open. */
  get path(): string | null {
    const path = this._panel?.context.path;
    return path === undefined ? null : this._contents.localPath(path);
  }

  /** The notebook's folder, or the application's choice while none is open; empty for the server's own. */
  get folder(): string {
    const path = this.path;
    return path === null
      ? this._contents.localPath(this._folderShown())
      : PathExt.dirname(path);
  }

  /** The attachment that holds for the notebook, or for the folder where none is open; null also before it is known. */
  get attachment(): Attachment | null {
    return this.busy ? null : this._attachment;
  }

  /** Why the attachment is not known. */
  get problem(): IProblem | null {
    return this.busy ? null : this._problem;
  }

  /** Whether it is not known yet what holds here: what is known concerns another notebook. */
  get busy(): boolean {
    return this._known !== (this.path ?? this.folder);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._tracker?.currentChanged.disconnect(this._onCurrent, this);
    this._attachments.changed.disconnect(this._load, this);
    this._panel?.context.pathChanged.disconnect(this._onPath, this);
    Signal.clearData(this);
  }

  /** Take note that the application shows another folder: while no notebook is open, that is what would be attached. */
  onFolder(): void {
    if (this.path === null) {
      this._load();
    }
  }

  private _onCurrent(): void {
    this._panel?.context.pathChanged.disconnect(this._onPath, this);
    this._panel = this._tracker?.currentWidget ?? null;
    this._panel?.context.pathChanged.connect(this._onPath, this);
    this._load();
  }

  private _onPath(): void {
    this._attachments.invalidate(); // the server has moved it along
  }

  private _load(): void {
    const turn = ++this._turn;
    const path = this.path ?? this.folder;
    const settle = (
      attachment: Attachment | null,
      problem: IProblem | null
    ): void => {
      if (turn === this._turn && !this._isDisposed) {
        this._known = path;
        this._attachment = attachment;
        this._problem = problem;
        this._changed.emit();
      }
    };
    this._changed.emit();
    this._attachments.of(path).then(
      attachment => settle(attachment, null),
      error => settle(null, asProblem(error))
    );
  }

  private _attachment: Attachment | null = null;
  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _known: string | null = null;
  private _panel: NotebookPanel | null = null;
  private _problem: IProblem | null = null;
  private _turn = 0;
}
