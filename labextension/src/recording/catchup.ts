/**
 * One open notebook on a gateway kernel: it catches up with what was published while no tab was there, and goes on live.
 */
import type { CodeCell } from '@jupyterlab/cells';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { OutputArea } from '@jupyterlab/outputarea';
import { KernelMessage } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';

import { isEMRKernelspec } from '../notebooks';
import { takeOver, tellSaved } from './api';
import type { IRecording, IRun } from './api';
import { cellOf } from './cells';
import { acknowledge } from './file';
import { isKnown } from './numbers';
import { Saves } from './saves';
import { Showing } from './showing';
import { removeViews } from './widgets';

type Message = KernelMessage.IIOPubMessage;

/**
 * Watches a notebook's kernel connection. Each time it is made anew, the recording is taken over: messages that arrive
 * meanwhile wait, those that the recording has are dropped, and those after it are shown.
 */
export class CatchUp {
  constructor(private _panel: NotebookPanel) {
    const session = _panel.sessionContext;
    session.connectionStatusChanged.connect(this._onStatus, this);
    session.kernelChanged.connect(this._onKernel, this);
    session.iopubMessage.connect(this._onMessage, this);
    _panel.context.saveState.connect(this._onSave, this);
    _panel.disposed.connect(this._dispose, this);
    this._onKernel();
  }

  private _dispose(): void {
    const session = this._panel.sessionContext;
    session.connectionStatusChanged.disconnect(this._onStatus, this);
    session.kernelChanged.disconnect(this._onKernel, this);
    session.iopubMessage.disconnect(this._onMessage, this);
    this._panel.context.saveState.disconnect(this._onSave, this);
  }

  private _onKernel(): void {
    this._showings.clear();
    const kernel = this._panel.sessionContext.session?.kernel;
    if (kernel !== this._recordedBy) {
      this._saves.clear(); // a restart is told as a change too
    }
    if (kernel?.connectionStatus === 'connected') {
      this._begin(kernel);
    }
  }

  private _onStatus(_: unknown, status: Kernel.ConnectionStatus): void {
    const kernel = this._panel.sessionContext.session?.kernel;
    if (kernel && status === 'connected') {
      this._begin(kernel);
    }
  }

  private _begin(kernel: Kernel.IKernelConnection): void {
    // Messages may follow this very signal, so they are held from now on.
    const turn = ++this._turn;
    this._held = [];
    const taken = this._take(kernel);
    this._hold(taken);
    void taken
      .catch(error => {
        console.warn('The recording could not be taken over.', error);
      })
      .finally(() => {
        if (turn === this._turn) {
          this._release();
        }
      });
  }

  /** Let this tab's own executions wait for the recording, then show only what it does not have. */
  private _hold(taken: Promise<IRun[]>): void {
    const runs = taken.catch((): IRun[] => []);
    for (const cell of this._cells()) {
      const future = liveFuture(cell);
      if (future) {
        future.registerMessageHook(async message => {
          const id = future.msg.header.msg_id;
          const run = (await runs).find(one => one.msg_id === id);
          return !run || !isKnown(message.header.msg_id, run.last);
        });
      }
    }
  }

  private async _take(kernel: Kernel.IKernelConnection): Promise<IRun[]> {
    const panel = this._panel;
    const spec = await kernel.spec;
    if (!isEMRKernelspec(spec)) {
      return [];
    }
    this._gatewayKernel = kernel;
    await panel.context.ready;
    if (panel.context.model.collaborative) {
      return []; // the server edits the shared notebook itself
    }
    const recording = await takeOver(
      kernel.id,
      kernel.clientId,
      kernel.serverSettings
    );
    if (panel.isDisposed) {
      return [];
    }
    this._recordedBy = kernel;
    this._show(recording);
    const versions = recording.versions[panel.context.localPath] ?? [];
    await acknowledge(panel.context, versions);
    return recording.runs;
  }

  private _show(recording: IRecording): void {
    for (const run of recording.runs) {
      const cell = this._find(run);
      const future = cell && liveFuture(cell);
      const isOwn = future?.msg.header.msg_id === run.msg_id;
      if (!cell || (future && !isOwn)) {
        continue; // deleted, or run anew from here: it shows that execution and no other
      }
      const showing = new Showing(cell.model, run);
      showing.start();
      if (run.state === 'finished') {
        this._saves.ended(run.msg_id);
      }
      if (!isOwn) {
        this._showings.set(run.msg_id, [cell, showing]);
      } else if (run.state === 'finished') {
        future.dispose(); // its reply may have been lost
        showing.end();
      }
    }
  }

