/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { AccordionPanel } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';
import axe from 'axe-core';

import type { EMRModel } from '../models/emr';
import { EMRSidebar } from '../panels/sidebar';
import {
  attachment,
  compute,
  failure,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  identity,
  itemsOf,
  kernel,
  Later,
  listOf,
  modelOf
} from './fakes';
import { afterWidgets as after, endPanel } from './fakes/panel';

const trans = nullTranslator.load('jupyter_emr_connect');
const LISTED = listOf(
  [
    compute(),
    compute({ id: 'vc/ep', kind: 'eks', name: 'endpoint' }),
    compute({ id: 'x', name: 'gone', attachable: false, reason: 'It ended.' })
  ],
  {
    errors: [
      {
        kind: 'serverless',
        region: 'us-east-1',
        code: 'AccessDenied',
        message: 'Denied.',
        iam_action: 'emr-serverless:ListApplications'
      }
    ]
  }
);

let model: EMRModel;
let server: FakeServer;
let sidebar: EMRSidebar;
/** How many elements its sections had before it was shown. */
let unseen: number;

/** What needs a layout, and so a real browser; and what concerns whole pages. */
const OFF = ['color-contrast', 'label-content-name-mismatch', 'region'];

/** Return what axe finds. */
async function findings(): Promise<string[]> {
  const rules = Object.fromEntries(OFF.map(id => [id, { enabled: false }]));
  let found: axe.Result[] = [];
  await act(async () => {
    found = (await axe.run(sidebar.node, { rules })).violations;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(node => `${id}: ${node.html.slice(0, 200)}`)
  );
}

beforeEach(async () => {
  server = new FakeServer({
    'GET attachments': () => itemsOf(attachment()),
    'GET compute': ({ query }) => (query.since ? new Later().promise : LISTED),
    'GET identity': () => identity(),
    'GET kernels': () =>
      itemsOf(kernel(), kernel({ kernel_id: 'b', link: 'gone' })),
    'GET runtime-roles': () => itemsOf()
  });
  const tracker = new FakeTracker();
  tracker.show(new FakeNotebook('work/report.ipynb'));
  model = modelOf(server, tracker);
  const nothing = (): Promise<void> => Promise.resolve();
  const actions = {
    open: () => undefined,
    interrupt: nothing,
    shutDown: nothing,
    adopt: nothing,
    lastActivity: () => null
  };
  sidebar = new EMRSidebar(model, actions, trans);
  sidebar.hide();
  await after(() => Widget.attach(sidebar, document.body));
  unseen = sidebar.node.querySelectorAll('.jp-EmrSection > *').length;
  await after(() => sidebar.show());
});

afterEach(async () => {
  await after(() => {
    sidebar.hide();
    sidebar.dispose();
  });
  endPanel(model);
});

describe('the sidebar', () => {
  it('makes nothing before it is seen', () => {
    expect(unseen).toBe(0);
  });

  it('takes the keyboard to its filter when it is asked for', async () => {
    await after(() => sidebar.focusFilter());
    const filter = screen.getByRole('searchbox', { name: 'Filter computes' });
    expect(document.activeElement).toBe(filter);
    filter.blur();
    await after(() => {
      void sidebar.focusFilter();
      screen.getByRole('button', { name: 'Refresh' }).focus();
    });
    expect(document.activeElement).not.toBe(filter); // the user has gone on
    expect(sidebar.node.querySelector('.jp-EmrSection > *')).toBeTruthy();
  });

  it('has what the contract names', () => {
    expect(screen.getByRole('region', { name: 'EMR' })).toBe(sidebar.node);
    for (const name of ['Identity', 'Kernels']) {
      expect(screen.getByRole('region', { name })).toBeTruthy();
    }
    expect(screen.getByRole('searchbox', { name: 'Filter computes' }));
    expect(screen.getByRole('listbox', { name: 'Computes' })).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Detach' })).toBeTruthy();
  });

  it('follows what there is while it is shown, and no longer', async () => {
    expect(server.count('GET identity')).toBe(1);
    expect(server.count('GET compute')).toBeGreaterThan(0);
    await after(() => sidebar.hide());
    const asked = server.seen.length;
    await after(() => new Promise(resolve => setTimeout(resolve, 1000)));
    expect(server.seen).toHaveLength(asked);
    const waited = server.seen.filter(one => one.query.since);
    expect(waited.every(one => one.signal.aborted)).toBe(true);
  });

  it.each([
    ['untouched', 1],
    ['with a section that the user has folded', 0]
  ])('makes room for a compute that is chosen: %s', async (what, times) => {
    const content = sidebar.content as AccordionPanel;
    if (times === 0) {
      content.collapse(2);
    }
    const share = jest.spyOn(content, 'setRelativeSizes');
    await after(() => model.choose(compute()));
    await after(() => model.choose(compute({ id: 'j-2' })));
    expect(share).toHaveBeenCalledTimes(times); // later on it is the user's affair
  });

  it('asks as another profile for everything anew', async () => {
    server.routes['PUT identity'] = () => identity({ profile: 'analyst' });
    const profile = screen.getByRole('combobox', { name: 'AWS profile' });
    await after(() =>
      fireEvent.change(profile, { target: { value: 'analyst' } })
    );
    expect(model.identity.identity?.profile).toBe('analyst');
    expect(server.seen.some(one => one.query.refresh === 'true')).toBe(true);
  });
});

describe('axe finds nothing', () => {
  it('in the lists', async () => {
    fireEvent.click(screen.getByRole('button', { name: /Cannot be attached/ }));
    expect(await findings()).toEqual([]);
    await after(() => model.memory.setGroupBy('kind'));
    expect(screen.getAllByRole('group').length).toBeGreaterThan(1);
    expect(await findings()).toEqual([]);
  });

  it('in a chosen compute, open to its details', async () => {
    await after(() =>
      fireEvent.click(screen.getByRole('option', { name: 'analytics' }))
    );
    expect(screen.getByRole('combobox', { name: 'Runtime role' })).toBeTruthy();
    sidebar.node.querySelectorAll('details').forEach(one => (one.open = true));
    act(() => screen.getByRole('listbox').focus());
    expect(await findings()).toEqual([]);
  });

  it('in what failed and in what is under way', async () => {
    await after(() =>
      fireEvent.click(screen.getByRole('option', { name: 'analytics' }))
    );
    server.routes['POST attachments'] = () =>
      failure('No way.', 502, { hop: 'gateway' });
    const attach = screen.getByRole('button', {
      name: 'Attach to this notebook'
    });
    await after(() => fireEvent.click(attach));
    expect(await findings()).toEqual([]);
    server.routes['POST attachments'] = () => new Later().promise;
    await after(() => fireEvent.click(attach));
    expect(screen.getByRole('button', { name: 'Cancel' })).toBeTruthy();
    expect(await findings()).toEqual([]);
  });

  it('where nothing is there and nothing works', async () => {
    server.routes = {};
    await after(() => model.refresh());
    await after(() => model.kernels.refresh());
    expect(screen.getAllByRole('alert').length).toBeGreaterThan(2);
    expect(await findings()).toEqual([]);
  });
});
