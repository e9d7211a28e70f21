/**
 * @jest-environment ./jest.browser.js
 */
import type { ILabShell, JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { EMRModel } from '../models/emr';
import { executor, notebook } from '../plugins/notebook';
import { connect, model, panel } from '../plugins/panel';
import { CommandIDs } from '../tokens';
import { WaitingExecutor } from '../waiting';
import {
  attachment,
  compute,
  contents,
  emissions,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  itemsOf,
  Later,
  listOf,
  settled,
  SPECS
} from './fakes';

/** Notebooks with a toolbar, of which one hears when they are opened. */
class Tracker extends FakeTracker {
  readonly widgetAdded = new Signal<this, unknown>(this);

  get self(): INotebookTracker {
    return this as unknown as INotebookTracker;
  }
}

let app: JupyterFrontEnd;
let browser: { model: { path: string; pathChanged: Signal<object, unknown> } };
let models: EMRModel;
let server: FakeServer;
let specsChanged: Signal<object, void>;
let tracker: Tracker;

beforeEach(async () => {
  server = new FakeServer({
    'GET attachments': () => itemsOf(attachment()),
    'GET compute': () => listOf([compute()])
  });
  specsChanged = new Signal<object, void>({});
  tracker = new Tracker();
  app = {
    commands: new CommandRegistry(),
    serviceManager: {
      contents,
      kernels: {},
      kernelspecs: { ready: Promise.resolve(), specs: SPECS, specsChanged },
      serverSettings: server.settings,
      sessions: {}
    },
    shell: { activateById: () => undefined }
  } as unknown as JupyterFrontEnd;
  browser = {
    model: { path: 'RTC:shown', pathChanged: new Signal<object, unknown>({}) }
  };
  models = await model.activate(app, tracker.self, null, browser);
});

afterEach(() => {
  models.computes.dispose();
  models.kernels.dispose();
});

describe('the token for other extensions', () => {
  it('has the list, the attachment of a path, and a signal', async () => {
    const api = await connect.activate(app, models);
    const changed = emissions(api.changed);
    expect(api.computes).toEqual([]);
    await models.computes.refresh();
    expect(api.computes).toEqual([compute()]);
    expect(changed.args.length).toBeGreaterThan(0);
    expect(await api.attachmentOf('work/report.ipynb')).toEqual(attachment());
    expect(server.last.query.path).toBe('work/report.ipynb');
    const before = changed.args.length;
    models.attachments.invalidate();
    expect(changed.args.length).toBe(before + 1);
  });
});

describe('the models', () => {
  it('would attach the folder in front while no notebook is open', async () => {
    expect(models.target.folder).toBe('shown');
    browser.model.path = 'RTC:shown/below';
    browser.model.pathChanged.emit(null);
    await settled();
    expect(server.last.query.path).toBe('shown/below');
  });

  it('ask again what is attached when the browser’s tab is shown again, for another may have changed it', async () => {
    await settled();
    const asked = server.count('GET attachments');
    document.dispatchEvent(new Event('visibilitychange'));
    await settled();
    expect(server.count('GET attachments')).toBe(asked + 1);
  });
});

describe('the panel', () => {
  it('is in JupyterLab’s left sidebar, its commands in the palette', async () => {
    const added: [Widget, string][] = [];
    const items: string[] = [];
    const restored: string[] = [];
    const shell = {
      add: (widget: Widget, area: string) => added.push([widget, area])
    } as unknown as ILabShell;
    const palette = {
      addItem: ({ command }: { command: string }) => items.push(command)
    } as unknown as ICommandPalette;
    const restorer = { add: (_: Widget, name: string) => restored.push(name) };
    await panel.activate(
      app,
      models,
      tracker.self,
      shell,
      restorer,
      palette,
      null
    );
    const [[sidebar, area]] = added;
    expect([area, sidebar.title.caption]).toEqual(['left', 'EMR']);
    expect(sidebar.node.getAttribute('aria-label')).toBe('EMR');
    expect(restored).toEqual([sidebar.id]);
    for (const command of Object.values(CommandIDs)) {
      expect(items).toContain(command);
      expect(app.commands.hasCommand(command)).toBe(true);
    }
    Widget.attach(sidebar, document.body);
    await app.commands.execute(CommandIDs.showKernels);
    await settled();
    const shown = document.activeElement;
    expect(shown?.firstElementChild?.getAttribute('aria-label')).toBe(
      'Kernels'
    );
    sidebar.dispose();
  });

  it('is not in Notebook 7, its commands are', async () => {
    await panel.activate(app, models, null, null, null, null, null);
    expect(app.commands.hasCommand(CommandIDs.attach)).toBe(true);
    expect(app.commands.isEnabled(CommandIDs.openPanel)).toBe(false);
  });
});

describe('a notebook that is opened', () => {
  function open(path: string): string[] {
    const opened = new FakeNotebook(path, 'emr-pyspark');
    const items: string[] = [];
    const toolbar = {
      insertItem: (index: number, name: string, item: Widget) => {
        items.push(`${name} at ${index}`);
        chips.push(item);
      }
    };
    const node = document.createElement('div');
    Object.assign(opened, { node, toolbar });
    notebooks.push(opened);
    tracker.widgetAdded.emit(opened);
    return items;
  }

  let chips: Widget[];
  let notebooks: FakeNotebook[];

  beforeEach(() => {
    chips = [];
    notebooks = [];
  });

  afterEach(() => chips.forEach(chip => chip.dispose()));

  it('has a chip in its toolbar, and cells that wait for its move', async () => {
    const waiting = (await executor.activate(app)) as WaitingExecutor;
    expect(waiting).toBeInstanceOf(WaitingExecutor);
    await notebook.activate(app, models, tracker.self, waiting, null, null);
    expect(open('a.ipynb')).toEqual(['emr at 0']);
    const session = notebooks[0].sessionContext.self;
    const move = new Later();
    models.announce({ session, move: move.promise });
    const prompts: string[] = [];
    const node = document.createElement('div');
    const cell = {
      model: { type: 'code' },
      node,
      setPrompt: (prompt: string) => prompts.push(prompt)
    };
    const options = { cell, sessionContext: session };
    const ran = waiting.runCell(options as never);
    await settled();
    expect(prompts).toEqual(['*']);
    expect(node.textContent).toBe('waits for the kernel: 0 s');
    move.reject(new Error('no'));
    expect(await ran).toBe(false);
  });

  it('asks anew what holds when the server’s kernelspecs change', async () => {
    await notebook.activate(app, models, tracker.self, null, null, null);
    const changed = emissions(models.attachments.changed);
    specsChanged.emit();
    expect(changed.args).toHaveLength(1);
  });
});