  private _find(run: IRun): CodeCell | undefined {
    const cells = this._cells().map(cell => ({
      id: cell.model.id,
      source: cell.model.sharedModel.getSource(),
      cell
    }));
    const notebook = this._panel.content.model;
    const hasIds =
      !notebook ||
      notebook.nbformat > 4 ||
      (notebook.nbformat === 4 && notebook.nbformatMinor >= 5);
    return cellOf(run, cells, hasIds)?.cell;
  }

  private _cells(): CodeCell[] {
    return this._panel.content.widgets.filter(
      (cell): cell is CodeCell => cell.model.type === 'code'
    );
  }

  private _onMessage(_: unknown, message: KernelMessage.IMessage): void {
    if (message.channel !== 'iopub') {
      return;
    }
    if (this._held) {
      this._held.push(message as Message);
    } else {
      this._handle(message as Message);
    }
  }

  private _release(): void {
    const held = this._held ?? [];
    this._held = null;
    held.forEach(message => this._handle(message));
  }

  private _handle(message: Message): void {
    const parent = message.parent_header as Partial<KernelMessage.IHeader>;
    const id = parent.msg_id ?? '';
    const [cell, showing] = this._showings.get(id) ?? [];
    if (cell && showing) {
      if (cell.isDisposed || liveFuture(cell)) {
        this._showings.delete(id); // deleted, or run anew from here
      } else {
        showing.take(message);
      }
    }
    // Another notebook may be on the same kernel, with a connection of its own.
    const isOurs = showing ?? parent.session === this._recordedBy?.clientId;
    const ends =
      parent.msg_type === 'execute_request' &&
      KernelMessage.isStatusMsg(message) &&
      message.content.execution_state === 'idle';
    const kernel = this._panel.sessionContext.session?.kernel;
    if (kernel && kernel === this._gatewayKernel) {
      if (KernelMessage.isCommCloseMsg(message)) {
        this._closedWidgets.add(message.content.comm_id);
        this._removeClosed('');
      } else if (ends) {
        this._removeClosed(id);
      }
    }
    if (isOurs && ends) {
      this._saves.ended(id);
    }
  }

  /** Remove what shows a widget that the kernel has closed, but from cells that run; `ended` runs no more. */
  private _removeClosed(ended: string): void {
    if (this._closedWidgets.size === 0) {
      return;
    }
    for (const cell of this._cells()) {
      const running = liveFuture(cell)?.msg.header.msg_id;
      // In a room only the tab that ran the cell does so: outputs put back by two would be there twice.
      const isShared = this._panel.context.model.collaborative;
      if (running === ended || (running === undefined && !isShared)) {
        const places = removeViews(cell.model, this._closedWidgets);
        for (const [shown, showing] of this._showings.values()) {
          if (places && shown === cell) {
            showing.moved(places);
          }
        }
      }
    }
  }

  private _onSave(_: unknown, state: DocumentRegistry.SaveState): void {
    this._saves.onSave(state);
  }

  private async _tellSaved(runs: string[]): Promise<void> {
    const kernel = this._panel.sessionContext.session?.kernel;
    if (kernel && kernel === this._recordedBy) {
      const { id, clientId, serverSettings } = kernel;
      await tellSaved(id, clientId, runs, serverSettings);
    }
  }

  private _turn = 0;
  private _saves = new Saves(runs => this._tellSaved(runs));
  /** The kernel, when it is one of ours. */
  private _gatewayKernel: Kernel.IKernelConnection | null = null;
  private _closedWidgets = new Set<string>();
  /** The kernel whose recording was taken over: one of another kind has none. */
  private _recordedBy: Kernel.IKernelConnection | null = null;
  private _held: Message[] | null = null;
  private _showings = new Map<string, [CodeCell, Showing]>();
}

/** Return the future of an execution of this tab that has not ended. */
function liveFuture(cell: CodeCell): OutputArea['future'] | undefined {
  // A cell far out of sight has no output area yet.
  const future = (cell.outputArea as OutputArea | undefined)?.future;
  return future && !future.isDisposed ? future : undefined;
}
