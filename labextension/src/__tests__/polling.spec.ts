import { ComputesModel, keyOf } from '../models/computes';
import { KernelsModel } from '../models/kernels';
import {
  compute,
  emissions,
  failure,
  FakeServer,
  kernel,
  Later,
  listOf,
  start,
  turn
} from './fakes';

// What Node's `fetch` works by stays real.
const REAL = ['nextTick', 'queueMicrotask', 'setImmediate'] as const;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: [...REAL] });
});

afterEach(() => {
  jest.useRealTimers();
});

/** Let time pass, and all happen that is due by then. */
async function pass(ms: number): Promise<void> {
  for (let count = 0; count < 10; count++) {
    await jest.advanceTimersByTimeAsync(ms / 10);
    await turn();
  }
}

describe('the computes', () => {
  let server: FakeServer;
  let model: ComputesModel;

  beforeEach(() => {
    server = new FakeServer({ 'GET compute': () => listOf([compute()]) });
    model = new ComputesModel(server.client);
  });

  afterEach(() => model.dispose());

  it('are not asked for before somebody looks', async () => {
    await pass(60_000);
    expect([server.seen.length, model.busy, model.items]).toEqual([
      0,
      true,
      []
    ]);
  });

  it('are asked for at once, then wait at the server for news', async () => {
    const news = new Later();
    server.routes['GET compute'] = ({ query }) =>
      ({ v1: news.promise, v2: new Later().promise })[query.since] ??
      listOf([compute()]);
    const changed = emissions(model.changed);
    model.start();
    model.start();
    await pass(100);
    expect([server.seen.length, model.busy]).toEqual([1, false]);
    expect(model.items).toEqual([compute()]);
    await pass(5000);
    expect(server.last.query).toEqual({ since: 'v1', wait: '20' });
    expect(server.seen).toHaveLength(2);
    news.resolve(listOf([compute({ state: 'RUNNING' })], { version: 'v2' }));
    await pass(5000);
    expect(model.items[0].state).toBe('RUNNING');
    expect(server.last.query.since).toBe('v2');
    const emitted = changed.args.length;
    await pass(5000);
    expect(changed.args).toHaveLength(emitted); // the same version is no news
  });

  it('are asked for ever more rarely while that fails, and end it with the first answer', async () => {
    server.routes['GET compute'] = () => failure('AWS is away.');
    model.start();
    await pass(10_000);
    const first = server.seen.length;
    expect(model.problem?.message).toBe('AWS is away.');
    expect(model.busy).toBe(false);
    await pass(100_000);
    const later = server.seen.length - first;
    expect(first).toBeGreaterThan(1);
    expect(later).toBeLessThan(first * 5); // ten times as long
    server.routes['GET compute'] = () => listOf([compute()]);
    await pass(40_000);
    expect([model.problem, model.items.length]).toEqual([null, 1]);
  });

  it('stand while a later answer fails', async () => {
    model.start();
    await pass(100);
    server.routes['GET compute'] = () => failure('AWS is away.');
    await pass(2000);
    expect(model.items).toHaveLength(1);
    expect(model.problem).not.toBeNull();
  });

  it('are not asked for any more once nobody looks', async () => {
    server.routes['GET compute'] = () => new Later().promise;
    const changed = emissions(model.changed);
    model.start();
    await pass(100);
    model.stop();
    await pass(60_000);
    expect(server.seen).toHaveLength(1);
    expect(server.last.signal.aborted).toBe(true);
    expect([model.problem, changed.args]).toEqual([null, []]);
    server.routes['GET compute'] = () => listOf([compute()]);
    model.start();
    await pass(1000);
    expect(model.items).toHaveLength(1);
  });

  it('are followed on when hidden and shown at once', async () => {
    server.routes['GET compute'] = ({ query }) =>
      query.since ? new Later().promise : listOf([compute()]);
    model.start();
    await pass(2000);
    model.stop();
    model.start();
    await pass(2000);
    expect(server.last.signal.aborted).toBe(false);
    expect(server.seen).toHaveLength(3);
  });

  it('are refreshed at once, which ends the waiting for news', async () => {
    server.routes['GET compute'] = ({ query }) =>
      query.since ? new Later().promise : listOf([compute()]);
    model.start();
    await pass(2000);
    const waiting = server.last;
    server.routes['GET compute'] = ({ query }) =>
      query.since ? new Later().promise : listOf([], { version: 'v2' });
    const refreshed = model.refresh();
    expect(model.busy).toBe(true);
    await pass(10);
    await refreshed;
    expect(waiting.signal.aborted).toBe(true);
    expect([model.items, model.busy]).toEqual([[], false]);
    await pass(2000);
    expect(server.last.query.since).toBe('v2');
  });

  it('that cannot be refreshed say why', async () => {
    server.routes['GET compute'] = () => failure('Denied.', 403);
    const refreshed = model.refresh();
    await pass(10);
    await refreshed;
    expect([model.problem?.message, model.busy]).toEqual(['Denied.', false]);
  });

  it('of another profile take the place of those known, whichever is answered first', async () => {
    const old = new Later();
    server.routes['GET compute'] = () => old.promise;
    const before = model.refresh();
    await pass(10);
    server.routes['GET compute'] = () =>
      listOf([compute({ id: 'new' })], { version: 'v2' });
    const after = model.refresh(true);
    expect([model.items, model.busy]).toEqual([[], true]);
    await pass(10);
    await after;
    old.resolve(listOf([compute({ id: 'old' })]));
    await pass(10);
    await before;
    expect(model.items.map(row => row.id)).toEqual(['new']);
    expect(model.busy).toBe(false);
  });

  it('are found by key, id and ARN', async () => {
    model.start();
    await pass(100);
    const row = compute();
    for (const name of [keyOf(row), row.id, row.arn]) {
      expect(model.find(name)).toEqual(row);
    }
    expect(model.find('analytics')).toBeUndefined();
  });

  it('end quietly while they are asked for', async () => {
    server.routes['GET compute'] = () => new Later().promise;
    const changed = emissions(model.changed);
    model.start();
    await pass(100);
    void model.refresh();
    await pass(10);
    const told = changed.args.length;
    model.dispose();
    await pass(60_000);
    expect(model.isDisposed).toBe(true);
    expect(server.seen).toHaveLength(2);
    expect(changed.args).toHaveLength(told);
    expect(server.seen.map(one => one.signal.aborted)).toEqual([true, true]);
  });
});

