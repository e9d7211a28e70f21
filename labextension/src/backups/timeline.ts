/**
 * The versions of one file, and the conflict that it may be in.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import { asProblem } from '../request';
import type { IProblem } from '../request';
import type {
  BackupsClient,
  Choice,
  IConflict,
  IRestored,
  IVersion,
  IVersionList
} from './api';
import type { BackupStatusModel } from './status';

/** What was brought back, or how a conflict ended. */
export interface IDone extends IRestored {
  choice?: Choice;
}

/** What the panel shows; it asks when a file is shown, and when the state of its backup has changed. */
export class TimelineModel implements IDisposable {
  constructor(
    private _client: BackupsClient,
    readonly status: BackupStatusModel
  ) {
    status.changed.connect(this._onStatus, this);
  }

  /** Emitted when anything of this has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The file, relative to the server's folder. */
  get path(): string | null {
    return this._path;
  }

  /** Its versions, the latest first; null before the first answer. */
  get items(): readonly IVersion[] | null {
    return this._items;
  }

  /** What could not be found out of them. */
  get errors(): IVersionList['errors'] {
    return this._errors;
  }

  /** Why there are no versions, or why something could not be done. */
  get problem(): IProblem | null {
    return this._failed ?? this._problem;
  }

  /** What was done last. */
  get done(): IDone | null {
    return this._done;
  }

  /** The version that is compared. */
  get chosen(): IVersion | null {
    return this._chosen;
  }

  /** That version's notebook; null until it is there. */
  get content(): nbformat.INotebookContent | null {
    return this._content;
  }

  /** The conflict that the file is in, once it is known. */
  get conflict(): IConflict | null {
    return this._conflict;
  }

  /** Whether something is brought back or resolved now. */
  get isBusy(): boolean {
    return this._isBusy;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.status.changed.disconnect(this._onStatus, this);
    Signal.clearData(this);
  }

  /** Ask nothing more until something is shown again; what was chosen stays. */
  pause(): void {
    this._isPaused = true;
  }

  /** Show a file's versions; null shows none, and nothing is asked. */
  show(path: string | null): void {
    this._isPaused = false;
    if (path !== this._path) {
      this._path = path;
      this._items = null;
      this._errors = [];
      this._conflict = null;
      this._done = null;
      this._failed = null;
      this._problem = null;
      this.choose(null);
    }
    this._known = '';
    this._onStatus();
  }

  /** Ask for the versions anew, and for the conflict. */
  async load(): Promise<void> {
    const path = this._path;
    if (path === null || !this.status.isOn) {
      return;
    }
    const isConflict = this.status.of(path)?.state === 'conflict';
    const turn = ++this._turn;
    try {
      const [versions, conflict] = await Promise.all([
        this._client.versions(path),
        isConflict ? this._client.conflict(path) : null
      ]);
      if (turn === this._turn) {
        this._items = versions.items;
        this._errors = versions.errors;
        this._conflict = conflict;
        this._problem = null;
      }
    } catch (error) {
      if (turn === this._turn) {
        this._problem = asProblem(error);
      }
    }
    if (turn === this._turn && !this._isDisposed) {
      this._changed.emit();
    }
  }

  /** Compare a version with the present; null ends it. */
  choose(version: IVersion | null): void {
    this._chosen = version;
    this._failed = version ? null : this._failed;
    this._content = null;
    this._changed.emit();
    if (version && this._path !== null) {
      void this._read(this._path, version);
    }
  }

  /** Bring a version back; `before` saves the present, `after` shows what is on disk then. */
  restore(
    version: IVersion,
    before: () => Promise<void>,
    after: () => Promise<void>
  ): Promise<void> {
    return this._act(before, after, path =>
      this._client.restore(path, version.version_id)
    );
  }

  /** End the conflict. */
  resolve(
    choice: Choice,
    before: () => Promise<void>,
    after: () => Promise<void>
  ): Promise<void> {
    return this._act(before, after, async path => {
      const done = await this._client.resolve(path, choice);
      this._conflict = null;
      return { ...done, choice };
    });
  }

  /** Say why something could not be done. */
  fail(error: unknown): void {
    this._failed = asProblem(error);
    this._changed.emit();
  }

  private async _act(
    before: () => Promise<void>,
    after: () => Promise<void>,
    action: (path: string) => Promise<IDone>
  ): Promise<void> {
    const path = this._path;
    if (path === null || this._isBusy) {
      return;
    }
    this._isBusy = true;
    this._failed = null;
    this._done = null;
    this._changed.emit();
    try {
      await before();
      const done = await action(path);
      await after();
      if (path === this._path) {
        this._done = done;
        this.choose(null);
      }
    } catch (error) {
      if (path === this._path) {
        this._failed = asProblem(error);
      }
    }
    this._isBusy = false;
    this._changed.emit();
    this._known = '';
    await this.status.refresh();
  }

  private async _read(path: string, version: IVersion): Promise<void> {
    const isStill = (): boolean =>
      this._chosen === version && !this._isDisposed;
    try {
      const content = await this._client.content(path, version.version_id);
      if (isStill()) {
        this._content = content;
      }
    } catch (error) {
      if (isStill()) {
        this._chosen = null;
        this._failed = asProblem(error);
      }
    }
    this._changed.emit();
  }

  /** Ask anew when the file's backup has another state or version than was known. */
  private _onStatus(): void {
    const item = this.status.of(this._path);
    const known = [this.status.isOn, item?.state, item?.saved_at].join(' ');
    if (known !== this._known && this._path !== null && !this._isPaused) {
      this._known = known;
      if (item?.state !== 'conflict') {
        this._conflict = null;
      }
      void this.load();
    }
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
  private _chosen: IVersion | null = null;
  private _conflict: IConflict | null = null;
  private _content: nbformat.INotebookContent | null = null;
  private _done: IDone | null = null;
  private _failed: IProblem | null = null;
  private _errors: IVersionList['errors'] = [];
  private _isBusy = false;
  private _isDisposed = false;
  private _isPaused = false;
  private _items: readonly IVersion[] | null = null;
  private _known = '';
  private _path: string | null = null;
  private _problem: IProblem | null = null;
  private _turn = 0;
}
