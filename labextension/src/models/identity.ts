/**
 * Who the server is to AWS, and the profiles that one may change to.
 */
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Identity } from '../tokens';

/** Asks once it is shown, again when the user says so, and when it is shown after the credentials' end. */
export class IdentityModel implements IDisposable {
  constructor(private _client: EMRClient) {}

  /** Emitted when the caller, or the reason why it is not known, has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The caller; null before the first answer and where there is none. */
  get identity(): Identity | null {
    return this._identity;
  }

  /** Why the caller is not known. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** The AWS profiles that one could change to. */
  get profiles(): readonly string[] {
    return this._problem?.profiles ?? this._identity?.profiles ?? [];
  }

  /** Whether an answer is under way. */
  get busy(): boolean {
    return this._busy;
  }

  /** Whether the caller's credentials have expired. */
  get isOver(): boolean {
    const end = this._identity?.expires_at;
    return typeof end === 'string' && Date.parse(end) <= Date.now();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  /** Ask who the server is. */
  refresh(): Promise<void> {
    return this._ask(() => this._client.getIdentity());
  }

  /** Change the AWS profile of the server. */
  choose(profile: string | null): Promise<void> {
    return this._ask(() => this._client.putIdentity(profile));
  }

  private async _ask(ask: () => Promise<Identity>): Promise<void> {
    const turn = ++this._turn;
    const settle = (caller: Identity | null, why: IProblem | null): void => {
      if (turn === this._turn) {
        this._identity = caller;
        this._problem = why;
        this._busy = false;
      } // else the caller was changed meanwhile
    };
    this._busy = true;
    this._changed.emit();
    try {
      settle(await ask(), null);
    } catch (error) {
      settle(this._identity, asProblem(error));
    }
    this._changed.emit();
  }

  private _busy = false;
  private _changed = new Signal<this, void>(this);
  private _identity: Identity | null = null;
  private _isDisposed = false;
  private _problem: IProblem | null = null;
  private _turn = 0;
}
