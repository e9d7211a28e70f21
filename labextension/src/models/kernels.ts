/**
 * The kernels on computes that were started from here.
 */
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { EMRKernel, KernelStart, PartialError } from '../tokens';

const EVERY_MS = 2_000;
/** Every so many requests the gateways are asked too. */
const CHECK_EACH = 5;

/** Follows the ledger while a view of it is shown. */
export class KernelsModel implements IDisposable {
  constructor(private _client: EMRClient) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._ask(this._asked++ % CHECK_EACH === 0),
      frequency: { interval: EVERY_MS, backoff: true, max: 30_000 },
      name: 'jupyter_emr_connect:kernels',
      standby: 'when-hidden'
    });
  }

  /** Emitted when the kernels or the problem have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The kernels, the latest first; null before the first answer. */
  get items(): readonly EMRKernel[] | null {
    return this._items;
  }

  /** Another text once any attachment has changed, here or elsewhere; null before the first answer. */
  get attachmentsVersion(): string | null {
    return this._attachmentsVersion;
  }

  /** Why single gateways could not be asked. */
  get errors(): readonly PartialError[] {
    return this._errors;
  }

  /** Why there is no list. */
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

  /** Begin to follow; each view calls it when shown, and {@link stop} when hidden. */
  start(): void {
    if (this._views++ === 0) {
      void this._poll.start();
    }
  }

  /** End following for one view. */
  stop(): void {
    if (this._views > 0 && --this._views === 0) {
      void this._poll.stop();
    }
  }

  /** Ask now, the gateways too. */
  async refresh(): Promise<void> {
    await this._ask(true).catch(() => undefined); // the problem is kept
  }

  /** Return the kernel that Jupyter knows by this id. */
  ofJupyter(id: string): EMRKernel | undefined {
    return this._items?.find(kernel => kernel.local_id === id);
  }

  /** The starts and restarts that are under way. */
  get starts(): readonly KernelStart[] {
    return this._starts;
  }

  /** Return the start or restart of a kernel by its id in Jupyter, or of the kernel of a notebook that has none yet. */
  startOf(id: string | undefined, notebook: string): KernelStart | undefined {
    return this._starts.find(start =>
      id ? start.local_id === id : start.notebook === notebook
    );
  }

  /** Cancel a start, and ask anew. */
  async cancel(start: KernelStart): Promise<void> {
    await this._client.deleteKernel(start.local_id);
    await this.refresh();
  }

  /** Delete kernels on their computes and ask anew; raises the first failure after all were tried. */
  async shutDown(ids: readonly string[]): Promise<void> {
    const calls = ids.map(id => this._client.deleteKernel(id));
    const failed = (await Promise.allSettled(calls)).find(
      (call): call is PromiseRejectedResult => call.status === 'rejected'
    );
    await this.refresh();
    if (failed) {
      throw failed.reason;
    }
  }

  private async _ask(check: boolean): Promise<void> {
    const turn = ++this._turn;
    try {
      const list = await this._client.listKernels(check);
      if (turn < this._shown) {
        return; // a later request was answered first
      }
      this._shown = turn;
      // Where the gateways were not asked their last word stands.
      const states = new Map(
        this._items?.map(kernel => [kernel.kernel_id, kernel])
      );
      this._items = check
        ? list.items
        : list.items.map(kernel => withState(kernel, states));
      this._starts = list.starts ?? []; // an older server has none
      this._attachmentsVersion = list.attachments_version ?? null;
      this._errors = check ? list.errors : this._errors;
      this._problem = null;
    } catch (error) {
      if (turn < this._shown) {
        return;
      }
      this._problem = asProblem(error);
      this._changed.emit();
      throw error;
    }
    this._changed.emit();
  }

  private _asked = 0;
  private _attachmentsVersion: string | null = null;
  private _changed = new Signal<this, void>(this);
  private _errors: readonly PartialError[] = [];
  private _items: readonly EMRKernel[] | null = null;
  private _poll: Poll;
  private _problem: IProblem | null = null;
  private _shown = 0;
  private _starts: readonly KernelStart[] = [];
  private _turn = 0;
  private _views = 0;
}

function withState(
  kernel: EMRKernel,
  before: Map<string, EMRKernel>
): EMRKernel {
  const known = before.get(kernel.kernel_id);
  return known && known.link === kernel.link
    ? { ...kernel, state: known.state }
    : kernel;
}
