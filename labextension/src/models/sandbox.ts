/**
 * The sandbox, an EMR on the server's own machine: whether it is offered, and how far its start is.
 */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { SandboxStatus } from '../tokens';

const PAUSE_MS = 1000;

/** What the server proposes to attach in a sandbox that it has started. */
export type Proposal = NonNullable<SandboxStatus['proposal']>;

/** Asks when it is shown, and each second while a start is under way. */
export class SandboxModel {
  constructor(
    private _client: EMRClient,
    private _pauseMs = PAUSE_MS
  ) {}

  /** Emitted when the server has said something else. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What the server said last; null before, and where it knows of no sandbox. */
  get status(): SandboxStatus | null {
    return this._status;
  }

  /** Why it did not start. */
  get problem(): IProblem | null {
    const said = this._status?.problem;
    return this._problem ?? (said ? { ...said, fix: said.fix ?? '' } : null);
  }

  /** Whether a start is under way. */
  get isStarting(): boolean {
    return this._status?.state === 'starting';
  }

  /** Ask whether there is one to offer, and follow a start that another tab has begun. */
  async look(): Promise<void> {
    await this._ask(() => this._client.getSandbox()).catch(() => undefined); // an older server has none
    await this._follow();
  }

  /** Start it, and return what to attach there; null where it did not start. */
  async start(): Promise<Proposal | null> {
    this._problem = null;
    try {
      await this._ask(() => this._client.startSandbox());
    } catch (error) {
      this._problem = asProblem(error);
      this._changed.emit();
      return null;
    }
    await this._follow();
    return this._status?.state === 'used' ? this._status.proposal : null;
  }

  /** Break the start off. */
  async cancel(): Promise<void> {
    await this._ask(() => this._client.cancelSandbox()).catch(error => {
      this._problem = asProblem(error);
      this._changed.emit();
    });
  }

  private async _ask(ask: () => Promise<SandboxStatus>): Promise<void> {
    const turn = ++this._turn;
    const status = await ask();
    if (turn === this._turn) {
      this._status = status;
      this._changed.emit();
    }
  }

  private async _follow(): Promise<void> {
    while (this.isStarting) {
      await new Promise(resolve => setTimeout(resolve, this._pauseMs));
      if (this.isStarting) {
        // One question that fails ends nothing: the server starts it all the same.
        await this._ask(() => this._client.getSandbox()).catch(() => undefined);
      }
    }
  }

  private _changed = new Signal<this, void>(this);
  private _problem: IProblem | null = null;
  private _status: SandboxStatus | null = null;
  private _turn = 0;
}
