/**
 * How far backups are: of all files, and of the notebooks in sight.
 */
import { DisposableDelegate } from '@lumino/disposable';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { BackupsClient, IBackupItem, IBackupStatus } from './api';

const CALM = { backoff: true, interval: 10_000, max: 60_000 };
const BUSY = { ...CALM, interval: 2_000 };

/** Something that shows the state of backups. */
export interface IView {
  /** Whether it is in sight now. */
  readonly isVisible: boolean;
  /** The file that it shows; null for all. */
  readonly path: string | null;
}

/** Asks while a view is in sight and backups are on; where they are off, once and when somebody wants to know. */
export class BackupStatusModel implements IDisposable {
  constructor(private _client: BackupsClient) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._ask(),
      frequency: CALM,
      name: 'jupyter_emr_connect:backups',
      standby: () =>
        document.hidden || ![...this._views].some(view => view.isVisible)
    });
  }

  /** Emitted when something has been told. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The last answer; null before the first. Its items are those of the files in sight. */
  get status(): IBackupStatus | null {
    return this._status;
  }

  /** Whether a location is set, as far as is known. */
  get isOn(): boolean {
    return this._status !== null && this._status.location !== null;
  }

  /** Why the last question had no answer. */
  get problem(): IProblem | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  /** Return what is known of a file's backup. */
  of(path: string | null): IBackupItem | undefined {
    return this._status?.items.find(item => item.path === path);
  }

  /** Ask for what a view shows, until that is disposed of. */
  watch(view: IView): IDisposable {
    this._views.add(view);
    return new DisposableDelegate(() => void this._views.delete(view));
  }

  /** Ask now; begins to follow where backups are on. */
  async refresh(): Promise<void> {
    await this._ask().catch(() => undefined); // the problem is kept
  }

  /** Ask now if backups are on: something has happened to a file. */
  touch(): void {
    if (this.isOn) {
      void this.refresh();
    }
  }

  /** Upload what waits, of a file or of all. */
  async backUp(path?: string): Promise<void> {
    await this._client.now(path);
    await this.refresh();
  }

  private async _ask(): Promise<void> {
    const turn = ++this._turn;
    const seen = [...this._views].filter(view => view.isVisible);
    const paths = new Set(seen.flatMap(view => view.path ?? []));
    try {
      const answers = await Promise.all(
        [...paths].map(path => this._client.status(path))
      );
      if (answers.every(answer => answer.location === null)) {
        answers.unshift(await this._client.status()); // others may have backups
      }
      if (turn < this._shown || this.isDisposed) {
        return; // a later question was answered first
      }
      this._shown = turn;
      const items = answers.flatMap(answer => answer.items);
      const shown = answers.find(answer => answer.location !== null);
      this._status = { ...(shown ?? answers[0]), items };
      this._problem = null;
    } catch (error) {
      if (turn >= this._shown && !this.isDisposed) {
        this._problem = asProblem(error);
        this._changed.emit();
      }
      throw error;
    }
    this._follow();
    this._changed.emit();
  }

  private _follow(): void {
    if (!this.isOn) {
      void this._poll.stop();
      return;
    }
    this._poll.frequency = this._status?.waiting ? BUSY : CALM;
    if (this._poll.state.phase === 'constructed' || this._stopped) {
      void this._poll.start();
    }
  }

  private get _stopped(): boolean {
    return this._poll.state.phase === 'stopped';
  }

  private _changed = new Signal<this, void>(this);
  private _poll: Poll;
  private _problem: IProblem | null = null;
  private _shown = 0;
  private _status: IBackupStatus | null = null;
  private _turn = 0;
  private _views = new Set<IView>();
}