describe('the kernels', () => {
  let server: FakeServer;
  let model: KernelsModel;
  const list = (...items: unknown[]): object => ({
    items,
    errors: [],
    as_of: ''
  });

  beforeEach(() => {
    server = new FakeServer({ 'GET kernels': () => list(kernel()) });
    model = new KernelsModel(server.client);
  });

  afterEach(() => model.dispose());

  it('are followed while one view at least is shown', async () => {
    expect(model.items).toBeNull();
    model.start();
    model.start();
    await pass(100);
    expect(model.items).toEqual([kernel()]);
    model.stop();
    await pass(6000);
    const asked = server.seen.length;
    expect(asked).toBeGreaterThan(1);
    model.stop();
    model.stop();
    await pass(20_000);
    expect(server.seen).toHaveLength(asked);
    model.start();
    await pass(100);
    expect(server.seen).toHaveLength(asked + 1);
  });

  it('are asked for at their gateways too, each fifth time', async () => {
    model.start();
    await pass(22_000);
    const checks = server.seen.map(one => one.query.check);
    expect(checks.slice(0, 6)).toEqual([
      'true',
      'false',
      'false',
      'false',
      'false',
      'true'
    ]);
  });

  it('keep the last word of their gateway where that was not asked', async () => {
    server.routes['GET kernels'] = ({ query }) =>
      query.check === 'true'
        ? {
            items: [kernel({ state: 'busy' })],
            errors: [{ message: 'slow', code: 'c', iam_action: null }],
            as_of: ''
          }
        : list(kernel({ state: 'connected' }));
    model.start();
    await pass(3000);
    expect(server.last.query.check).toBe('false');
    expect(model.items?.[0].state).toBe('busy');
    expect(model.errors).toHaveLength(1);
    server.routes['GET kernels'] = () =>
      list(kernel({ link: 'reconnecting', state: 'reconnecting' }));
    await pass(2500);
    expect(model.items?.[0].state).toBe('reconnecting');
  });

  it('are what the later request was answered', async () => {
    const slow = new Later();
    server.routes['GET kernels'] = () => slow.promise;
    const first = model.refresh();
    await pass(10);
    server.routes['GET kernels'] = () => list();
    const second = model.refresh();
    await pass(10);
    await second;
    slow.resolve(list(kernel()));
    await pass(10);
    await first;
    expect(model.items).toEqual([]);
  });

  it('have no problem because an earlier request failed late', async () => {
    const slow = new Later();
    server.routes['GET kernels'] = () => slow.promise;
    const first = model.refresh();
    await pass(10);
    server.routes['GET kernels'] = () => list();
    const second = model.refresh();
    await pass(10);
    await second;
    slow.resolve(failure('Late.'));
    await pass(10);
    await first;
    expect([model.items, model.problem]).toEqual([[], null]);
  });

  it('stand while they cannot be asked for', async () => {
    const first = model.refresh();
    await pass(10);
    await first;
    server.routes['GET kernels'] = () => failure('Away.');
    const second = model.refresh();
    await pass(10);
    await second;
    expect(model.items).toEqual([kernel()]);
    expect(model.problem?.message).toBe('Away.');
  });

  it('are found by what Jupyter and notebooks know of them', async () => {
    expect(model.ofJupyter('local-1')).toBeUndefined();
    const starts = [start({ local_id: 'local-2' })];
    server.routes['GET kernels'] = () => ({ ...list(kernel()), starts });
    const asked = model.refresh();
    await pass(10);
    await asked;
    expect(model.ofJupyter('local-1')).toEqual(kernel());
    expect(model.startOf('', 'work/report.ipynb')).toEqual(starts[0]);
    expect(model.startOf('local-2', 'else')).toEqual(starts[0]);
    expect(model.startOf(undefined, 'else')).toBeUndefined();
    expect(model.startOf('local-1', 'work/report.ipynb')).toBeUndefined();
  });

  it('that start are none on an older server, and can be cancelled', async () => {
    server.routes['GET kernels'] = () => list();
    server.routes['DELETE kernels/local-1'] = () =>
      new Response(null, { status: 204 });
    const cancelled = model.cancel(start());
    await pass(10);
    await cancelled;
    expect(server.count('DELETE kernels/local-1')).toBe(1);
    expect(model.starts).toEqual([]);
  });

  it('are all shut down, and the first that cannot be is told', async () => {
    server.routes['DELETE kernels/a'] = () => failure('Stuck.');
    server.routes['DELETE kernels/b'] = () =>
      new Response(null, { status: 204 });
    server.routes['GET kernels'] = () => list();
    const ended = model.shutDown(['a', 'b']).catch((error: unknown) => error);
    await pass(10);
    expect(await ended).toMatchObject({ message: 'Stuck.' });
    expect(server.count('DELETE kernels/b')).toBe(1);
    expect(server.last.query.check).toBe('true');
    expect(model.items).toEqual([]);
  });

  it('end quietly while they are asked for', async () => {
    const slow = new Later();
    server.routes['GET kernels'] = () => slow.promise;
    const changed = emissions(model.changed);
    model.start();
    await pass(100);
    model.dispose();
    slow.resolve(list());
    await pass(20_000);
    expect([model.isDisposed, changed.args, server.seen.length]).toEqual([
      true,
      [],
      1
    ]);
  });
});

describe('hours of polling', () => {
  it('keep no more than the last answer', async () => {
    const server = new FakeServer({
      'GET kernels': () => ({ items: [kernel()], errors: [], as_of: '' })
    });
    const model = new KernelsModel(server.client);
    const timers = (): number => jest.getTimerCount();
    model.start();
    await pass(4000);
    const before = timers();
    for (let minute = 0; minute < 20; minute++) {
      await pass(60_000);
    }
    expect(timers()).toBeLessThanOrEqual(before + 1);
    expect(model.items).toHaveLength(1);
    model.dispose();
    await pass(60_000);
    expect(timers()).toBe(0);
  });
});
