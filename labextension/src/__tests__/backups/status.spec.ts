/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';

import { BackupsClient } from '../../backups/api';
import { BackupStatusModel } from '../../backups/status';
import { itemDetails, itemText, statusText } from '../../backups/words';
import { FakeServer, Later, settled } from '../fakes';
import { item, OFF, PATH, statusOf } from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');
const LONG_MS = 120_000;

let model: BackupStatusModel;
let server: FakeServer;
let isHidden: boolean;

function answer(status: unknown): void {
  server.routes['GET backups/status'] = () => status;
}

async function pass(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 1000) {
    jest.advanceTimersByTime(1000);
    await settled();
  }
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  isHidden = false;
  Object.defineProperty(document, 'hidden', {
    configurable: true,
    get: () => isHidden
  });
  server = new FakeServer();
  model = new BackupStatusModel(new BackupsClient(server.settings));
});

afterEach(() => {
  model.dispose();
  jest.useRealTimers();
});

describe('the state of backups', () => {
  it('is asked for once where backups are off', async () => {
    answer(OFF);
    model.watch({ isVisible: true, path: null });
    await model.refresh();
    await pass(LONG_MS);
    model.touch();
    await settled();
    expect(server.seen).toHaveLength(1);
    expect(statusText(model, trans)).toBe('EMR backup: off');
  });

  it('is followed where the notebook in sight has none, and others have', async () => {
    server.routes['GET backups/status'] = ({ query }) =>
      query.path === 'apart/n.ipynb' ? OFF : statusOf({}, item());
    const apart = model.watch({ isVisible: true, path: 'apart/n.ipynb' });
    await model.refresh();
    expect(model.isOn).toBe(true);
    expect(model.of('apart/n.ipynb')).toBeUndefined();
    apart.dispose();
    model.watch({ isVisible: true, path: PATH });
    model.touch();
    await settled();
    expect(model.of(PATH)).toBeDefined();
  });

  it('is asked for once where the server has none', async () => {
    await model.refresh();
    await pass(LONG_MS);
    expect(server.seen).toHaveLength(1);
    expect(statusText(model, trans)).toBe('');
  });

  it('is followed while a view is in sight', async () => {
    answer(statusOf());
    const view = { isVisible: true, path: null };
    const watching = model.watch(view);
    await model.refresh();
    await pass(30_000);
    const seen = server.seen.length;
    expect(seen).toBeGreaterThan(2);
    expect(seen).toBeLessThan(6);

    for (const hide of [
      () => void (view.isVisible = false),
      () => {
        view.isVisible = true;
        isHidden = true;
      },
      () => {
        isHidden = false;
        watching.dispose();
      }
    ]) {
      hide();
      await pass(LONG_MS);
      expect(server.seen).toHaveLength(seen);
    }
  });

  it('is followed closely while files wait', async () => {
    answer(statusOf({ state: 'waiting', waiting: 2 }));
    model.watch({ isVisible: true, path: null });
    await model.refresh();
    const before = server.seen.length;
    await pass(30_000);
    expect(server.seen.length - before).toBeGreaterThan(8);
  });

  it('is asked for the notebooks in sight alone', async () => {
    server.routes['GET backups/status'] = ({ query }) =>
      statusOf({}, item({ path: query.path }));
    model.watch({ isVisible: true, path: null });
    model.watch({ isVisible: true, path: PATH });
    model.watch({ isVisible: true, path: 'other.ipynb' });
    model.watch({ isVisible: false, path: 'hidden.ipynb' });
    await model.refresh();
    expect(server.seen.map(one => one.query.path)).toEqual([
      PATH,
      'other.ipynb'
    ]);
    expect(model.of('other.ipynb')?.state).toBe('in S3');
  });

  it('is that of the later question, whichever is answered first', async () => {
    const answers = [new Later(), new Later()];
    let asked = 0;
    server.routes['GET backups/status'] = () => answers[asked++].promise;
    const first = model.refresh();
    const second = model.refresh();
    await settled();
    answers[1].resolve(statusOf({ state: 'conflict' }));
    await second;
    answers[0].resolve(statusOf());
    await first;
    expect(model.status?.state).toBe('conflict');
  });

  it('uploads a file and asks anew', async () => {
    answer(statusOf());
    server.routes['POST backups/now'] = () => ({ waiting: 1 });
    await model.backUp(PATH);
    expect(server.seen.map(one => [one.what, one.body])).toEqual([
      ['POST backups/now', { path: PATH }],
      ['GET backups/status', undefined]
    ]);
  });
});

describe('the words for it', () => {
  const at = '2026-11-30T06:00:00Z';

  it.each([
    [statusOf(), 'EMR backup: in S3'],
    [statusOf({ state: 'waiting', waiting: 3 }), 'EMR backup: 3 waiting'],
    [
      statusOf({ state: 'waiting', waiting: 3, since: at, message: 'No S3.' }),
      /^EMR backup: 3 waiting since \d\d:00/
    ],
    [
      statusOf({ state: 'conflict', waiting: 2 }),
      'EMR backup: conflict, 2 waiting'
    ],
    [statusOf({ state: 'denied' }), 'EMR backup: denied']
  ])('are those of the status bar', async (status, text) => {
    answer(status);
    await model.refresh();
    expect(statusText(model, trans)).toMatch(text);
  });

  it('say that nothing is known once the server has gone', async () => {
    answer(statusOf());
    await model.refresh();
    server.routes = {};
    await model.refresh();
    expect(statusText(model, trans)).toBe('EMR backup: not known');
  });

  it.each([
    [undefined, 'none yet', 'saved next'],
    [item(), 'in S3, 3 h ago', 'Version: v2'],
    [
      item({ state: 'waiting', message: 'No S3.', waiting_since: at }),
      /^waiting since \d\d:00/,
      'No S3.'
    ],
    [
      item({ state: 'denied', message: 'Denied: s3:PutObject' }),
      'denied',
      's3:PutObject'
    ]
  ])('are those of a notebook', (one, text, details) => {
    expect(itemText(one, trans)).toMatch(text);
    expect(itemDetails(one, trans)).toContain(details);
  });
});
