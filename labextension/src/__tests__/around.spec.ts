/**
 * @jest-environment ./jest.browser.js
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IRunningSessions } from '@jupyterlab/running';
import type { IStatusBar } from '@jupyterlab/statusbar';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';

import type { EMRModel } from '../models/emr';
import { factsOf } from '../models/computes';
import { launcher, status } from '../plugins/around';
import { statusText } from '../panels/status';
import { kernelspecsOn, offersOf } from '../remembered';
import { CommandIDs } from '../tokens';
import {
  ANALYST,
  attachment,
  compute,
  contents,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  identity,
  itemsOf,
  kernel,
  listOf,
  modelOf,
  settled,
  SPECS,
  until
} from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');
const NO_SPARK = compute({
  id: 'j-2',
  name: 'plain',
  applications: ['JupyterEnterpriseGateway']
});

let model: EMRModel;
let server: FakeServer;
let tracker: FakeTracker;

beforeEach(() => {
  server = new FakeServer({
    'GET attachments': () => itemsOf(),
    'GET compute': () => listOf([compute(), NO_SPARK]),
    'GET identity': () => identity(),
    'GET kernels': () => itemsOf(kernel())
  });
  tracker = new FakeTracker();
  model = modelOf(server, tracker);
});

afterEach(() => {
  model.computes.dispose();
  model.kernels.dispose();
});

describe('the computes to offer', () => {
  const offers = (most = 9, attachments = [] as never[]): unknown[] =>
    offersOf(
      model.memory,
      key => model.computes.find(key),
      attachments,
      most
    ).map(({ name, runtime_role }) => [name, runtime_role]);

  it('are pinned and recent ones, also before the list is asked for', async () => {
    await model.memory.attached('ec2/j-2', null, factsOf(NO_SPARK));
    await model.memory.attached('ec2/j-1', ANALYST, factsOf(compute()));
    expect(offers()).toEqual([
      ['analytics', ANALYST],
      ['plain', null]
    ]);
    await model.memory.togglePin('ec2/j-2');
    expect(offers(1)).toEqual([['plain', null]]);
  });

  it('are those that something is attached to, each once', async () => {
    await model.memory.attached('ec2/j-1', null, factsOf(compute()));
    const attachments = [
      attachment(),
      attachment({ compute: 'j-9', compute_name: null })
    ] as never[];
    expect(offers(9, attachments)).toEqual([
      ['analytics', null],
      ['j-9', ANALYST]
    ]);
  });

  it('have their new names, and not those that cannot be attached to', async () => {
    await model.memory.attached('ec2/j-1', null, factsOf(compute()));
    await model.memory.attached('ec2/j-2', null, factsOf(NO_SPARK));
    await model.memory.attached('ec2/unknown', null);
    server.routes['GET compute'] = () =>
      listOf([compute({ name: 'new' }), { ...NO_SPARK, attachable: false }]);
    await model.computes.refresh();
    expect(offers()).toEqual([['new', null]]);
  });

  it('have the kernels that they can run', () => {
    const names = (hasSpark: boolean): string[] =>
      kernelspecsOn({ hasSpark }, SPECS).map(spec => spec.name);
    expect(names(true)).toEqual([
      'emr-pyspark',
      'emr-spark',
      'emr-sparkr',
      'emr-python'
    ]);
    expect(names(false)).toEqual(['emr-python']);
    expect(kernelspecsOn({ hasSpark: true }, null)).toEqual([]);
  });
});

describe('launcher and palette', () => {
  type Item = { command: string; args?: Record<string, unknown> };
  let app: JupyterFrontEnd;
  let cards: Item[];
  let entries: Item[];
  const adds = (list: Item[]): { add: unknown; addItem: unknown } => {
    const add = (item: Item): DisposableDelegate => {
      list.push(item);
      return new DisposableDelegate(
        () => void list.splice(list.indexOf(item), 1)
      );
    };
    return { add, addItem: add };
  };

  beforeEach(() => {
    cards = [];
    entries = [];
    app = {
      commands: new CommandRegistry(),
      restored: Promise.resolve(),
      serviceManager: {
        contents,
        kernelspecs: {
          ready: Promise.resolve(),
          specs: SPECS,
          specsChanged: new Signal({})
        }
      }
    } as unknown as JupyterFrontEnd;
  });

  const start = (): unknown =>
    launcher.activate(app, model, adds(cards), adds(entries));

  it('lead to the panel while nothing is attached', async () => {
    await start();
    await until(() => cards.length === 1);
    expect(cards[0].command).toBe(CommandIDs.openPanel);
    expect(entries).toEqual([]);
  });

  it('have one card per kernel, and follow what is attached', async () => {
    server.routes['GET attachments'] = () => itemsOf(attachment());
    await start();
    await until(() => cards.length === 4);
    expect(cards[0]).toMatchObject({
      command: CommandIDs.newNotebook,
      args: { compute: 'j-1', runtime_role: ANALYST, kernelspec: 'emr-pyspark' }
    });
    expect(entries).toMatchObject([
      { command: CommandIDs.attach, args: { compute: 'j-1' } }
    ]);
    server.routes['GET attachments'] = () => itemsOf();
    model.attachments.invalidate();
    await until(() => cards.length === 1 && entries.length === 0);
    await model.memory.togglePin('ec2/j-2', factsOf(NO_SPARK));
    await until(() => cards[0]?.args?.compute === 'j-2');
    expect(cards).toHaveLength(1);
  });

  it('keep what they have while the server is away', async () => {
    server.routes['GET attachments'] = () => itemsOf(attachment());
    await start();
    await until(() => cards.length === 4);
    server.routes = {};
    model.attachments.invalidate();
    await settled();
    expect(cards).toHaveLength(4);
  });
});

describe('the status bar', () => {
  it('says nothing where there is nothing to say', () => {
    expect(statusText(model, trans)).toBe('');
  });

  it('says where the notebook in front runs', async () => {
    server.routes['GET attachments'] = () => itemsOf(attachment());
    tracker.show(new FakeNotebook('work/report.ipynb'));
    await settled();
    expect(statusText(model, trans)).toBe(
      'EMR analytics · EMRAnalyst · us-east-1'
    );
  });

  it('counts what runs where none is in front', async () => {
    server.routes['GET kernels'] = () =>
      itemsOf(
        kernel(),
        kernel({ kernel_id: 'k2', link: 'reconnecting' }),
        kernel({ kernel_id: 'k3', link: 'gone' })
      );
    await model.kernels.refresh();
    expect(statusText(model, trans)).toBe('EMR 2 kernels, 1 reconnecting');
  });

  it.each([
    [10 * 60, /, login expires in 10 min$/],
    [-5, /, login expired$/],
    [3600, /^EMR 1 kernel$/]
  ])('says that a login ends in %s s', async (seconds, text) => {
    const expires_at = new Date(Date.now() + seconds * 1000).toISOString();
    server.routes['GET identity'] = () => identity({ expires_at });
    await model.identity.refresh();
    await model.kernels.refresh();
    expect(statusText(model, trans)).toMatch(text);
  });

  it('has a button that opens the panel, and the panel of what runs our kernels', async () => {
    const commands = new CommandRegistry();
    let opened = 0;
    commands.addCommand(CommandIDs.openPanel, { execute: () => opened++ });
    const app = {
      commands,
      serviceManager: { contents, kernels: {}, sessions: { running: () => [] } }
    } as unknown as JupyterFrontEnd;
    const items: Widget[] = [];
    const bar = {
      registerStatusItem: (_: string, { item }: { item: Widget }) =>
        items.push(item)
    } as unknown as IStatusBar;
    const sections: IRunningSessions.IManager[] = [];
    const running = {
      add: (section: IRunningSessions.IManager) => sections.push(section),
      items: () => sections
    };
    await status.activate(app, model, bar, running, null);
    await act(async () => {
      Widget.attach(items[0], document.body);
      await model.kernels.refresh();
      await settled();
    });
    fireEvent.click(screen.getByRole('button', { name: 'EMR 1 kernel' }));
    expect(opened).toBe(1);
    act(() => items[0].dispose());

    const [shown] = sections[0].running({ mode: 'list' });
    expect(shown.label()).toBe('report.ipynb · analytics · EMRAnalyst');
    server.routes['DELETE kernels/k1'] = () =>
      new Response(null, { status: 204 });
    server.routes['GET kernels'] = () => itemsOf(kernel({ link: 'gone' }));
    shown.shutdown?.();
    await until(() => server.count('DELETE kernels/k1') === 1);
    await until(() => sections[0].running({ mode: 'list' }).length === 0);
  });
});
