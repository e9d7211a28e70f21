/**
 * @jest-environment ./jest.browser.js
 */
import type { INotebookCellExecutor } from '@jupyterlab/notebook';

import { isStarting, WaitingExecutor } from '../waiting';
import { FakeSession, Later, settled, SPECS, until } from './fakes';

/** A cell with the prompts it has shown. */
class Cell {
  constructor(type = 'code') {
    this.model = { type };
  }

  readonly model: { type: string };
  readonly node = document.createElement('div');
  readonly prompts: string[] = [];
  isDisposed = false;

  setPrompt(prompt: string): void {
    this.prompts.push(prompt);
  }
}

/** Run a cell; `scheduled` says how often it went to the kernel. */
function run(
  executor: WaitingExecutor,
  session: FakeSession,
  cell = new Cell(),
  defaultKernelName = ''
): { cell: Cell; ran: Promise<boolean>; scheduled: () => number } {
  let scheduled = 0;
  const options = {
    cell,
    notebook: { defaultKernelName },
    onCellExecutionScheduled: () => void scheduled++,
    sessionContext: session
  } as unknown as INotebookCellExecutor.IRunCellOptions;
  return { cell, ran: executor.runCell(options), scheduled: () => scheduled };
}

function executor(): WaitingExecutor {
  return new WaitingExecutor(() => SPECS);
}

function local(): FakeSession {
  const session = new FakeSession({ name: 'python3' });
  session.give('python3');
  return session;
}

