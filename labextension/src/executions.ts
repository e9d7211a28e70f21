/**
 * Which executions a notebook's kernel is at: its last status does not say it, since messages of widgets and subshells
 * publish `idle` in the middle of a cell (ipykernel 7).
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

/** What ends all executions, whether or not it is told of each. */
const ENDS = ['restarting', 'autorestarting', 'terminating', 'dead'];

/** Follows the executions of one notebook's kernel, whoever asked for them; those without a trace do not count. */
export class Executions implements IDisposable {
  constructor(private _session: ISessionContext) {
    _session.iopubMessage.connect(this._onMessage, this);
    _session.kernelChanged.connect(this._clear, this);
    _session.statusChanged.connect(this._onStatus, this);
    _session.connectionStatusChanged.connect(this._onConnection, this);
  }

  /** Emitted when one begins or ends. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** When the one that runs now began, in milliseconds; null where none is known. */
  get since(): number | null {
    return this._began.size ? Math.min(...this._began.values()) : null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._session.iopubMessage.disconnect(this._onMessage, this);
      this._session.kernelChanged.disconnect(this._clear, this);
      this._session.statusChanged.disconnect(this._onStatus, this);
      this._session.connectionStatusChanged.disconnect(
        this._onConnection,
        this
      );
      Signal.clearData(this);
    }
  }

  private _onMessage(_: unknown, message: KernelMessage.IMessage): void {
    const parent = message.parent_header as Partial<KernelMessage.IHeader>;
    const id = parent.msg_id ?? '';
    if (KernelMessage.isExecuteInputMsg(message)) {
      this._began.set(id, Date.now());
      this._changed.emit();
    } else if (
      KernelMessage.isStatusMsg(message) &&
      message.content.execution_state === 'idle' &&
      this._began.delete(id)
    ) {
      this._changed.emit();
    }
  }

  private _onStatus(_: unknown, status: string): void {
    if (ENDS.includes(status)) {
      this._clear();
    }
  }

  private _onConnection(_: unknown, status: Kernel.ConnectionStatus): void {
    if (status !== 'connected') {
      this._clear(); // its end may be told while nobody hears it
    }
  }

  private _clear(): void {
    if (this._began.size) {
      this._began.clear();
      this._changed.emit();
    }
  }

  private _began = new Map<string, number>();
  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
