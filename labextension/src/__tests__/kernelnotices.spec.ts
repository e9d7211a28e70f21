/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';

import {
  KernelNotices,
  problemOf,
  ReconnectingNotices
} from '../kernelnotices';
import type { EMRKernel } from '../tokens';
import {
  FakeNotebook,
  FakeServer,
  FakeTracker,
  itemsOf,
  kernel,
  modelOf,
  settled
} from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');
const SINCE = '2026-11-30T17:36:00Z';

const said = (change: object): never =>
  ({
    state: 'connected',
    cause: '',
    reason: 'Why.',
    fix: 'Do.',
    since: SINCE,
    ...change
  }) as never;

describe('what is said of a kernel', () => {
  it.each([
    [
      { cause: 'restart' },
      'restart-failed',
      'The kernel could not be restarted: Why.',
      'Do.'
    ],
    [
      { state: 'gone', cause: 'restart' },
      'restart-failed',
      'The kernel could not be restarted: Why.',
      'Do.'
    ],
    [
      { cause: 'credentials' },
      'not-renewed',
      'The credentials are not renewed: Why.',
      'Do.'
    ]
  ])('%j is %s', (status, code, message, fix) => {
    expect(problemOf(said(status), trans)).toEqual({ code, message, fix });
  });

  it('that is gone has the cause, and that its variables are lost', () => {
    const problem = problemOf(said({ state: 'gone', cause: 'culled' }), trans)!;
    expect(problem.code).toBe('kernel-gone');
    expect(problem.message).toMatch(/gone since .*: Why\.$/);
    expect(problem.fix).toBe(
      'Do. Its variables are lost; what the cells show is kept.'
    );
  });

  it.each([
    {},
    { state: 'reconnecting', cause: 'network' },
    { state: 'detached' },
    { cause: 'renewed' }
  ])('is nothing for %j', status => {
    expect(problemOf(said(status), trans)).toBeNull();
  });
});

