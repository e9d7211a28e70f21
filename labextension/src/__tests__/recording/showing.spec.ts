import type { ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { KernelMessage } from '@jupyterlab/services';

import type { IRun } from '../../recording/api';
import { Showing } from '../../recording/showing';

/** The part of a code cell's model that a run is shown in; streams are joined as JupyterLab's does. */
class Cell {
  shown: nbformat.IOutput[] = [];
  executionCount: number | null = null;
  executionState = 'idle';
  trusted = false;
  private _clearFirst = false;

  outputs = {
    fromJSON: (outputs: nbformat.IOutput[]): void => {
      this.shown = outputs.map(output => ({ ...output }));
    },
    add: (output: nbformat.IOutput): void => {
      if (this._clearFirst) {
        this.shown = [];
        this._clearFirst = false;
      }
      const last = this.shown[this.shown.length - 1];
      if (output.output_type === 'stream' && last?.name === output.name) {
        last.text = (last.text as string) + (output.text as string);
      } else {
        this.shown.push({ ...output });
      }
    },
    clear: (wait?: boolean): void => {
      this._clearFirst = wait ?? false;
      if (!wait) {
        this.shown = [];
      }
    },
    set: (index: number, output: nbformat.IOutput): void => {
      this.shown[index] = output;
    },
    length: (): number => this.shown.length
  };
}

function cellWith(run: Partial<IRun>): [Cell, Showing] {
  const cell = new Cell();
  Object.defineProperty(cell.outputs, 'length', {
    get: () => cell.shown.length
  });
  const showing = new Showing(cell as unknown as ICodeCellModel, {
    msg_id: 'm',
    session: 's',
    cell_id: 'c',
    code: 'x',
    execution_count: null,
    state: 'running',
    outputs: [],
    displays: {},
    last: {},
    ...run
  });
  showing.start();
  return [cell, showing];
}

function message(
  number: number,
  type: string,
  content: unknown
): KernelMessage.IIOPubMessage {
  return {
    channel: 'iopub',
    header: { msg_id: `k_1_${number}`, msg_type: type },
    parent_header: { msg_id: 'm' },
    metadata: {},
    content
  } as unknown as KernelMessage.IIOPubMessage;
}

const stream = (number: number, text: string): KernelMessage.IIOPubMessage =>
  message(number, 'stream', { name: 'stdout', text });

describe('a run', () => {
  it('begins with what was recorded and goes on with what is new', () => {
    const outputs = [{ output_type: 'stream', name: 'stdout', text: '1\n2\n' }];
    const [cell, showing] = cellWith({ outputs, last: { k_1: 2 } });
    expect(cell.executionState).toBe('running');
    for (const number of [1, 2, 3, 4]) {
      showing.take(stream(number, `${number}\n`));
    }
    expect(cell.shown).toEqual([{ ...outputs[0], text: '1\n2\n3\n4\n' }]);
  });

  it('ends with its count', () => {
    const [cell, showing] = cellWith({});
    showing.take(message(1, 'execute_input', { execution_count: 7 }));
    expect(cell.executionCount).toBeNull();
    showing.take(message(2, 'status', { execution_state: 'busy' }));
    expect(cell.executionState).toBe('running');
    showing.take(message(3, 'status', { execution_state: 'idle' }));
    expect([cell.executionCount, cell.executionState]).toEqual([7, 'idle']);
  });

  it('that has ended is not shown as running', () => {
    const [cell] = cellWith({ state: 'finished', execution_count: 3 });
    expect([cell.executionCount, cell.executionState]).toEqual([3, 'idle']);
  });

  it('updates displays, also recorded ones, in their place', () => {
    const data = (text: string): nbformat.IMimeBundle => ({
      'text/plain': text
    });
    const [cell, showing] = cellWith({
      outputs: [{ output_type: 'display_data', data: data('a'), metadata: {} }],
      displays: { d1: [0] },
      last: { k_1: 1 }
    });
    const transient = (name: string): unknown => ({ display_id: name });
    const shown = { data: data('b'), metadata: {}, transient: transient('d2') };
    showing.take(message(2, 'display_data', shown));
    for (const [number, name] of [
      [3, 'd1'],
      [4, 'd2']
    ] as const) {
      const update = { ...shown, data: data(name), transient: transient(name) };
      showing.take(message(number, 'update_display_data', update));
    }
    expect(cell.shown.map(output => output.data)).toEqual([
      data('d1'),
      data('d2')
    ]);
  });

  it('updates displays in their place when one before them was removed', () => {
    const [cell, showing] = cellWith({
      outputs: ['bar', 'a', 'b'].map(text => ({
        output_type: 'display_data',
        data: { 'text/plain': text },
        metadata: {}
      })),
      displays: { d0: [0], d2: [2] },
      last: { k_1: 1 }
    });
    cell.shown.shift();
    showing.moved([undefined, 0, 1]);
    for (const [number, name] of [
      [2, 'd0'],
      [3, 'd2']
    ] as const) {
      const data = { 'text/plain': name };
      const transient = { display_id: name };
      showing.take(
        message(number, 'update_display_data', {
          data,
          transient,
          metadata: {}
        })
      );
    }
    expect(cell.shown.map(output => output.data)).toEqual([
      { 'text/plain': 'a' },
      { 'text/plain': 'd2' }
    ]);
  });

  it('clears its outputs, at once or with the next one', () => {
    const [cell, showing] = cellWith({});
    showing.take(stream(1, 'a'));
    showing.take(message(2, 'clear_output', { wait: true }));
    expect(cell.shown).toHaveLength(1);
    showing.take(stream(3, 'b'));
    expect(cell.shown.map(output => output.text)).toEqual(['b']);
    showing.take(message(4, 'clear_output', { wait: false }));
    expect(cell.shown).toEqual([]);
  });
});
