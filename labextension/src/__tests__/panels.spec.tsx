/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';

import { EMRModel } from '../models/emr';
import { AttachSection } from '../panels/attach';
import { ComputesSection, MIME } from '../panels/computes';
import { IdentitySection } from '../panels/identity';
import { KernelsSection } from '../panels/kernels';
import type { IKernelActions } from '../panels/kernels';
import type { Compute, EMRKernel, NewAttachment } from '../tokens';
import {
  ANALYST,
  attachment,
  compute,
  contents,
  ENGINEER,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  failure,
  identity,
  json,
  kernel,
  Later,
  listOf,
  settled
} from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');
const list = (...items: unknown[]): object => ({
  items,
  errors: [],
  as_of: ''
});

/** What nobody should name a cluster, and somebody will. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '\u202Eevil\u202C right to left \u05D0\u05D1',
  'x'.repeat(10_000),
  '👩‍💻🚀 emoji',
  '{{constructor}} ${7*7} %1 %s',
  ' '
];

let model: EMRModel;
let server: FakeServer;
let tracker: FakeTracker;

beforeEach(() => {
  server = new FakeServer({
    'GET attachments': () => list(),
    'GET compute': () => listOf([compute()]),
    'GET identity': () => identity(),
    'GET kernels': () => list(),
    'GET runtime-roles': () => list()
  });
  tracker = new FakeTracker();
  model = new EMRModel({
    settings: server.settings,
    contents,
    tracker: tracker.self,
    store: null,
    folder: () => ''
  });
});

afterEach(() => {
  model.computes.dispose();
  model.kernels.dispose();
});

/** Let something happen, and all that follows. */
async function after(happen: () => unknown): Promise<void> {
  await act(async () => {
    await happen();
    await settled();
  });
}

