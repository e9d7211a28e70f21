/**
 * @jest-environment ./jest.browser.js
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen, within } from '@testing-library/react';
import axe from 'axe-core';

import { backups } from '../../plugins/backups';
import { BackupCommandIDs } from '../../tokens';
import {
  contents,
  failure,
  FakeNotebook,
  FakeServer,
  FakeTracker
} from '../fakes';
import { afterWidgets as after } from '../fakes/panel';
import {
  cell,
  conflict,
  item,
  notebook,
  OFF,
  PATH,
  statusOf,
  version
} from './fakes';

/** Notebooks with cells and a toolbar, of which one hears when they are opened. */
class Tracker extends FakeTracker {
  readonly widgetAdded = new Signal<this, unknown>(this);

  get self(): INotebookTracker {
    return this as unknown as INotebookTracker;
  }
}

type Cell = { id: string; source: string };

/** A notebook's cells, as they are shared between views. */
class Shared {
  constructor(public all: Cell[]) {}

  get cells(): { toJSON: () => Cell }[] {
    return this.all.map(one => ({ toJSON: () => one }));
  }
  deleteCell(index: number): void {
    this.all.splice(index, 1);
  }
  insertCell(index: number, one: Cell): void {
    this.all.splice(index, 0, one);
  }
  transact(change: () => void): void {
    change();
  }
}

/** What needs a layout, and so a real browser; and what concerns whole pages. */
const OFF_RULES = ['color-contrast', 'label-content-name-mismatch', 'region'];

let app: JupyterFrontEnd;
let bar: Widget;
let chips: Widget[];
let opened: FakeNotebook;
let panels: Widget[];
let server: FakeServer;
let shared: Shared;
let tracker: Tracker;

async function click(name: string | RegExp): Promise<void> {
  await after(() => fireEvent.click(screen.getByRole('button', { name })));
}

async function show(): Promise<void> {
  await after(() => app.commands.execute(BackupCommandIDs.showVersions));
}

