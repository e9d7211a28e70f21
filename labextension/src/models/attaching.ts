/**
 * One attachment on its way: what is attached, for how long it has been, and how it ended.
 */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Attachment, NewAttachment } from '../tokens';

/** The steps that the server takes, by the `hop` of an error at each. */
export const HOPS = ['compute', 'credentials', 'address', 'gateway', 'store'];

/** The name and password of a compute's own user; nothing of them where none are needed. */
export type ILogin = Pick<NewAttachment, 'username' | 'password'>;

/** Tries again what was more than attaching, by the login that was typed meanwhile. */
export type Again = (login: ILogin) => unknown;

/** An attachment that failed. */
export interface IFailed {
  what: NewAttachment;
  problem: IProblem;
  /** Null where attaching again is all. */
  again: Again | null;
}

/** Return what may be kept and tried again: a password is sent once, and kept by the server alone. */
function withoutLogin(what: NewAttachment): NewAttachment {
  const kept = { ...what };
  delete kept.username;
  delete kept.password;
  return kept;
}

/** Return what a path is called after a rename of itself or of a folder above it. */
function movedPath(path: string, former: string, now: string): string {
  return path === former || path.startsWith(`${former}/`)
    ? now + path.slice(former.length)
    : path;
}

/** Attaches one notebook or folder at a time, and keeps its name when it is renamed meanwhile. */
export class AttachingModel {
  constructor(
    private _client: EMRClient,
    private _now: () => number = () => Date.now()
  ) {}

  /** Emitted when an attachment begins or ends. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with each attachment that was made. */
  get attached(): ISignal<this, Attachment> {
    return this._attached;
  }

  /** What is being attached now. */
  get current(): NewAttachment | null {
    return this._current;
  }

  /** Seconds since it began. */
  get seconds(): number {
    return (this._now() - this._began) / 1000;
  }

  /** What failed last, until the next begins. */
  get failed(): IFailed | null {
    return this._failed;
  }

  /** What was attached last, until the next begins. */
  get done(): Attachment | null {
    return this._done;
  }

  /**
   * Attach and return the attachment; null when it failed or was cancelled. One that is under way is cancelled first.
   * `again` tries it again, where more is to be done than attaching.
   */
  async attach(
    what: NewAttachment,
    again: Again | null = null
  ): Promise<Attachment | null> {
    this.cancel();
    const abort = (this._abort = new AbortController());
    this._current = withoutLogin(what);
    const moves: [string, string][] = (this._moves = []);
    this._began = this._now();
    this._failed = this._done = null;
    this._changed.emit();
    try {
      const made = await this._client.attach(what, abort.signal);
      if (abort.signal.aborted) {
        return null;
      }
      // The server has stored it under the name of then, or of now where it has heard of the rename in time.
      const path = moves.reduce<string | null>(
        (path, move) => path && movedPath(path, ...move),
        made.path
      );
      this._done = { ...made, path };
      this._attached.emit(this._done);
      return this._done;
    } catch (error) {
      if (!abort.signal.aborted && this._current) {
        this._failed = {
          what: this._current,
          problem: asProblem(error),
          again
        };
      }
      return null;
    } finally {
      if (abort === this._abort) {
        this._current = null;
        this._changed.emit();
      }
    }
  }

  /** Take note that a notebook or folder was renamed: what is said of it, and tried again, goes by its new name. */
  move(former: string, now: string): void {
    this._moves.push([former, now]);
    const { _current: current, _failed: failed, _done: done } = this;
    const renamed = <T extends { path: string | null }>(what: T): T => ({
      ...what,
      path: what.path && movedPath(what.path, former, now)
    });
    this._current = current && renamed(current);
    this._failed = failed && { ...failed, what: renamed(failed.what) };
    this._done = done && renamed(done);
    this._changed.emit();
  }

  /** End what is under way; the server ends its work too. */
  cancel(): void {
    this._abort?.abort();
    this._abort = null;
    if (this._current) {
      this._current = null;
      this._changed.emit();
    }
  }

  /** Take the notice of a failure or success away. */
  dismiss(): void {
    this._failed = this._done = null;
    this._changed.emit();
  }

  private _abort: AbortController | null = null;
  private _attached = new Signal<this, Attachment>(this);
  private _began = 0;
  private _changed = new Signal<this, void>(this);
  private _current: NewAttachment | null = null;
  private _done: Attachment | null = null;
  private _failed: IFailed | null = null;
  private _moves: [string, string][] = [];
}
