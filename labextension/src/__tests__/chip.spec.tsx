/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';

import { Chip } from '../chip';
import type { EMRModel } from '../models/emr';
import { CommandIDs } from '../tokens';
import type { KernelStart } from '../tokens';
import {
  ANALYST,
  attachment,
  ENGINEER,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  itemsOf,
  kernel,
  Later,
  modelOf,
  settled,
  start,
  SPECS
} from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');

const [ENTER, DOWN] = [13, 40];

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

function starting(...starts: KernelStart[]): object {
  return { ...itemsOf(), starts };
}

describe('a chip', () => {
  let commands: CommandRegistry;
  let model: EMRModel;
  let notebook: FakeNotebook;
  let ran: unknown[];
  let server: FakeServer;
  let chip: Chip;

  async function make(kernelspec = 'emr-pyspark'): Promise<void> {
    notebook = new FakeNotebook('RTC:work/report.ipynb', kernelspec);
    chip = new Chip(notebook.self, model, commands, () => SPECS, trans);
    await act(async () => {
      Widget.attach(chip, document.body);
      await settled();
    });
  }

  /** Let something happen, and all that follows. */
  async function after(happen: () => unknown): Promise<void> {
    await act(async () => {
      await happen();
      MessageLoop.flush();
      await new Promise(resolve => setTimeout(resolve, 30));
      MessageLoop.flush();
      await settled();
    });
  }

  const cancel = (): HTMLElement | null =>
    screen.queryByRole('button', { name: 'Cancel start', hidden: true });
  const button = (): HTMLElement =>
    screen.getByRole('button', { name: /^EMR: /, hidden: true });

  beforeEach(() => {
    ran = [];
    commands = new CommandRegistry();
    for (const id of Object.values(CommandIDs)) {
      commands.addCommand(id, { execute: args => ran.push([id, args]) });
    }
    server = new FakeServer({
      'GET attachments': ({ query }) => ({
        items: query.path === 'work/report.ipynb' ? [attachment()] : [],
        errors: []
      }),
      'GET kernels': () => ({ items: [kernel()], errors: [], as_of: '' })
    });
    model = modelOf(server, new FakeTracker());
  });

  afterEach(async () => {
    await after(() => chip.dispose());
    model.kernels.dispose();
    document.body.replaceChildren();
  });

  it('says compute, role and state of a notebook on EMR', async () => {
    await make();
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    expect(button().getAttribute('aria-label')).toBe(
      'EMR: analytics · EMRAnalyst, Idle'
    );
    await after(() => notebook.sessionContext.say('busy'));
    expect(button().getAttribute('aria-label')).toContain('Busy');
    expect(button().title).toContain(ANALYST);
  });

  it('follows what another tab or a terminal attaches', async () => {
    let version = 'v1';
    server.routes['GET kernels'] = () => ({
      ...itemsOf(kernel()),
      attachments_version: version
    });
    await make();
    await after(() => model.kernels.refresh());
    const asked = server.count('GET attachments');
    await after(() => model.kernels.refresh());
    expect(server.count('GET attachments')).toBe(asked); // nothing has changed
    server.routes['GET attachments'] = () =>
      itemsOf(attachment({ runtime_role: ENGINEER }));
    version = 'v2';
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    await after(() => model.kernels.refresh());
    expect(button().title).toContain('attached as EMREngineer');
  });

  it('is hidden where the kernel is a local one, and then asks nothing', async () => {
    await make('python3');
    expect(chip.isHidden).toBe(true);
    expect(screen.queryByRole('button', { name: /^EMR/ })).toBeNull();
    expect(server.count('GET kernels')).toBe(0);
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    expect(chip.isHidden).toBe(false);
    expect(button()).toBeTruthy();
  });

  it('is there while the notebook moves to EMR', async () => {
    await make('python3');
    server.routes['GET kernels'] = () => starting(start({ since: ago(3) }));
    const move = new Later();
    const session = notebook.sessionContext.self;
    await after(() => model.announce({ session, move: move.promise }));
    await after(() => model.kernels.refresh());
    expect(button().getAttribute('aria-label')).toMatch(
      /Starting 2 of 4: gateway, [34] s$/
    );
    await after(() => move.reject(new Error('no')));
    expect(chip.isHidden).toBe(true);
  });

  it('cancels a start, by a button beside it', async () => {
    server.routes['GET kernels'] = () => starting(start());
    await make();
    await after(() => model.kernels.refresh());
    await after(() => fireEvent.click(cancel()!));
    expect(ran).toEqual([
      [CommandIDs.cancelStart, { path: 'RTC:work/report.ipynb' }]
    ]);
    server.routes['GET kernels'] = () => starting(start({ can_cancel: false }));
    await after(() => model.kernels.refresh());
    expect(cancel()).toBeNull();
  });

  it('counts while a cell runs, whatever the last status says', async () => {
    await make();
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    await after(() => notebook.sessionContext.publish('execute_input', 'm1'));
    await after(() => notebook.sessionContext.say('idle'));
    expect(button().getAttribute('aria-label')).toMatch(/, Busy 0:0\d$/);
    const idle = { execution_state: 'idle' };
    await after(() => notebook.sessionContext.publish('status', 'm1', idle));
    expect(button().getAttribute('aria-label')).toMatch(/, Idle$/);
  });

  it('offers a restart under the role that is attached', async () => {
    const runs = kernel({ runtime_role: ENGINEER });
    server.routes['GET kernels'] = () => itemsOf(runs);
    await make();
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    await after(() => model.kernels.refresh());
    expect(button().getAttribute('aria-label')).toBe(
      'EMR: analytics · EMREngineer ≠, Idle · attached as EMRAnalyst'
    );
    await after(() => fireEvent.click(button()));
    const items = screen.getAllByRole('menuitem', { hidden: true });
    expect(items[1].textContent).toBe('Restart under EMRAnalyst');
  });

  it('follows a notebook that is renamed', async () => {
    await make();
    await after(() => notebook.move('elsewhere.ipynb'));
    expect(server.seen.some(one => one.query.path === 'elsewhere.ipynb')).toBe(
      true
    );
    expect(button().getAttribute('aria-label')).toBe('EMR: Not attached');
  });

  it('says what was attached or detached meanwhile', async () => {
    await make();
    server.routes['GET attachments'] = () => ({ items: [], errors: [] });
    await after(() => model.attachments.invalidate());
    expect(button().getAttribute('aria-label')).toBe('EMR: Not attached');
  });

  it('survives a server that does not answer', async () => {
    server.routes = {};
    await make();
    expect(button().getAttribute('aria-label')).toBe('EMR: Not attached');
  });

  it('names the folder whose attachment its menu would end', async () => {
    server.routes['GET attachments'] = () => ({
      items: [attachment({ path: 'work' })],
      errors: []
    });
    await make();
    await after(() => fireEvent.click(button()));
    const items = screen.getAllByRole('menuitem', { hidden: true });
    expect(items[3].textContent).toBe('Detach Folder work');
  });

  it('has a menu whose items run commands on its notebook', async () => {
    await make();
    await after(() => notebook.sessionContext.give('emr-pyspark'));
    await after(() => fireEvent.click(button()));
    const items = screen.getAllByRole('menuitem', { hidden: true });
    expect(items.map(item => item.textContent)).toEqual([
      'Change Compute or Role …',
      'Restart Kernel There',
      'Shut Down Kernel',
      'Detach',
      'Copy Details'
    ]);
    const menu = screen.getByRole('menu', { hidden: true }).parentElement!;
    await after(() => {
      for (const keyCode of [DOWN, DOWN, ENTER]) {
        fireEvent.keyDown(menu, { keyCode });
      }
    });
    expect(ran).toEqual([
      [CommandIDs.restartHere, { path: 'RTC:work/report.ipynb' }]
    ]);
  });

  it('ends with its notebook, whichever goes first', async () => {
    await make();
    await after(() => {
      notebook.dispose();
      chip.dispose();
      chip.dispose();
    });
    const asked = server.seen.length;
    await after(() => {
      model.attachments.invalidate();
      return model.kernels.refresh();
    });
    const since = server.seen.slice(asked).map(one => one.query.path);
    expect(since).not.toContain('work/report.ipynb');
    expect(chip.isDisposed).toBe(true);
  });

  it('ends while its attachment is asked for', async () => {
    const slow = new Later();
    server.routes['GET attachments'] = () => slow.promise;
    await make();
    await after(() => chip.dispose());
    await after(() => slow.resolve({ items: [attachment()], errors: [] }));
    expect(chip.isDisposed).toBe(true);
  });
});