describe('Computes', () => {
  let chosen: Compute[];

  async function show(
    items: Compute[],
    change = {},
    attached: string | null = null
  ): Promise<void> {
    chosen = [];
    server.routes['GET compute'] = () => listOf(items, change);
    render(
      <ComputesSection
        model={model.computes}
        memory={model.memory}
        trans={trans}
        chosen={null}
        attached={attached}
        onChoose={one => void chosen.push(one)}
      />
    );
    await after(() => model.computes.refresh());
  }

  const listbox = (): HTMLElement =>
    screen.getByRole('listbox', { name: 'Computes' });
  const options = (): HTMLElement[] => screen.queryAllByRole('option');
  const names = (): (string | null)[] =>
    within(listbox())
      .queryAllByRole('option')
      .map(option => option.getAttribute('aria-label'));
  const active = (): HTMLElement | null => {
    const id = listbox().getAttribute('aria-activedescendant');
    return id === null ? null : document.getElementById(id);
  };
  const three = ['a', 'b', 'c'].map(id => compute({ id, name: `name ${id}` }));

  it('is a list whose options are named, and described by kind, state and whether they can be attached to', async () => {
    await show([compute()], {}, 'j-1');
    const option = screen.getByRole('option', { name: 'analytics' });
    const text = option.getAttribute('aria-describedby')!;
    expect(document.getElementById(text)?.textContent).toBe(
      'EMR on EC2, WAITING, can be attached to'
    );
    expect(option.textContent).toContain('attached here');
    expect(option.getAttribute('aria-selected')).toBe('false');
    fireEvent.click(option);
    expect(chosen).toEqual([compute()]);
  });

  it('has nothing but options in the list', async () => {
    await show(three);
    const inside = Array.from(listbox().children);
    for (const element of inside) {
      const role = element.getAttribute('role');
      expect(['option', 'presentation', 'none']).toContain(role);
      if (role !== 'option') {
        inside.push(...Array.from(element.children));
      }
    }
  });

  it('tells that the first list is on its way', () => {
    render(
      <ComputesSection
        model={model.computes}
        memory={model.memory}
        trans={trans}
        chosen={null}
        attached={null}
        onChoose={() => undefined}
      />
    );
    expect(screen.getByRole('status').textContent).toBe('Listing computes …');
    expect(listbox().getAttribute('aria-busy')).toBe('true');
  });

  it('teaches where there is none', async () => {
    await show([]);
    expect(screen.getByRole('status').textContent).toContain(
      'jupyter emr sandbox up'
    );
  });

  it('says when there is none that can be attached to, and shows the others when asked', async () => {
    const gone = compute({ attachable: false, reason: 'It ended.' });
    await show([gone]);
    expect(screen.getByRole('status').textContent).toContain('None that can');
    const fold = screen.getByRole('button', {
      name: 'Cannot be attached (1)',
      expanded: false
    });
    fireEvent.click(fold);
    expect(names()).toEqual(['analytics']);
    expect(options()[0].textContent).toContain('It ended.');
    expect(options()[0].getAttribute('draggable')).toBe('false');
    fireEvent.click(
      screen.getByRole('button', { name: 'Hide what cannot be attached' })
    );
    expect(names()).toEqual([]);
  });

  it('is filtered by what is typed and chosen', async () => {
    await show([...three, compute({ id: 'd', name: 'other', kind: 'eks' })]);
    const search = screen.getByRole('searchbox', { name: 'Filter computes' });
    fireEvent.change(search, { target: { value: 'NAME' } });
    expect(names()).toEqual(['name a', 'name b', 'name c']);
    fireEvent.change(search, { target: { value: 'nothing' } });
    expect(screen.getByRole('status').textContent).toContain('Nothing matches');
    fireEvent.change(search, { target: { value: '' } });
    const kinds = screen.getByRole('combobox', { name: 'Kind' });
    fireEvent.change(kinds, { target: { value: 'eks' } });
    expect(names()).toEqual(['other']);
    expect(screen.queryByRole('combobox', { name: 'Region' })).toBeNull();
  });

  it('lets a choice be taken back also when it is there no more', async () => {
    await show([...three, compute({ id: 'd', name: 'other', kind: 'eks' })]);
    const kinds = screen.getByRole('combobox', { name: 'Kind' });
    fireEvent.change(kinds, { target: { value: 'eks' } });
    server.routes['GET compute'] = () => listOf(three, { version: 'v2' });
    await after(() => model.computes.refresh());
    expect(names()).toEqual([]);
    fireEvent.change(kinds, { target: { value: '' } });
    expect(names()).toHaveLength(3);
    expect(screen.queryByRole('combobox', { name: 'Kind' })).toBeNull();
  });

  it('is walked through by keys', async () => {
    await show(three);
    const search = screen.getByRole('searchbox');
    fireEvent.keyDown(search, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(listbox());
    expect(active()?.getAttribute('aria-label')).toBe('name a');
    const press = (key: string): string | null | undefined => {
      fireEvent.keyDown(listbox(), { key });
      return active()?.getAttribute('aria-label');
    };
    expect(press('ArrowDown')).toBe('name b');
    expect(press('End')).toBe('name c');
    expect(press('ArrowDown')).toBe('name c');
    expect(press('Home')).toBe('name a');
    expect(press('ArrowUp')).toBe('name a');
    expect(press('PageDown')).toBe('name c');
    expect(press('PageUp')).toBe('name a');
    expect(press('x')).toBe('name a');
    press('Enter');
    press('ArrowDown');
    press(' ');
    expect(chosen.map(one => one.id)).toEqual(['a', 'b']);
  });

  it('goes on by keys from where the mouse was', async () => {
    await show(three);
    act(() => listbox().focus());
    fireEvent.click(screen.getByRole('option', { name: 'name b' }));
    fireEvent.keyDown(listbox(), { key: 'ArrowDown' });
    expect(active()?.getAttribute('aria-label')).toBe('name c');
  });

  it('has an active row that is there, also among 5,000', async () => {
    const many = Array.from({ length: 5000 }, (_, index) =>
      compute({ id: `j-${index}`, name: `c ${index}` })
    );
    await show(many);
    expect(options().length).toBeGreaterThan(5);
    expect(options().length).toBeLessThan(60);
    const [first] = options();
    expect(first.getAttribute('aria-setsize')).toBe('5000');
    expect(first.getAttribute('aria-posinset')).toBe('1');
    act(() => listbox().focus());
    fireEvent.keyDown(listbox(), { key: 'End' });
    await after(() => undefined);
    expect(active()?.getAttribute('aria-label')).toBe('c 4999');
    // Scrolled away by mouse, the active row is in the document no more.
    act(() => listbox().scrollTo({ top: 0 }));
    await after(() => undefined);
    const id = listbox().getAttribute('aria-activedescendant');
    expect(id === null || document.getElementById(id)).toBeTruthy();
    const began = performance.now();
    fireEvent.change(screen.getByRole('searchbox'), {
      target: { value: '4321' }
    });
    expect(names()).toEqual(['c 4321']);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('takes hostile names for text', async () => {
    const items = HOSTILE.map((name, index) =>
      compute({
        id: `my id ${index}`,
        name,
        tags: Object.fromEntries(
          Array.from({ length: 500 }, (_, tag) => [`${name}${tag}`, name])
        )
      })
    );
    await show(items);
    expect(new Set(names())).toEqual(new Set(HOSTILE));
    expect(listbox().querySelector('img, script')).toBeNull();
    for (const option of options()) {
      expect(option.querySelector('bdi')).not.toBeNull();
      const text = option.getAttribute('aria-describedby')!;
      expect(document.getElementById(text)).not.toBeNull();
      expect(text).not.toMatch(/\s/);
    }
  });

  it('takes kinds and states of a newer server', async () => {
    const odd = {
      ...compute({ state: 'HIBERNATING' }),
      kind: 'quantum'
    } as unknown as Compute;
    await show([odd]);
    expect(options()[0].textContent).toContain('quantum · emr-7.2.0');
    expect(options()[0].textContent).toContain('HIBERNATING');
  });

  it('says which services could not be listed, and tries again', async () => {
    const error = {
      kind: 'eks',
      region: 'eu-west-1',
      code: 'AccessDenied',
      message: 'Denied.',
      iam_action: 'emr-containers:ListVirtualClusters'
    };
    await show([compute()], { errors: [error] });
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('EMR on EKS, eu-west-1: Denied.');
    await after(() =>
      fireEvent.click(within(alert).getByRole('button', { name: 'Try again' }))
    );
    expect(server.count('GET compute')).toBe(2);
    expect(names()).toEqual(['analytics']);
  });

  it('says why there is no list at all', async () => {
    await show([]);
    server.routes = {};
    await after(() => model.computes.refresh());
    expect(screen.getByRole('alert').textContent).toContain(
      'The server has no jupyter_emr_connect, or an older one.'
    );
    expect(screen.getByRole('button', { name: 'Copy command' })).toBeTruthy();
  });

  it('says how old it is, and what it waits for', async () => {
    await show([compute()], { as_of: new Date(Date.now() - 60e3) });
    expect(screen.getByText(/as of (59|60|61) s ago/)).toBeTruthy();
    const waiting = [{ kind: 'eks', region: 'eu-west-1', seconds: 9 }];
    server.routes['GET compute'] = () =>
      listOf([compute()], { waiting, version: 'v2' });
    await after(() => model.computes.refresh());
    expect(
      screen.getByText('waiting for EMR on EKS, eu-west-1 …')
    ).toBeTruthy();
    server.routes['GET compute'] = () =>
      listOf([compute()], { complete: false, version: 'v3' });
    await after(() => model.computes.refresh());
    expect(screen.getByText('1 so far …')).toBeTruthy();
  });

  it('has pinned ones first', async () => {
    await show(three);
    await after(() => model.memory.togglePin('ec2/c'));
    expect(names()).toEqual(['name c', 'name a', 'name b']);
    expect(options()[0].textContent).toContain('★');
  });

  it('gives the key of a row that is dragged', async () => {
    await show([compute()]);
    const data: [string, string][] = [];
    const dataTransfer = {
      setData: (type: string, value: string) => data.push([type, value])
    };
    fireEvent.dragStart(options()[0], { dataTransfer });
    expect(data).toEqual([[MIME, 'ec2/j-1']]);
  });
});

describe('Identity', () => {
  let profiles: (string | null)[];

  async function show(change = {}): Promise<void> {
    profiles = [];
    server.routes['GET identity'] = () => identity(change);
    render(
      <IdentitySection
        model={model.identity}
        trans={trans}
        onRefresh={() => void model.identity.refresh()}
        onProfile={profile => void profiles.push(profile)}
      />
    );
    await after(() => model.identity.refresh());
  }

  const region = (): HTMLElement =>
    screen.getByRole('region', { name: 'Identity' });
  const inMinutes = (minutes: number): string =>
    new Date(Date.now() + minutes * 60e3).toISOString();

  it('says who, where, and until when', async () => {
    await show({ expires_at: inMinutes(120) });
    expect(region().textContent).toContain('user/developer');
    expect(region().textContent).toContain('123456789012 · us-east-1');
    expect(region().textContent).toMatch(/until \d/);
    expect(region().getAttribute('aria-busy')).toBe('false');
  });

  it('counts down before the end', async () => {
    await show({ expires_at: inMinutes(5) });
    expect(region().textContent).toContain('expires in 5 min');
  });

  it.each([
    [
      { sso_session: 'corp', profile: 'my.team' },
      'aws sso login --profile my.team'
    ],
    [{ sso_session: 'corp' }, 'aws sso login'],
    [{ sso_session: null }, null]
  ])('says what to do after it: %j', async (change, command) => {
    await show({ ...change, expires_at: inMinutes(-1) });
    const alert = within(screen.getByRole('alert'));
    expect(screen.getByRole('alert').textContent).toContain('has expired');
    const copy = alert.queryByRole('button', { name: 'Copy command' });
    if (command) {
      fireEvent.click(copy!);
      expect((document as { copied?: string }).copied).toBe(command);
    } else {
      expect(copy).toBeNull();
    }
  });

  it('changes the profile', async () => {
    await show({ profile: 'analyst' });
    const select = screen.getByRole<HTMLSelectElement>('combobox', {
      name: 'AWS profile'
    });
    expect(select.value).toBe('analyst');
    fireEvent.change(select, { target: { value: 'developer' } });
    fireEvent.change(select, { target: { value: '' } });
    expect(profiles).toEqual(['developer', null]);
  });

  it('offers no profiles where there are none', async () => {
    await show({ profiles: [] });
    expect(screen.queryByRole('combobox')).toBeNull();
  });

  it('says why it is not known, and tries again', async () => {
    await show();
    server.routes['GET identity'] = () => failure('No credentials.');
    await after(() =>
      fireEvent.click(screen.getByRole('button', { name: 'Refresh' }))
    );
    expect(screen.getByRole('alert').textContent).toContain('No credentials.');
    expect(region().textContent).not.toContain('user/developer');
    server.routes['GET identity'] = () => identity();
    await after(() =>
      fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
    );
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('is being asked for at first', () => {
    render(
      <IdentitySection
        model={model.identity}
        trans={trans}
        onRefresh={() => undefined}
        onProfile={() => undefined}
      />
    );
    expect(region().textContent).toContain('Asking AWS who you are');
  });
});

describe('Attach', () => {
  let asked: NewAttachment[];
  let detached: number;

  async function show(
    chosen: Compute | null,
    path: string | null = 'work/report.ipynb'
  ): Promise<void> {
    asked = [];
    detached = 0;
    if (path !== null) {
      tracker.show(new FakeNotebook(path));
    }
    await settled();
    const view = (on: Compute | null): JSX.Element => (
      <AttachSection
        compute={on}
        attaching={model.attaching}
        roles={model.roles}
        target={model.target}
        memory={model.memory}
        trans={trans}
        onAttach={what => {
          asked.push(what);
          void model.attach(what);
        }}
        onDetach={() => void detached++}
        nameOf={id => `name of ${id}`}
      />
    );
    render(view(chosen));
    await after(() => undefined);
  }

  const button = (name: string): HTMLButtonElement =>
    screen.getByRole<HTMLButtonElement>('button', { name });
  const role = (): HTMLInputElement =>
    within(
      screen.getByRole('region', { name: 'Runtime role' })
    ).getByRole<HTMLInputElement>('combobox', { name: 'Runtime role' });
  const roles = (...change: object[]): void => {
    server.routes['GET runtime-roles'] = () =>
      list(
        { arn: ANALYST, name: 'EMRAnalyst', source: 'cluster', ...change[0] },
        { arn: ENGINEER, name: 'EMREngineer', source: 'iam', ...change[1] }
      );
  };

  it('says what to do first', async () => {
    await show(null);
    expect(screen.getByText(/Choose a compute/)).toBeTruthy();
    expect(screen.getByText('work/report.ipynb is not attached.')).toBeTruthy();
  });

  it('attaches the notebook under the role that is typed', async () => {
    roles();
    await show(compute());
    server.routes['POST attachments'] = () => json(attachment(), 201);
    expect(role().value).toBe('');
    fireEvent.change(role(), { target: { value: 'EMREngineer' } });
    await after(() => fireEvent.click(button('Attach to this notebook')));
    expect(asked).toEqual([
      {
        compute: compute().arn,
        runtime_role: ENGINEER,
        transport: 'auto',
        path: 'work/report.ipynb'
      }
    ]);
    expect(screen.getByText(/work\/report.ipynb is attached/)).toBeTruthy();
  });

  it('attaches the folder, without a role and by another transport', async () => {
    await show(compute());
    const transport = screen.getByRole('combobox', {
      name: 'Transport',
      hidden: true
    });
    fireEvent.change(transport, { target: { value: 'livy' } });
    await after(() => fireEvent.click(button('Attach to this folder')));
    expect(asked).toMatchObject([
      { path: 'work', runtime_role: null, transport: 'livy' }
    ]);
  });

  it('has no notebook to attach where none is open', async () => {
    await show(compute(), null);
    expect(button('Attach to this notebook').disabled).toBe(true);
    expect(button('Attach to this folder').disabled).toBe(false);
    expect(screen.getByText('Folder / is not attached.')).toBeTruthy();
  });

  it('wants a role where the compute does, and proposes one', async () => {
    roles({ usable: false, missing: 'Ask for iam:PassRole.' });
    await show(compute({ runtime_role: 'required' }));
    expect(role().value).toBe('EMREngineer');
    fireEvent.change(role(), { target: { value: '' } });
    expect(button('Attach to this notebook').disabled).toBe(true);
    expect(screen.getByText(/wants a runtime role/)).toBeTruthy();
    fireEvent.change(role(), { target: { value: 'EMRAnalyst' } });
    expect(screen.getByRole('alert').textContent).toContain(
      'Ask for iam:PassRole.'
    );
  });

  it('proposes the role taken there last', async () => {
    roles();
    await model.memory.attached('ec2/j-1', ENGINEER);
    await show(compute());
    expect(role().value).toBe('EMREngineer');
    await after(() => fireEvent.click(button('Attach to this notebook')));
    expect(asked[0].runtime_role).toBe(ENGINEER);
  });

  it('asks for no role where the compute takes none', async () => {
    await show(compute({ runtime_role: 'unsupported' }));
    expect(screen.queryByRole('region', { name: 'Runtime role' })).toBeNull();
  });

  it('says why there are no roles to choose from', async () => {
    server.routes['GET runtime-roles'] = () => failure('IAM says no.', 403);
    await show(compute());
    expect(screen.getByRole('alert').textContent).toContain('IAM says no.');
    fireEvent.change(role(), { target: { value: ENGINEER } });
    await after(() => fireEvent.click(button('Attach to this notebook')));
    expect(asked[0].runtime_role).toBe(ENGINEER);
  });

  it('can be cancelled, which ends the request', async () => {
    server.routes['POST attachments'] = () => new Later().promise;
    await show(compute());
    await after(() => fireEvent.click(button('Attach to this notebook')));
    expect(screen.getByText(/Attaching work\/report.ipynb/)).toBeTruthy();
    expect(button('Attach to this folder').disabled).toBe(true);
    await after(() => fireEvent.click(button('Cancel')));
    const sent = server.seen.find(one => one.what === 'POST attachments');
    expect(sent?.signal.aborted).toBe(true);
    expect(screen.queryByText(/Attaching/)).toBeNull();
    expect(screen.queryByRole('alert')).toBeNull();
    expect(button('Attach to this folder').disabled).toBe(false);
  });

  it.each([
    ['gateway', ['✓ Compute', '✓ Credentials', '✓ Address', '✗ Gateway']],
    ['livy', ['✓ Compute', '✓ Credentials', '✓ Address', '✗ Livy']],
    ['compute', ['✗ Compute']],
    ['of-the-future', []]
  ])('names the hop %s that failed, and tries again', async (hop, steps) => {
    server.routes['POST attachments'] = () => failure('No.', 502, { hop });
    await show(compute());
    await after(() => fireEvent.click(button('Attach to this notebook')));
    expect(screen.getByRole('alert').textContent).toContain('No.Mend it.');
    const shown = screen.queryAllByRole('listitem');
    expect(shown.map(item => item.textContent)).toEqual(steps);
    await after(() => fireEvent.click(button('Try again')));
    expect(asked).toHaveLength(2);
    expect(asked[1]).toEqual(asked[0]);
  });

  it('says why a compute cannot be attached to', async () => {
    const gone = compute({ attachable: false, reason: 'It <b>ended</b>.' });
    await show(gone);
    expect(screen.getByRole('note').textContent).toBe('It <b>ended</b>.');
    expect(button('Attach to this notebook').disabled).toBe(true);
    expect(button('Attach to this folder').disabled).toBe(true);
  });

  it('says what is attached, from where, and detaches it', async () => {
    server.routes['GET attachments'] = () => list(attachment());
    await show(null);
    expect(screen.getByText('name of j-1')).toBeTruthy();
    fireEvent.click(button('Detach'));
    expect(detached).toBe(1);
    server.routes['GET attachments'] = () => list(attachment({ path: '' }));
    await after(() => model.attachments.invalidate());
    expect(screen.getByText('from folder /')).toBeTruthy();
    server.routes['GET attachments'] = () => list(attachment({ path: null }));
    await after(() => model.attachments.invalidate());
    expect(screen.getByText('from a folder above')).toBeTruthy();
    expect(button('Detach').disabled).toBe(true);
  });

  it('says why that is not known', async () => {
    server.routes['GET attachments'] = () => failure('Disk full.', 507);
    await show(null);
    expect(screen.getByRole('alert').textContent).toContain('Disk full.');
  });

  it('follows the notebook in front while it attaches another', async () => {
    server.routes['POST attachments'] = () => new Later().promise;
    await show(compute());
    await after(() => fireEvent.click(button('Attach to this notebook')));
    await after(() => tracker.show(new FakeNotebook('b.ipynb')));
    expect(screen.getByText('b.ipynb is not attached.')).toBeTruthy();
    expect(screen.getByText(/Attaching work\/report.ipynb/)).toBeTruthy();
  });

  it.each(HOSTILE)('takes hostile names for text %#', async name => {
    const tags = Object.fromEntries(
      Array.from({ length: 300 }, (_, tag) => [`${name}${tag}`, name])
    );
    await show(compute({ name, tags, state_reason: name }));
    expect(screen.getByRole('heading').textContent).toContain(name);
    expect(document.body.querySelector('img, script')).toBeNull();
  });

  it('pins a compute and copies its id', async () => {
    await show(compute());
    const hidden = (name: string): HTMLElement =>
      screen.getByRole('button', { name, hidden: true });
    await after(() => fireEvent.click(hidden('Pin to the top')));
    expect(model.memory.isPinned('ec2/j-1')).toBe(true);
    await after(() => fireEvent.click(hidden('Unpin')));
    expect(model.memory.isPinned('ec2/j-1')).toBe(false);
    fireEvent.click(hidden('Copy id'));
    expect((document as { copied?: string }).copied).toBe('j-1');
  });
});

describe('Kernels', () => {
  let did: [string, unknown][];
  let fails: boolean;

  async function show(...kernels: EMRKernel[]): Promise<void> {
    did = [];
    fails = false;
    const act = (name: string, on: unknown): Promise<void> => {
      did.push([name, on]);
      return fails
        ? Promise.reject(new Error('It is stuck.'))
        : Promise.resolve();
    };
    const actions: IKernelActions = {
      open: one => void act('open', one.kernel_id),
      interrupt: one => act('interrupt', one.kernel_id),
      shutDown: all =>
        act(
          'shutDown',
          all.map(one => one.kernel_id)
        ),
      adopt: one => act('adopt', one.kernel_id)
    };
    server.routes['GET kernels'] = () => list(...kernels);
    render(
      <KernelsSection
        model={model.kernels}
        computes={model.computes}
        actions={actions}
        trans={trans}
      />
    );
    await after(() =>
      Promise.all([model.kernels.refresh(), model.computes.refresh()])
    );
  }

  const items = (): HTMLElement[] =>
    within(screen.getByRole('region', { name: 'Kernels' })).queryAllByRole(
      'listitem'
    );
  const press = (name: string | RegExp): Promise<void> =>
    after(() => fireEvent.click(screen.getByRole('button', { name })));

  it('says that none runs', async () => {
    await show();
    expect(screen.getByRole('status').textContent).toContain('No kernel runs');
    expect(items()).toEqual([]);
  });

  it('has one item per kernel: notebook, compute, role, state', async () => {
    await show(kernel({ since: new Date(Date.now() - 20e3).toISOString() }));
    expect(items()).toHaveLength(1);
    const text = items()[0].textContent;
    expect(text).toContain('work/report.ipynb');
    expect(text).toContain('analytics · EMRAnalyst · emr-pyspark');
    expect(text).toMatch(/idle · (19|20|21) s/);
  });

  it('opens and interrupts', async () => {
    await show(kernel());
    await press('Open');
    await press('Interrupt');
    expect(did).toEqual([
      ['open', 'k1'],
      ['interrupt', 'k1']
    ]);
  });

  it('asks before variables are lost', async () => {
    await show(kernel());
    await press('Shut down');
    expect(did).toEqual([]);
    await press('Lose its variables?');
    expect(did).toEqual([['shutDown', ['k1']]]);
    await press('Shut down');
    const sure = screen.getByRole('button', { name: 'Lose its variables?' });
    fireEvent.blur(sure);
    expect(screen.getByRole('button', { name: 'Shut down' })).toBeTruthy();
  });

  it('adopts what nobody has', async () => {
    await show(kernel({ link: 'detached', local_id: null }));
    expect(screen.queryByRole('button', { name: 'Interrupt' })).toBeNull();
    await press('Adopt');
    expect(did).toEqual([['adopt', 'k1']]);
  });

  it('prunes those that are gone', async () => {
    await show(
      kernel({ kernel_id: 'a', link: 'gone', reason: 'The cluster ended.' }),
      kernel({ kernel_id: 'b', state: 'gone', notebook: null, path: null }),
      kernel({ kernel_id: 'c' })
    );
    expect(items()[0].textContent).toContain('The cluster ended.');
    expect(items()[1].textContent).toContain('no notebook');
    await press('Prune (2)');
    expect(did).toEqual([['shutDown', ['a', 'b']]]);
  });

  it('says what failed, until it is refreshed', async () => {
    await show(kernel());
    fails = true;
    await press('Interrupt');
    expect(screen.getByRole('alert').textContent).toContain('It is stuck.');
    await press('Refresh');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says why they are not known, and keeps those that were', async () => {
    await show(kernel());
    server.routes['GET kernels'] = () => failure('Store locked.', 507);
    await after(() => model.kernels.refresh());
    expect(screen.getByRole('alert').textContent).toContain('Store locked.');
    expect(items()).toHaveLength(1);
  });

  it('takes links and states of a newer server, and hostile names', async () => {
    const odd = { link: 'teleporting' as EMRKernel['link'] };
    await show(
      kernel({ ...odd, kernel_id: 'a' }),
      ...HOSTILE.map((notebook, index) =>
        kernel({ kernel_id: `h${index}`, notebook })
      )
    );
    expect(items()[0].textContent).toContain('teleporting');
    expect(items()).toHaveLength(HOSTILE.length + 1);
    expect(document.body.querySelector('img, script')).toBeNull();
  });
});