describe('a cell', () => {
  it('on a kernel that is there runs at once', async () => {
    const { cell, ran, scheduled } = run(executor(), local());
    await ran;
    expect([scheduled(), cell.prompts]).toEqual([1, []]);
  });

  it('waits for its notebook to move to a compute', async () => {
    const waiting = executor();
    const session = local();
    const move = new Later();
    waiting.hold(session.self, move.promise);
    const { cell, ran, scheduled } = run(waiting, session);
    await settled();
    expect([scheduled(), cell.prompts]).toEqual([0, ['*']]);
    session.give('emr-pyspark', 'local-2');
    move.resolve(null);
    await ran;
    expect([scheduled(), cell.prompts]).toEqual([1, ['*']]);
    const next = run(waiting, session);
    await next.ran;
    expect([next.scheduled(), next.cell.prompts]).toEqual([1, []]);
  });

  it('says meanwhile for what it waits, below its code', async () => {
    const waiting = executor();
    waiting.describe = (session, seconds) =>
      `${session.path}: ${Math.floor(seconds) < 60}`;
    const session = local();
    const move = new Later();
    waiting.hold(session.self, move.promise);
    const cell = new Cell();
    cell.node.innerHTML =
      '<div class="code"></div><div class="jp-Cell-outputWrapper"></div>';
    const { ran } = run(waiting, session, cell);
    const note = cell.node.children[1];
    expect(note.getAttribute('role')).toBe('status');
    expect(note.textContent).toBe('work/report.ipynb: true');
    waiting.describe = () => 'waits for the kernel: gateway, 6 s';
    await until(() => note.textContent!.endsWith('gateway, 6 s'));
    move.reject(new Error('no'));
    await ran;
    expect(cell.node.children).toHaveLength(2);
  });

  it('runs nowhere when the move fails', async () => {
    const waiting = executor();
    const session = local();
    const move = new Later();
    waiting.hold(session.self, move.promise);
    const { cell, ran, scheduled } = run(waiting, session);
    await settled();
    move.reject(new Error('no gateway'));
    expect(await ran).toBe(false);
    expect([scheduled(), cell.prompts]).toEqual([0, ['*', '']]);
  });

  it('that was deleted meanwhile runs nowhere', async () => {
    const waiting = executor();
    const session = local();
    const move = new Later();
    waiting.hold(session.self, move.promise);
    const { cell, ran, scheduled } = run(waiting, session);
    await settled();
    cell.isDisposed = true;
    move.resolve(null);
    expect(await ran).toBe(false);
    expect([scheduled(), cell.prompts]).toEqual([0, ['*']]);
  });

  it('waits for the last of two moves', async () => {
    const waiting = executor();
    const session = local();
    const moves = [new Later(), new Later()];
    waiting.hold(session.self, moves[0].promise);
    const { cell, ran, scheduled } = run(waiting, session);
    await settled();
    waiting.hold(session.self, moves[1].promise);
    moves[0].reject(new Error('preempted'));
    await settled();
    expect([scheduled(), new Set(cell.prompts)]).toEqual([0, new Set('*')]);
    const next = run(waiting, session);
    await settled();
    expect(next.scheduled()).toBe(0);
    moves[1].resolve(null);
    await Promise.all([ran, next.ran]);
    expect([scheduled(), next.scheduled()]).toEqual([1, 1]);
  });

  it('of text needs no kernel', async () => {
    const waiting = executor();
    const session = local();
    waiting.hold(session.self, new Later().promise);
    const text = run(waiting, session, new Cell('markdown'));
    expect(await text.ran).toBe(true);
    expect([text.scheduled(), text.cell.prompts]).toEqual([1, []]);
  });

  it('waits for the first kernel on a compute', async () => {
    const session = new FakeSession({ name: 'emr-pyspark' });
    session._pendingKernelName = 'emr-pyspark';
    session.say('initializing');
    const { cell, ran, scheduled } = run(executor(), session);
    await settled();
    expect([scheduled(), cell.prompts]).toEqual([0, ['*']]);
    session.give('emr-pyspark');
    await ran;
    expect(scheduled()).toBe(1);
  });

  it('waits in a notebook just opened, whose kernel nobody has asked for', async () => {
    const session = new FakeSession();
    session.say('initializing');
    const named = run(executor(), session, new Cell(), 'emr-pyspark');
    await settled();
    expect([named.scheduled(), named.cell.prompts]).toEqual([0, ['*']]);
    session.kernelPreference = { name: 'emr-pyspark' };
    session.give('emr-pyspark');
    await named.ran;
    expect(named.scheduled()).toBe(1);
  });

  it('of a notebook just opened with a local kernel is JupyterLab’s own affair', async () => {
    const session = new FakeSession();
    session.say('initializing');
    const { cell, ran } = run(executor(), session, new Cell(), 'python3');
    session.give('python3');
    await ran;
    expect(cell.prompts).toEqual([]);
  });

  it('waits for a kernel that was chosen in JupyterLab’s own dialog', async () => {
    const session = local();
    session._pendingKernelName = 'emr-pyspark';
    session._isChangingKernel = true;
    session.say('starting');
    const { cell, ran, scheduled } = run(executor(), session);
    await settled();
    expect([scheduled(), cell.prompts]).toEqual([0, ['*']]);
    session._isChangingKernel = false;
    session.give('emr-pyspark', 'local-2');
    await ran;
    expect(scheduled()).toBe(1);
  });

  it('runs nowhere when that kernel does not come', async () => {
    const session = new FakeSession({ name: 'emr-pyspark' });
    session.say('starting');
    const { cell, ran } = run(executor(), session);
    await settled();
    session.say('unknown');
    expect(await ran).toBe(false);
    expect(cell.prompts).toEqual(['*', '']);
  });

  it('runs nowhere when its notebook is closed', async () => {
    const session = new FakeSession({ name: 'emr-pyspark' });
    session.say('initializing');
    const { cell, ran } = run(executor(), session);
    await settled();
    cell.isDisposed = true;
    session.dispose();
    expect(await ran).toBe(false);
  });

  it('waits while the kernel restarts', async () => {
    const session = new FakeSession({ name: 'emr-pyspark' });
    session.give('emr-pyspark');
    session.isRestarting = true;
    session.say('restarting');
    const { ran, scheduled } = run(executor(), session);
    await settled();
    expect(scheduled()).toBe(0);
    session.isRestarting = false;
    session.say('idle');
    await ran;
    expect(scheduled()).toBe(1);
  });

  it('on a local kernel that starts is JupyterLab’s own affair', async () => {
    const session = new FakeSession({ name: 'python3' });
    session.give('python3');
    session.isRestarting = true;
    session.say('restarting');
    const { cell, ran } = run(executor(), session);
    await ran;
    expect(cell.prompts).toEqual([]);
  });
});

describe('a kernel', () => {
  it.each([
    ['starting', true, false, true],
    ['initializing', true, false, true],
    ['restarting', false, true, true],
    ['starting', false, false, false],
    ['busy', false, false, false],
    ['unknown', true, false, false],
    ['dead', false, true, false]
  ])('that is %s (none: %s, restarting: %s) is on its way: %s', (...row) => {
    const [status, hasNone, isRestarting, expected] = row;
    const session = new FakeSession();
    if (!hasNone) {
      session.give('emr-pyspark');
    }
    session.isRestarting = isRestarting;
    session.say(status);
    expect(isStarting(session.self)).toBe(expected);
  });
});