async function findings(): Promise<string[]> {
  const rules = Object.fromEntries(
    OFF_RULES.map(id => [id, { enabled: false }])
  );
  let found: axe.Result[] = [];
  await act(async () => {
    found = (await axe.run(document.body, { rules })).violations;
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`);
}

async function start(): Promise<void> {
  const registered = {
    registerStatusItem: (_: string, given: { item: Widget }) => {
      bar = given.item;
    }
  };
  await after(() => {
    void backups.activate(app, tracker.self, registered, null, null);
    Widget.attach(bar, document.body);
  });
  const toolbar = {
    insertBefore: (before: string, name: string, chip: Widget) => {
      chips.push(chip);
      Widget.attach(chip, document.body);
      return true;
    }
  };
  await after(() => {
    opened = new FakeNotebook(`RTC:${PATH}`);
    const content = { activeCellIndex: 0, model: { sharedModel: shared } };
    Object.assign(opened, { content, toolbar });
    tracker.widgetAdded.emit(opened);
    tracker.show(opened);
  });
}

beforeEach(() => {
  panels = [];
  chips = [];
  shared = new Shared([cell('a', 'now\n'), cell('b', 'same')] as never);
  server = new FakeServer({
    'GET backups': () => ({
      items: [version({ version_id: 'v2', latest: true }), version()],
      versioned: true,
      errors: []
    }),
    'GET backups/content': () => ({
      content: notebook(
        cell('a', 'then\n'),
        cell('gone', 'gone'),
        cell('b', 'same')
      )
    }),
    'GET backups/status': () => statusOf({}, item()),
    'POST backups/now': () => ({ waiting: 1 })
  });
  tracker = new Tracker();
  app = {
    commands: new CommandRegistry(),
    restored: Promise.resolve(),
    serviceManager: { contents, serverSettings: server.settings },
    shell: {
      activateById: () => panels[0].show(),
      add: (panel: Widget) => {
        panel.hide();
        panels.push(panel);
        Widget.attach(panel, document.body);
      }
    }
  } as unknown as JupyterFrontEnd;
});

afterEach(() =>
  after(() => [...panels, ...chips, bar].forEach(widget => widget.dispose()))
);

describe('where no location is set', () => {
  beforeEach(async () => {
    server.routes['GET backups/status'] = () => OFF;
    await start();
  });

  it('there is one hint, which teaches how', async () => {
    expect(chips.every(chip => chip.isHidden)).toBe(true);
    expect(panels).toEqual([]);
    expect(server.seen).toHaveLength(1);
    const { commands } = app;
    expect(commands.isVisible(BackupCommandIDs.backupNow)).toBe(false);
    expect(commands.isVisible(BackupCommandIDs.backupResolve)).toBe(false);
    await click('EMR backup: off');
    const panel = within(screen.getByRole('region', { name: 'EMR backups' }));
    expect(panel.getByRole('note').textContent).toContain(
      'Set EMRConnect.backup_location.'
    );
    expect(server.count('GET backups')).toBe(0);
    expect(await findings()).toEqual([]);
  });
});

describe('where backups are on', () => {
  beforeEach(start);

  it('the toolbar and the status bar say how far they are, and follow a save', async () => {
    screen.getByRole('button', { name: 'EMR backup: in S3' });
    screen.getByRole('button', { name: 'Backup: in S3, 3 h ago' });
    server.routes['GET backups/status'] = () =>
      statusOf({ state: 'waiting', waiting: 1 }, item({ state: 'waiting' }));
    await after(() => opened.context.saveState.emit('completed'));
    screen.getByRole('button', { name: 'EMR backup: 1 waiting' });
    screen.getByRole('button', { name: 'Backup: waiting' });
  });

  it('a notebook with changes is saved before it is backed up', async () => {
    opened.context.model.dirty = true;
    await after(() =>
      app.commands.execute(BackupCommandIDs.backupNow, { path: PATH })
    );
    expect(opened.saves).toBe(1);
    const asked = server.seen.find(one => one.what === 'POST backups/now');
    expect(asked?.body).toEqual({ path: PATH });
  });

  it('versions are listed with when, where and as whom', async () => {
    await show();
    const list = screen.getByRole('list', { name: 'Versions' });
    const [latest] = within(list).getAllByRole('listitem');
    expect(latest.textContent).toContain('latest');
    expect(latest.textContent).toContain('analytics · EMRAnalyst · 4.1 kB');
    expect(await findings()).toEqual([]);
  });

  it('one cell is brought back in three clicks, where it stood', async () => {
    await after(() => app.commands.execute(BackupCommandIDs.showVersions));
    const [, compare] = screen.getAllByRole('button', {
      name: /^Compare with/
    });
    await after(() => fireEvent.click(compare));
    await after(() => panels[0].hide()); // as when another tab is looked at
    await after(() => panels[0].show());
    const diff = screen.getByRole('list', {
      name: 'Cells that differ from now'
    });
    const [changed, gone] = within(diff).getAllByRole('listitem');
    expect(changed.textContent).toContain('- now');
    expect(changed.textContent).toContain('+ then');
    expect(await findings()).toEqual([]);
    const restore = within(gone).getByRole('button', {
      name: 'Restore this cell'
    });
    await after(() => fireEvent.click(restore));
    expect(shared.all.map(one => one.source)).toEqual([
      'now\n',
      'gone',
      'same'
    ]);
    const [first] = screen.getAllByRole('button', {
      name: 'Restore this cell'
    });
    await after(() => fireEvent.click(first));
    expect(shared.all.map(one => [one.id, one.source])).toEqual([
      ['a', 'then\n'],
      ['gone', 'gone'],
      ['b', 'same']
    ]);
    screen.getByText('No cell differs from now.');
    expect(server.count('POST backups/restore')).toBe(0);
  });

  it('a notebook is brought back over what is saved, then shown', async () => {
    server.routes['POST backups/restore'] = () => ({
      path: PATH,
      saved_present_as: 'v3'
    });
    opened.context.model.dirty = true;
    await show();
    const [, restore] = screen.getAllByRole('button', { name: /^Restore / });
    await after(() => fireEvent.click(restore));
    const asked = server.seen.find(one => one.what === 'POST backups/restore');
    expect(asked?.body).toEqual({ path: PATH, version_id: 'v1' });
    expect([opened.saves, opened.reverts]).toEqual([1, 1]);
    screen.getByText(/What was here before is kept/);
  });

  it('nothing is brought back over what cannot be saved', async () => {
    opened.context.model.dirty = true;
    opened.canBeSaved = false;
    await show();
    const [, restore] = screen.getAllByRole('button', { name: /^Restore / });
    await after(() => fireEvent.click(restore));
    expect(screen.getByRole('alert').textContent).toContain('not be saved');
    expect(server.count('POST backups/restore')).toBe(0);
    expect(opened.reverts).toBe(0);
  });

  it('what failed is said, and what is in sight goes with the panel', async () => {
    server.routes['GET backups'] = () => failure('Denied: s3:ListBucket');
    await show();
    expect(screen.getByRole('alert').textContent).toContain('s3:ListBucket');
    await after(() => panels[0].hide());
    const asked = server.count('GET backups');
    await after(() => opened.context.saveState.emit('completed'));
    expect(server.count('GET backups')).toBe(asked);
  });
});

describe('a conflict', () => {
  beforeEach(async () => {
    server.routes['GET backups/status'] = () =>
      statusOf({ state: 'conflict' }, item({ state: 'conflict' }));
    server.routes['GET backups/conflict'] = () => conflict();
    server.routes['POST backups/resolve'] = () => ({
      path: PATH,
      saved_present_as: null
    });
    await start();
  });

  it('shows both sides, and no merge where there is none', async () => {
    await click('Backup: conflict');
    const region = within(screen.getByRole('region', { name: 'Conflict' }));
    expect(region.getByText(/\+ my line/)).toBeTruthy();
    expect(region.getByText(/\+ their line/)).toBeTruthy();
    expect(region.getByText(/1\.2 MB · laptop/)).toBeTruthy();
    expect(region.queryByRole('button', { name: 'Merge' })).toBeNull();
    expect(await findings()).toEqual([]);
  });

  it('ends as the user says', async () => {
    server.routes['GET backups/conflict'] = () => conflict({ mergeable: true });
    await show();
    server.routes['GET backups/status'] = () => statusOf({}, item());
    await click('Merge');
    const asked = server.seen.find(one => one.what === 'POST backups/resolve');
    expect(asked?.body).toEqual({ path: PATH, choice: 'merge' });
    expect(opened.reverts).toBe(1);
    expect(screen.queryByRole('region', { name: 'Conflict' })).toBeNull();
  });

  it('with both kept says where theirs is', async () => {
    server.routes['POST backups/resolve'] = () => ({
      path: PATH,
      saved_present_as: 'n (theirs).ipynb'
    });
    await show();
    server.routes['GET backups/status'] = () => statusOf({}, item());
    await click('Keep both');
    screen.getByText('Done. Theirs is in n (theirs).ipynb, beside yours.');
  });
});