describe('above a notebook', () => {
  const done: string[] = [];
  let hasPanel: boolean;
  let notebook: FakeNotebook & {
    _autorestarting?: boolean;
  };
  let messages: Signal<object, object>;

  async function say(
    change: object,
    msg_type = 'emr_connect_status'
  ): Promise<void> {
    const msg = { header: { msg_type }, content: said(change) };
    await act(async () => {
      messages.emit({ direction: 'recv', msg });
      const widgets = notebook.contentHeader.widgets as unknown as Widget[];
      for (const widget of widgets.filter(
        one => !one.isDisposed && !one.isAttached
      )) {
        Widget.attach(widget, document.body);
        MessageLoop.flush();
      }
      await settled();
    });
  }

  beforeEach(() => {
    done.length = 0;
    notebook = new FakeNotebook('a.ipynb', 'emr-pyspark');
    messages = new Signal({});
    notebook.sessionContext.give('emr-pyspark');
    Object.assign(notebook.sessionContext.session!.kernel, {
      anyMessage: messages
    });
    hasPanel = true;
    const panel = (): void => void done.push('panel');
    new KernelNotices(
      () => (hasPanel ? panel : null),
      () => done.push('above'),
      trans
    ).watch(notebook.self);
  });

  it('offers the panel where there is one, not in Notebook 7', async () => {
    const choose = { name: 'Other compute …' };
    await say({ state: 'gone' });
    fireEvent.click(screen.getByRole('button', choose));
    expect(done).toEqual(['panel']);
    hasPanel = false;
    await say({ state: 'gone' });
    expect(screen.queryByRole('button', choose)).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Restart' }));
    expect(notebook.sessionContext.restarts).toBe(1);
  });

  it('a kernel that Jupyter has started again is said to be there, without what it had', async () => {
    const { sessionContext } = notebook;
    await say({ state: 'gone' });
    act(() => sessionContext.say('idle')); // the cell that it has lost is over
    expect(screen.getByRole('alert').textContent).toContain('is gone since');
    for (const status of ['autorestarting', 'starting', 'busy', 'idle']) {
      act(() => sessionContext.say(status));
    }
    await say({}, 'another');
    const shown = screen.getByRole('alert').textContent;
    expect(shown).toMatch(/was gone at .*: Why\..*It was started again/);
    expect(screen.queryByRole('button', { name: 'Restart' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Run all above' }));
    expect(done).toEqual(['above']);
  });

  it('a restart that failed can be tried again, and is forgotten once the kernel is there', async () => {
    await say({ cause: 'restart' });
    expect(screen.getByRole('alert').textContent).toContain(
      'could not be restarted: Why.'
    );
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect([
      notebook.sessionContext.restarts,
      screen.queryByRole('alert')
    ]).toEqual([1, null]);
    await say({ cause: 'restart' });
    await say({}); // the old kernel's connection is opened again
    notebook.sessionContext.say('restarting');
    expect(screen.getByRole('alert')).toBeTruthy();
    notebook.sessionContext.say('idle');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('a kernel that is gone stays said while another starts, in place of JupyterLab’s dialog', async () => {
    await say({ state: 'gone', cause: 'restarted' });
    for (const status of ['autorestarting', 'restarting', 'idle']) {
      notebook.sessionContext.say(status);
      expect(notebook._autorestarting).toBe(true);
    }
    await say({});
    expect(screen.getByRole('alert').textContent).toContain(
      'variables are lost'
    );
    fireEvent.click(screen.getByRole('button', { name: 'Run all above' }));
    expect(done).toEqual(['above']);
  });

  it('credentials that could not be renewed are said until they are', async () => {
    await say({ cause: 'credentials' });
    expect(screen.getByRole('alert').textContent).toContain('not renewed');
    await say({ cause: 'renewed' });
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('nothing is said of other messages', async () => {
    await say({ cause: 'restart' }, 'stream');
    expect(screen.queryByRole('alert')).toBeNull();
  });
});

describe('a compute that does not answer', () => {
  it('has one notice for all its kernels, which goes by itself', async () => {
    const log: unknown[] = [];
    const server = new FakeServer();
    const model = modelOf(server, new FakeTracker());
    const notices = {
      warning: (text: string) => `id-${log.push(['warning', text])}`,
      update: ({ id, message }: { id: string; message?: unknown }) =>
        log.push(['update', id, message]) > 0,
      dismiss: (id?: string) => void log.push(['dismiss', id])
    };
    new ReconnectingNotices(
      model.kernels,
      id => `name of ${id}`,
      trans,
      notices
    );
    const list = async (...items: EMRKernel[]): Promise<void> => {
      server.routes['GET kernels'] = () => itemsOf(...items);
      await model.kernels.refresh();
    };
    const waits = (
      kernel_id: string,
      seconds: number,
      compute = 'j-1'
    ): EMRKernel =>
      kernel({
        kernel_id,
        compute,
        link: 'reconnecting',
        since: new Date(Date.now() - seconds * 1000).toISOString()
      });
    await list(waits('a', 1), kernel({ kernel_id: 'b' }));
    expect(log).toEqual([]);
    await list(waits('a', 10), waits('b', 10), waits('c', 10, 'j-2'));
    expect(log).toEqual([
      [
        'warning',
        expect.stringMatching(
          /^name of j-1 has not answered since .*; 2 kernels wait/
        )
      ],
      ['warning', expect.stringMatching(/^name of j-2 .*; 1 kernel waits/)]
    ]);
    await list(waits('a', 10), waits('b', 10), waits('c', 10, 'j-2'));
    expect(log).toHaveLength(2);
    await list(waits('a', 12), kernel({ kernel_id: 'b' }));
    expect(log.slice(2)).toEqual([
      ['update', 'id-1', expect.stringContaining('1 kernel waits')],
      ['dismiss', 'id-2']
    ]);
    await list(kernel());
    expect(log.slice(4)).toEqual([['dismiss', 'id-1']]);
    model.kernels.dispose();
    model.computes.dispose();
  });
});
