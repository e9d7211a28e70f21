import { nullTranslator } from '@jupyterlab/translation';

import { chipState, difference, waitingText } from '../chipstate';
import type { Attachment, EMRKernel } from '../tokens';
import { ANALYST, attachment, ENGINEER, kernel, start } from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');

function stateOf(
  attached: Attachment | null,
  runs?: EMRKernel,
  status = 'idle',
  name = 'analytics'
): ReturnType<typeof chipState> {
  const facts = { attachment: attached, kernel: runs, status };
  return chipState({ ...facts, nameOf: () => name }, trans);
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

describe('the state of a chip', () => {
  it('without an attachment is that', () => {
    expect(stateOf(null)).toEqual({
      label: 'Not attached',
      state: '',
      details: 'Not attached'
    });
  });

  it('names compute and role', () => {
    expect(stateOf(attachment(), kernel()).label).toBe(
      'analytics · EMRAnalyst'
    );
    const none = attachment({ runtime_role: null });
    expect(stateOf(none, undefined, 'unknown')).toMatchObject({
      label: 'analytics',
      state: 'No kernel'
    });
  });

  it.each([
    ['idle', 'Idle'],
    ['busy', 'Busy'],
    ['starting', 'Starting'],
    ['restarting', 'Restarting'],
    ['autorestarting', 'Restarting'],
    ['terminating', 'Shutting down'],
    ['connecting', 'Connecting'],
    ['disconnected', 'Disconnected'],
    ['dead', 'Dead'],
    ['of-the-future', 'No kernel']
  ])('says of %s: %s', (status, words) => {
    expect(stateOf(attachment(), kernel(), status).state).toBe(words);
  });

  it.each([
    [{ link: 'reconnecting', since: ago(12) }, 'Reconnecting 12 s'],
    [{ link: 'starting', since: ago(200) }, 'Starting 3 min'],
    [{ link: 'starting', since: null }, 'Starting'],
    [{ link: 'gone', cause: 'culled' }, 'Gone: culled'],
    [{ link: 'gone', cause: null }, 'Gone: variables lost'],
    [{ link: 'detached' }, 'Idle']
  ] as const)('says of the ledger’s %j: %s', (change, words) => {
    expect(stateOf(attachment(), kernel(change)).state).toBe(words);
  });

  it('tells the truth where the kernel runs as another role', () => {
    const runs = kernel({ runtime_role: ENGINEER });
    const { label, state, details } = stateOf(attachment(), runs);
    expect(label).toBe('analytics · EMREngineer ≠');
    expect(state).toBe('Idle · attached as EMRAnalyst');
    expect(details).toContain('runs as EMREngineer; attached as EMRAnalyst');
    const none = kernel({ runtime_role: null });
    expect(stateOf(attachment(), none).details).toContain('runs as no role');
  });

  it('has all that is known in its details', () => {
    const attached = attachment({
      credentials_expire_at: '2026-01-01T14:05:00Z',
      path: ''
    });
    const { details } = stateOf(attached, kernel({ reason: 'It was slow.' }));
    for (const fact of [
      ANALYST,
      'It was slow.',
      'credentials until',
      'attached: /',
      'https://10.0.0.1:18888',
      'kernel k1'
    ]) {
      expect(details).toContain(fact);
    }
    expect(stateOf(null, kernel()).details).toContain('not attached any more');
  });

  it('has 28 characters at most', () => {
    const name = 'a'.repeat(5000) + 'z';
    const { label } = stateOf(attachment(), kernel(), 'idle', name);
    expect([...label]).toHaveLength(28);
    expect(label).toMatch(/^a+….*EMRAnalyst$/);
    const emoji = stateOf(attachment(), kernel(), 'idle', '👩‍💻'.repeat(50));
    expect([...emoji.label].length).toBeLessThanOrEqual(28);
  });

  it('says the stage of a start before everything else', () => {
    const facts = { attachment: attachment(), status: 'starting' };
    const at = (change: object): ReturnType<typeof chipState> =>
      chipState(
        { ...facts, start: start(change), nameOf: () => 'analytics' },
        trans
      );
    expect(at({ since: ago(6), began_at: ago(9) })).toMatchObject({
      label: 'analytics · EMRAnalyst',
      state: 'Starting 2 of 4: gateway, 6 s'
    });
    expect(at({ stage: 'livy', since: ago(6) }).state).toBe(
      'Starting 2 of 4: Livy, 6 s'
    );
    expect(at({ began_at: ago(9) }).details).not.toContain('usually');
    expect(at({ began_at: ago(16) }).details).toContain('EMR usually needs');
    const waits = { stage: 'waiting for the connection', step: null };
    expect(at({ ...waits, since: ago(2) }).state).toBe(
      'Starting connection, 2 s'
    );
    expect(at({ stage: 'of the future', since: ago(2) }).state).toContain(
      'of the future, 2 s'
    );
    const none = { attachment: null, status: 'starting', start: start() };
    expect(chipState({ ...none, nameOf: id => id }, trans).state).toContain(
      'gateway'
    );
  });

  it.each([
    [42, 'Busy 0:42'],
    [600, 'Busy 10:00'],
    [3723, 'Busy 1:02:03']
  ])('says how long a cell runs: %s s', (seconds, words) => {
    const facts = { attachment: attachment(), kernel: kernel() };
    const busySince = Date.now() - seconds * 1000;
    const all = { ...facts, status: 'idle', busySince, nameOf: String };
    expect(chipState(all, trans).state).toBe(words);
  });
});

describe('what a restart would change', () => {
  const other = (change: object, runs = {}): ReturnType<typeof difference> =>
    difference(attachment(change), kernel(runs), id => `<${id}>`, trans);

  it('is nothing where all is as attached, or not known', () => {
    expect(other({})).toBeNull();
    expect(difference(null, kernel(), String, trans)).toBeNull();
    expect(difference(attachment(), undefined, String, trans)).toBeNull();
  });

  it.each([
    [
      { runtime_role: ENGINEER },
      'runs as EMRAnalyst; attached as EMREngineer',
      'Restart under EMREngineer'
    ],
    [
      { runtime_role: null },
      'runs as EMRAnalyst; attached as no role',
      'Restart without a role'
    ],
    [{ compute: 'j-2' }, 'runs on <j-1>; attached to <j-2>', 'Restart on <j-2>']
  ])('for %j', (change, text, restart) => {
    expect(other(change)).toMatchObject({ text, restart });
  });
});

describe('a cell that waits', () => {
  it('says for what, and after a while what is usual', () => {
    expect(waitingText(undefined, 6, trans)).toBe('waits for the kernel: 6 s');
    const young = start({ since: ago(6), began_at: ago(9) });
    expect(waitingText(young, 9, trans)).toBe(
      'waits for the kernel: gateway, 6 s'
    );
    const old = start({ since: ago(6), began_at: ago(20) });
    expect(waitingText(old, 20, trans)).toMatch(/gateway, 6 s\. EMR usually/);
  });
});
