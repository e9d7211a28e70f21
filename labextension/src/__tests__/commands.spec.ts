/**
 * @jest-environment ./jest.browser.js
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { addCommands } from '../commands';
import { kernelActions } from '../kernelactions';
import type { EMRModel } from '../models/emr';
import { CommandIDs } from '../tokens';
import {
  ANALYST,
  attachment,
  compute,
  contents,
  sayRenamed,
  ENGINEER,
  failure,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  identity,
  itemsOf,
  json,
  kernel,
  Later,
  listOf,
  modelOf,
  settled,
  SPECS,
  start
} from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');

let activated: string[];
let app: JupyterFrontEnd;
let commands: CommandRegistry;
let ended: string[];
let interrupts: number;
let model: EMRModel;
let opened: unknown[];
let server: FakeServer;
let session: { id: string; kernel: Record<string, string> };
let tracker: FakeTracker;

beforeEach(() => {
  activated = [];
  ended = [];
  interrupts = 0;
  opened = [];
  commands = new CommandRegistry();
  for (const id of ['notebook:create-new', 'docmanager:open']) {
    commands.addCommand(id, { execute: args => opened.push(args) });
  }
  const connection = {
    interrupt: () => Promise.resolve(void interrupts++),
    dispose: () => undefined
  };
  session = {
    id: 's1',
    kernel: {
      id: 'local-1',
      execution_state: 'idle',
      last_activity: '2026-01-01T00:00:00Z'
    }
  };
  app = {
    commands,
    serviceManager: {
      contents,
      kernels: {
        connectTo: () => connection,
        findById: (id: string) => Promise.resolve(id ? { id } : undefined)
      },
      kernelspecs: { ready: Promise.resolve(), specs: SPECS },
      sessions: {
        running: () => [session].values(),
        shutdown: (id: string) => Promise.resolve(void ended.push(id))
      }
    },
    shell: { activateById: (id: string) => activated.push(id) }
  } as unknown as JupyterFrontEnd;
  server = new FakeServer({
    'GET attachments': () => itemsOf(),
    'GET compute': () => listOf([compute()]),
    'GET identity': () => identity(),
    'GET kernels': () => itemsOf(kernel()),
    'POST attachments': ({ body }) =>
      json(attachment({ ...(body as object), compute: 'j-1' }), 201)
  });
  tracker = new FakeTracker();
  model = modelOf(server, tracker);
  const sidebar = {
    id: 'sidebar',
    focusFilter: () => Promise.resolve(void activated.push('filter')),
    showKernels: () => void activated.push('kernels')
  };
  addCommands(app, model, tracker.self, sidebar, trans);
});

afterEach(() => {
  model.computes.dispose();
  model.kernels.dispose();
});

function show(path: string, kernelspec: string, runs = true): FakeNotebook {
  const notebook = new FakeNotebook(path, kernelspec);
  if (runs) {
    notebook.sessionContext.give(kernelspec);
  }
  tracker.show(notebook);
  return notebook;
}

async function attach(path?: string, more = {}): Promise<unknown> {
  const args = { compute: 'j-1', runtime_role: ANALYST, path, ...more };
  const made: unknown = await commands.execute(CommandIDs.attach, args);
  await settled();
  return made;
}

describe('the commands', () => {
  it('open the panel, bring its kernels into sight, and refresh', async () => {
    await commands.execute(CommandIDs.openPanel);
    await commands.execute(CommandIDs.showKernels);
    expect(activated).toEqual(['sidebar', 'filter', 'sidebar', 'kernels']);
    await commands.execute(CommandIDs.refresh);
    expect(server.count('GET compute')).toBe(1);
    expect(server.count('GET identity')).toBe(1);
  });

  it('are off where there is no panel or notebook', () => {
    const others = new CommandRegistry();
    const bare = { ...app, commands: others } as unknown as JupyterFrontEnd;
    addCommands(bare, model, null, null, trans);
    expect(others.isEnabled(CommandIDs.openPanel)).toBe(false);
    expect(others.isEnabled(CommandIDs.showKernels)).toBe(false);
    expect(others.isEnabled(CommandIDs.restartHere)).toBe(false);
    expect(others.isEnabled(CommandIDs.detach)).toBe(false);
    expect(others.isEnabled(CommandIDs.detach, { path: 'a' })).toBe(true);
  });

  it('open the panel for who names no compute', async () => {
    expect(await commands.execute(CommandIDs.attach)).toBeNull();
    expect(activated).toEqual(['sidebar', 'filter']);
    expect(server.count('POST attachments')).toBe(0);
  });

  it('attach the notebook in front where no path is given', async () => {
    show('RTC:work/a.ipynb', 'emr-pyspark');
    await attach();
    const sent = server.seen.find(one => one.what === 'POST attachments');
    expect(sent?.body).toEqual({
      compute: 'j-1',
      runtime_role: ANALYST,
      transport: 'auto',
      path: 'work/a.ipynb'
    });
  });

  it('detach what holds for a path, on whatever drive', async () => {
    server.routes['GET attachments'] = ({ query }) =>
      query.path === 'work/a.ipynb' ? itemsOf(attachment()) : itemsOf();
    server.routes['DELETE attachments/a1'] = () =>
      new Response(null, { status: 204 });
    await commands.execute(CommandIDs.detach, { path: 'else.ipynb' });
    expect(server.count('DELETE attachments/a1')).toBe(0);
    await commands.execute(CommandIDs.detach, { path: 'RTC:work/a.ipynb' });
    expect(server.count('DELETE attachments/a1')).toBe(1);
  });

  it('restart the notebook in front, or that of a path', async () => {
    const first = show('a.ipynb', 'emr-pyspark');
    const second = show('RTC:b.ipynb', 'emr-pyspark');
    await commands.execute(CommandIDs.restartHere);
    await commands.execute(CommandIDs.restartHere, { path: 'a.ipynb' });
    await commands.execute(CommandIDs.restartHere, { path: 'RTC:b.ipynb' });
    await commands.execute(CommandIDs.restartHere, { path: 'b.ipynb' }); // the chip names no drive
    await commands.execute(CommandIDs.restartHere, { path: 'closed.ipynb' });
    expect([first, second].map(one => one.sessionContext.restarts)).toEqual([
      1, 3
    ]);
  });

  it('cancel the start of a kernel, also on the server', async () => {
    const notebook = show('RTC:work/report.ipynb', 'emr-pyspark', false);
    server.routes['GET kernels'] = () => ({ ...itemsOf(), starts: [start()] });
    server.routes['DELETE kernels/local-1'] = () => failure('Too late.');
    await commands.execute(CommandIDs.cancelStart);
    expect(server.count('DELETE kernels/local-1')).toBe(1);
    expect(notebook.contentHeader.widgets).toHaveLength(1); // it says why not
    server.routes['DELETE kernels/local-1'] = () =>
      new Response(null, { status: 204 });
    await commands.execute(CommandIDs.cancelStart, {
      path: 'work/report.ipynb'
    });
    await commands.execute(CommandIDs.cancelStart, { path: 'else.ipynb' });
    expect(server.count('DELETE kernels/local-1')).toBe(2);
  });

  it('make a notebook for the chosen compute', async () => {
    await model.refresh();
    model.choose(compute());
    await commands.execute(CommandIDs.newNotebook, { cwd: 'work' });
    expect(opened).toEqual([{ cwd: 'work', kernelName: 'emr-pyspark' }]);
  });

  it('make a notebook that is attached before its kernel starts', async () => {
    const where = {
      compute: 'j-1',
      name: 'analytics',
      runtime_role: ANALYST,
      kernelspec: 'emr-python',
      cwd: 'RTC:work'
    };
    expect(commands.label(CommandIDs.newNotebook, where)).toBe(
      'emr-python · analytics · EMRAnalyst'
    );
    await commands.execute(CommandIDs.newNotebook, where);
    const sent = server.seen.find(one => one.what === 'POST attachments');
    expect(sent?.body).toMatchObject({
      compute: 'j-1',
      runtime_role: ANALYST,
      path: 'work/Untitled.ipynb'
    });
    expect(opened).toEqual([
      {
        path: 'RTC:work/Untitled.ipynb',
        factory: 'Notebook',
        kernel: { name: 'emr-python' }
      }
    ]);
    expect(activated).toEqual([]);
    server.routes['POST attachments'] = () => failure('No.');
    const deleted = jest.fn(() => Promise.resolve());
    Object.assign(contents, { delete: deleted });
    await commands.execute(CommandIDs.newNotebook, where);
    expect([activated, opened.length]).toEqual([['sidebar'], 1]); // it says why
    expect(deleted).toHaveBeenCalledWith('RTC:work/Untitled.ipynb');
    server.routes['POST attachments'] = () => json(attachment(), 201);
    await model.attaching.failed?.again?.({ username: 'ada', password: 'pw' });
    expect(opened).toHaveLength(2);
    const last = server.seen.filter(({ what }) => what === 'POST attachments');
    expect(last[last.length - 1].body).toMatchObject({ password: 'pw' });
    expect(JSON.stringify(opened)).not.toContain('pw');
  });

  it('say why nothing was attached, in a notice where there is no panel', async () => {
    server.routes['POST attachments'] = () => failure('No.');
    await attach('a.ipynb');
    expect([activated, Notification.manager.count]).toEqual([['sidebar'], 0]);
    const others = new CommandRegistry();
    const bare = { ...app, commands: others } as unknown as JupyterFrontEnd;
    addCommands(bare, model, null, null, trans);
    await others.execute(CommandIDs.attach, { compute: 'j-1' });
    const [{ message, id }] = Notification.manager.notifications;
    expect(message).toBe('No. Mend it.');
    Notification.dismiss(id);
  });

  it('say what arguments they take', async () => {
    const described = await commands.describedBy(CommandIDs.attach);
    expect(Object.keys(described.args?.properties ?? {})).toEqual([
      'compute',
      'runtime_role',
      'transport',
      'path'
    ]);
  });
});

describe('a notebook that was attached', () => {
  it('moves to a kernel on its compute, and is saved so', async () => {
    const notebook = show('RTC:work/a.ipynb', 'python3');
    await model.refresh();
    await attach('work/a.ipynb');
    expect(notebook.sessionContext.changes).toEqual([{ name: 'emr-pyspark' }]);
    expect(notebook.saves).toBe(1);
    expect(model.isMoving(notebook.sessionContext.self)).toBe(false);
  });

  it('is not saved where it had changes, or the kernel did not start', async () => {
    const changed = show('a.ipynb', 'python3');
    changed.context.model.dirty = true;
    await attach('a.ipynb');
    const failed = show('b.ipynb', 'python3');
    failed.sessionContext.onChange = () => Promise.reject(new Error('no'));
    await attach('b.ipynb');
    expect([changed.saves, failed.saves]).toEqual([0, 0]);
  });

  it('is said to move while it does, and may be closed meanwhile', async () => {
    const notebook = show('a.ipynb', 'python3');
    const slow = new Later();
    notebook.sessionContext.onChange = () => slow.promise;
    await attach('a.ipynb');
    expect(model.isMoving(notebook.sessionContext.self)).toBe(true);
    notebook.dispose();
    slow.resolve(null);
    await settled();
    expect(notebook.saves).toBe(0);
  });

  it('again while its kernel starts is asked about the next one, and changes kernels once', async () => {
    const notebook = show('a.ipynb', 'python3');
    const slow = new Later();
    notebook.sessionContext.onChange = () => slow.promise;
    await attach('a.ipynb');
    await attach('a.ipynb', { runtime_role: ENGINEER });
    expect(notebook.sessionContext.changes).toHaveLength(1);
    slow.resolve(null);
    await settled();
    expect(notebook.sessionContext.changes).toHaveLength(1);
    expect(notebook.contentHeader.widgets).toHaveLength(1); // offers a restart
  });

  it('whose save fails says so nowhere but in its own way', async () => {
    const notebook = show('a.ipynb', 'python3');
    notebook.context.save = () => Promise.reject(new Error('read-only'));
    await attach('a.ipynb');
    expect(notebook.sessionContext.changes).toHaveLength(1);
  });

  it('and has no kernel yet gets one of its own kind', async () => {
    const notebook = show('a.ipynb', 'emr-spark', false);
    await attach('a.ipynb');
    expect(notebook.sessionContext.changes).toEqual([{ name: 'emr-spark' }]);
  });

  it('and runs there keeps its kernel, without a word', async () => {
    const notebook = show('a.ipynb', 'emr-pyspark');
    await model.kernels.refresh();
    await attach('a.ipynb');
    expect(notebook.sessionContext.changes).toEqual([]);
    expect(notebook.contentHeader.widgets).toEqual([]);
  });

  it('and runs there is not said to run elsewhere before the ledger was read', async () => {
    const notebook = show('a.ipynb', 'emr-pyspark');
    expect(model.kernels.items).toBeNull();
    await attach('a.ipynb');
    expect(notebook.contentHeader.widgets).toEqual([]);
  });

  it('in a language that no kernel of ours has says so', async () => {
    const notebook = show('a.ipynb', 'julia');
    notebook.metadata = { kernelspec: { language: 'julia' } };
    await attach('a.ipynb');
    expect(notebook.sessionContext.changes).toEqual([]);
    expect(notebook.contentHeader.widgets).toHaveLength(1);
  });

  it('and runs as another role is asked before its variables go', async () => {
    const notebook = show('a.ipynb', 'emr-pyspark');
    await attach('a.ipynb', { runtime_role: ENGINEER });
    expect(notebook.sessionContext.restarts).toBe(0);
    expect(notebook.contentHeader.widgets).toHaveLength(1);
  });

  it('but was closed meanwhile is left alone', async () => {
    const notebook = show('a.ipynb', 'python3');
    const slow = new Later();
    server.routes['POST attachments'] = () => slow.promise;
    const asked = attach('a.ipynb');
    await settled();
    notebook.dispose();
    slow.resolve(json(attachment({ path: 'a.ipynb' }), 201));
    await asked;
    expect(notebook.sessionContext.changes).toEqual([]);
  });

  it.each(['a.ipynb', 'b.ipynb'])(
    'and was renamed meanwhile goes to its kernel all the same, stored as %s',
    async path => {
      const notebook = show('RTC:a.ipynb', 'python3');
      const slow = new Later();
      server.routes['POST attachments'] = () => slow.promise;
      const asked = attach('a.ipynb');
      await settled();
      notebook.move('RTC:b.ipynb');
      sayRenamed('RTC:a.ipynb', 'RTC:b.ipynb');
      expect(model.attaching.current?.path).toBe('b.ipynb');
      slow.resolve(json(attachment({ path }), 201));
      await asked;
      expect(notebook.sessionContext.changes).toHaveLength(1);
      expect(model.attaching.done?.path).toBe('b.ipynb');
    }
  );

  it('stays where it is when attaching fails', async () => {
    const notebook = show('a.ipynb', 'python3');
    server.routes['POST attachments'] = () => failure('No.');
    expect(await attach('a.ipynb')).toBeNull();
    expect(notebook.sessionContext.changes).toEqual([]);
  });
});

describe('the buttons at a kernel', () => {
  beforeEach(() => {
    server.routes['DELETE kernels/k1'] = () =>
      new Response(null, { status: 204 });
    server.routes['POST kernels/k1/adopt'] = () => kernel();
  });

  it('open its notebook, if it has one', () => {
    const actions = kernelActions(app, model);
    actions.open(kernel());
    actions.open(kernel({ notebook: null }));
    expect(opened).toEqual([{ path: 'work/report.ipynb' }]);
  });

  it('interrupt it, if it runs here', async () => {
    const actions = kernelActions(app, model);
    await actions.interrupt(kernel());
    await actions.interrupt(kernel({ local_id: null }));
    expect(interrupts).toBe(1);
  });

  it('end it through Jupyter where Jupyter has it, else on its compute', async () => {
    const actions = kernelActions(app, model);
    await actions.shutDown([kernel()]);
    expect([ended, server.count('DELETE kernels/k1')]).toEqual([['s1'], 0]);
    await actions.shutDown([kernel({ local_id: 'gone' })]);
    expect([ended, server.count('DELETE kernels/k1')]).toEqual([['s1'], 1]);
  });

  it('know since when it is idle, where Jupyter has it', () => {
    const { lastActivity } = kernelActions(app, model);
    expect(lastActivity(kernel())).toBe('2026-01-01T00:00:00Z');
    expect(lastActivity(kernel({ local_id: 'gone' }))).toBeNull();
    session.kernel.execution_state = 'busy';
    expect(lastActivity(kernel())).toBeNull();
  });

  it('adopt it and open its notebook', async () => {
    await kernelActions(app, model).adopt(kernel({ link: 'detached' }));
    expect(opened).toEqual([{ path: 'work/report.ipynb' }]);
    expect(model.kernels.items).toHaveLength(1);
  });
});
