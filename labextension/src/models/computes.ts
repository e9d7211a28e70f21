/**
 * The live list of computes: asked for while somebody looks at it, and held for everybody.
 */
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Compute, ComputeList } from '../tokens';

/** Seconds that one request waits for news. */
const WAIT_S = 20;

type Query = Parameters<EMRClient['listComputes']>[0];

/** Return the key of a compute, which is one of a kind by its id. */
export function keyOf(compute: Pick<Compute, 'kind' | 'id'>): string {
  return `${compute.kind}/${compute.id}`;
}

/** What is kept of a compute, so that it can be offered before the list is asked for. */
export interface IComputeFacts {
  compute: string;
  name: string;
  hasSpark: boolean;
}

/** Return what to keep of a compute. */
export function factsOf(compute: Compute): IComputeFacts {
  const hasSpark =
    compute.kind !== 'ec2' || compute.applications.includes('Spark');
  return { compute: compute.id, name: compute.name, hasSpark };
}

/** Follows the server's list by a long poll; at rest while nobody looks or the browser's tab is hidden. */
export class ComputesModel implements IDisposable {
  constructor(private _client: EMRClient) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._ask(),
      frequency: { interval: 500, backoff: true, max: 30_000 },
      name: 'jupyter_emr_connect:computes',
      standby: 'when-hidden'
    });
  }

  /** Emitted when the list or its problem has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The newest answer; null before the first. */
  get list(): ComputeList | null {
    return this._list;
  }

  /** The computes known. */
  get items(): readonly Compute[] {
    return this._list?.items ?? [];
  }

  /** Why the list as a whole could not be had; null when it could. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Whether a first answer, or a refresh that was asked for, is under way. */
  get busy(): boolean {
    return this._refresh !== null || (!this._list && !this._problem);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._abort?.abort();
    this._refresh?.abort();
    this._poll.dispose();
    Signal.clearData(this);
  }

  /** Return the compute of a key, or of an id or ARN. */
  find(name: string): Compute | undefined {
    return this.items.find(
      row => keyOf(row) === name || row.id === name || row.arn === name
    );
  }

  /** Begin to follow the list; called when a view of it is shown. */
  start(): void {
    if (!this._following) {
      this._following = true;
      void this._poll.start();
    }
  }

  /** Ask once where nothing is known yet; called when a view is shown that shall not follow. */
  look(): void {
    if (!this._list) {
      void this._ask().catch(() => undefined); // the problem is kept
    }
  }

  /** End following; called when the last view is hidden. */
  stop(): void {
    this._following = false;
    this._abort?.abort();
    void this._poll.stop();
  }

  /** Ask AWS again now; also after another profile was chosen, where `anew` drops what is known. */
  async refresh(anew = false): Promise<void> {
    if (anew) {
      this._list = null;
      this._problem = null;
    }
    this._abort?.abort(); // its version is an old one
    this._refresh?.abort();
    const abort = (this._refresh = new AbortController());
    this._changed.emit();
    await this._get({ refresh: 'true' }, abort).catch(() => undefined); // the problem is kept
    if (abort === this._refresh) {
      this._refresh = null;
      this._changed.emit();
      if (this._following) {
        void this._poll.refresh();
      }
    }
  }

  private _ask(): Promise<void> {
    const abort = (this._abort = new AbortController());
    const since = this._list?.version;
    return this._get(since ? { since, wait: String(WAIT_S) } : {}, abort);
  }

  /** Take an answer, unless it is wanted no more; raise its failure, so that the poll backs off. */
  private async _get(query: Query, abort: AbortController): Promise<void> {
    const { signal } = abort;
    try {
      const list = await this._client.listComputes(query, signal);
      if (!signal.aborted) {
        this._take(list);
      }
    } catch (error) {
      if (!signal.aborted) {
        this._problem = asProblem(error);
        this._changed.emit();
        throw error;
      }
    }
  }

  private _take(list: ComputeList): void {
    const isNews =
      list.version !== this._list?.version || this._problem !== null;
    this._list = list;
    this._problem = null;
    if (isNews) {
      this._changed.emit();
    }
  }

  private _abort: AbortController | null = null;
  private _changed = new Signal<this, void>(this);
  private _following = false;
  private _list: ComputeList | null = null;
  private _poll: Poll;
  private _problem: IProblem | null = null;
  private _refresh: AbortController | null = null;
}
