/**
 * One run in one cell: the recorded outputs, then the live messages.
 */
import type { ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import { KernelMessage } from '@jupyterlab/services';

import type { IRun } from './api';
import { isKnown } from './numbers';

/**
 * Shows a run whose request was sent by another front end, or by this one before its connection was lost.
 */
export class Showing {
  constructor(
    private _cell: ICodeCellModel,
    private _run: IRun
  ) {}

  /** Show what was recorded. */
  start(): void {
    const { outputs, displays, execution_count, state } = this._run;
    this._cell.outputs.fromJSON(outputs);
    this._cell.trusted = true;
    const runs = state === 'running';
    this._cell.executionCount = runs ? null : execution_count;
    this._cell.executionState = runs ? 'running' : 'idle';
    this._displays = new Map(Object.entries(displays));
  }

  /** Whether a message is shown already. */
  isShown(message: KernelMessage.IIOPubMessage): boolean {
    return isKnown(message.header.msg_id, this._run.last);
  }

  /** Show a live message; return whether the run has ended. */
  take(message: KernelMessage.IIOPubMessage): boolean {
    if (this.isShown(message)) {
      return false;
    }
    if (KernelMessage.isExecuteInputMsg(message)) {
      this._run.execution_count = message.content.execution_count;
    } else if (KernelMessage.isStatusMsg(message)) {
      if (message.content.execution_state === 'idle') {
        this.end();
        return true;
      }
    } else if (KernelMessage.isClearOutputMsg(message)) {
      this._cell.outputs.clear(message.content.wait);
      this._displays.clear();
    } else if (KernelMessage.isUpdateDisplayDataMsg(message)) {
      this._update(message);
    } else if (
      KernelMessage.isStreamMsg(message) ||
      KernelMessage.isDisplayDataMsg(message) ||
      KernelMessage.isExecuteResultMsg(message) ||
      KernelMessage.isErrorMsg(message)
    ) {
      this._add(message);
    }
    return false;
  }

  /** Take note that some outputs were removed from the cell: `places` has the new place of each former one. */
  moved(places: readonly (number | undefined)[]): void {
    for (const [name, former] of this._displays) {
      const kept = former.map(place => places[place]);
      this._displays.set(
        name,
        kept.filter(place => place !== undefined)
      );
    }
  }

  /** Show that the run has ended. */
  end(): void {
    this._cell.executionCount = this._run.execution_count;
    this._cell.executionState = 'idle';
  }

  private _add(
    message:
      | KernelMessage.IStreamMsg
      | KernelMessage.IDisplayDataMsg
      | KernelMessage.IExecuteResultMsg
      | KernelMessage.IErrorMsg
  ): void {
    const outputs = this._cell.outputs;
    const output = {
      ...message.content,
      output_type: message.header.msg_type
    } as nbformat.IOutput;
    outputs.add(output);
    if (KernelMessage.isDisplayDataMsg(message)) {
      const name = message.content.transient?.display_id;
      if (name) {
        const places = this._displays.get(name) ?? [];
        this._displays.set(name, [...places, outputs.length - 1]);
      }
    }
  }

  private _update(message: KernelMessage.IUpdateDisplayDataMsg): void {
    const output = { ...message.content, output_type: 'display_data' };
    const name = message.content.transient.display_id ?? '';
    for (const place of this._displays.get(name) ?? []) {
      this._cell.outputs.set(place, output);
    }
  }

  private _displays = new Map<string, number[]>();
}
