/**
 * @jest-environment ./jest.browser.js
 */
import { Clipboard } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import React from 'react';

import type { EMRModel } from '../models/emr';
import { COMPUTE_MIME } from '../dropping';
import { ComputesSection } from '../panels/computes';
import type { IComputesProps } from '../panels/list';
import type { Compute } from '../tokens';
import type { FakeServer } from './fakes';
import { compute, failure, HOSTILE, listOf } from './fakes';
import { after, endPanel, newPanel } from './fakes/panel';

const trans = nullTranslator.load('jupyter_emr_connect');

let model: EMRModel;
let server: FakeServer;

beforeEach(() => {
  ({ model, server } = newPanel());
});

afterEach(() => endPanel(model));

describe('Computes', () => {
  let chosen: Compute[];

  async function show(
    items: Compute[],
    change = {},
    { attached = null, notKnown = null }: Partial<IComputesProps> = {}
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
        account="123456789012"
        notKnown={notKnown}
        kernelsOn={id => (id === 'j-1' ? 2 : 0)}
        onChoose={one => void chosen.push(one)}
        sandbox={model.sandbox}
        onTrySandbox={() => void model.trySandbox()}
      />
    );
    await after(() => model.computes.refresh());
  }

  const listbox = (): HTMLElement =>
    screen.getByRole('listbox', { name: 'Computes' });
  const options = (): HTMLElement[] =>
    within(listbox()).queryAllByRole('option');
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
    await show([compute()], {}, { attached: 'j-1' });
    const option = screen.getByRole('option', { name: 'analytics' });
    const text = option.getAttribute('aria-describedby')!;
    expect(document.getElementById(text)?.textContent).toBe(
      'EMR on EC2, Waiting, can be attached to'
    );
    expect(option.textContent).toContain('attached here');
    expect(option.textContent).toContain('2 kernels');
    expect(option.textContent).not.toContain('other account');
    expect(option.getAttribute('aria-selected')).toBe('false');
    fireEvent.click(option);
    expect(chosen).toEqual([compute()]);
  });

  it('has nothing but options in the list', async () => {
    await show(three);
    const inside = Array.from(listbox().children);
    for (const element of inside) {
      const role = element.getAttribute('role');
      expect(['option', 'group', 'presentation', 'none']).toContain(role);
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
        account={null}
        notKnown={null}
        kernelsOn={() => 0}
        onChoose={() => undefined}
        sandbox={model.sandbox}
        onTrySandbox={() => undefined}
      />
    );
    expect(screen.getByRole('status').textContent).toBe('Listing computes …');
    expect(listbox().getAttribute('aria-busy')).toBe('true');
  });

  it('teaches where there is none', async () => {
    await show([]);
    const said = screen.getByRole('status');
    expect(said.textContent).toContain('Choose another profile above.');
    for (const command of [
      'pip install "jupyter_emr_connect[sandbox]" && jupyter emr sandbox up',
      'eval "$(jupyter emr sandbox env)" && jupyter lab'
    ]) {
      const name = `Copy: ${command}`;
      fireEvent.click(within(said).getByRole('button', { name }));
      expect((document as { copied?: string }).copied).toBe(command);
    }
  });

  it.each([
    ['no-credentials', 2],
    ['no-region', 2],
    ['throttled', 0]
  ])('offers the sandbox where AWS is not set up: %s', async (code, count) => {
    await show([]);
    server.routes['GET compute'] = () => failure('Cannot.', 424, { code });
    await after(() => model.computes.refresh());
    const copies = { name: /^Copy: / };
    expect(screen.queryAllByRole('button', copies)).toHaveLength(count);
    const errors = [
      { kind: null, region: null, code, message: '', iam_action: null }
    ];
    server.routes['GET compute'] = () => listOf([], { errors });
    await after(() => model.computes.refresh());
    expect(screen.queryAllByRole('button', copies)).toHaveLength(count);
  });

  it.each([
    ['no-region', 'No AWS region is set.', 'EMR: no region', false],
    ['server-unreachable', 'It is silent.', 'It is silent.', false],
    ['throttled', 'Too many calls.', 'EMR: too many calls', true]
  ])('repeats nothing of the caller: %s', async (code, above, said, shown) => {
    await show([], {}, { notKnown: { message: above, fix: '', code } });
    const error = { kind: null, region: null, iam_action: null };
    const errors = [{ ...error, code, message: said }];
    for (const answer of [
      () => listOf([], { errors }),
      () => failure(said, 424, { code })
    ]) {
      server.routes['GET compute'] = answer;
      await after(() => model.computes.refresh());
      expect(screen.queryAllByText(said).length > 0).toBe(shown);
      const none = screen.queryByText('No computes could be listed.');
      expect(none !== null).toBe(!shown || !model.computes.problem);
    }
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
      screen.getByRole('button', { name: 'Cannot be attached (1)' })
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
    expect(options()[0].textContent).toContain('Hibernating');
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

  it('says once what AWS denies, with the policy to copy, and claims nothing of what it could not see', async () => {
    const denied = (kind: string, action: string): object => ({
      kind,
      region: '',
      code: 'access-denied',
      message: `You may not call ${action}.`,
      fix: 'Ask.',
      iam_action: action
    });
    const errors = [
      denied('ec2', 'elasticmapreduce:ListClusters'),
      { kind: 'eks', region: '', code: 'throttled', message: 'Slow.' },
      denied('serverless', 'emr-serverless:ListApplications'),
      { ...denied('', 'sts:AssumeRole'), region: null, message: 'No role.' }
    ];
    await show([], { errors });
    const [together, other, role] = screen.getAllByRole('alert');
    expect(role.textContent).toContain('No role.');
    expect(together.textContent).toContain(
      'AWS does not let you list EMR on EC2; EMR Serverless.'
    );
    expect(other.textContent).toContain('EMR on EKS: Slow.');
    expect(screen.getByText('No computes could be listed.')).toBeTruthy();
    expect(screen.queryByText(/There are no computes/)).toBeNull();
    const copy = jest.spyOn(Clipboard, 'copyToSystem').mockReturnValue();
    fireEvent.click(
      within(together).getByRole('button', { name: 'Copy policy' })
    );
    const { Statement } = JSON.parse(copy.mock.calls[0][0] as string) as {
      Statement: { Action: string[] }[];
    };
    expect(Statement[0].Action).toEqual([
      'elasticmapreduce:ListClusters',
      'emr-serverless:ListApplications'
    ]);
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

  describe('in groups', () => {
    const groups = (): [string | null, (string | null)[]][] =>
      screen.queryAllByRole('group').map(group => [
        group.getAttribute('aria-label'),
        within(group)
          .queryAllByRole('option')
          .map(option => option.getAttribute('aria-label'))
      ]);
    const groupBy = (field: string): Promise<void> =>
      after(() =>
        fireEvent.change(
          screen.getByRole('combobox', { name: 'Group computes' }),
          { target: { value: field } }
        )
      );
    const mixed = [
      ...three,
      compute({ id: 'd', name: 'name d', kind: 'eks' }),
      compute({ id: 'e', name: 'ended', kind: 'eks', attachable: false })
    ];

    it('names each group for those who hear and those who see, pinned ones on top', async () => {
      await show(mixed);
      expect(groups()).toEqual([]);
      await groupBy('kind');
      expect(groups()).toEqual([
        ['EMR on EC2 (3)', ['name a', 'name b', 'name c']],
        ['EMR on EKS (1)', ['name d']]
      ]);
      await after(() => model.memory.togglePin('ec2/c'));
      fireEvent.click(
        screen.getByRole('button', { name: 'Cannot be attached (1)' })
      );
      expect(groups()).toEqual([
        ['Pinned and recent (1)', ['name c']],
        ['EMR on EC2 (2)', ['name a', 'name b']],
        ['EMR on EKS (1)', ['name d']],
        ['Cannot be attached (1)', ['ended']]
      ]);
      const heading = screen.getAllByRole('group')[1].children[0];
      expect(heading.textContent).toBe('EMR on EC2 (2)');
      const places = options().map(one => one.getAttribute('aria-posinset'));
      expect(places).toEqual(['1', '2', '3', '4', '5']);
      await groupBy('');
      expect(groups()).toEqual([]);
      expect(names()).toHaveLength(5);
    });

    it('is walked through by keys past the headings', async () => {
      await show(mixed);
      await groupBy('kind');
      act(() => listbox().focus());
      const seen = [active()?.getAttribute('aria-label')];
      for (let step = 0; step < 3; step++) {
        fireEvent.keyDown(listbox(), { key: 'ArrowDown' });
        seen.push(active()?.getAttribute('aria-label'));
      }
      expect(seen).toEqual(['name a', 'name b', 'name c', 'name d']);
    });

    it('remembers by what', async () => {
      await show(mixed);
      await groupBy('kind');
      cleanup();
      await show(mixed);
      expect(groups()).toHaveLength(2);
    });

    it('has no elements for rows out of sight among 5,000, nor for groups out of sight', async () => {
      const many = Array.from({ length: 5000 }, (_, index) =>
        compute({
          id: `j-${index}`,
          name: `c ${index}`,
          account: `${index % 100}`
        })
      );
      await show(many);
      await groupBy('account');
      expect(groups()).toHaveLength(1); // its 50 rows are more than are in sight
      act(() => listbox().focus());
      fireEvent.keyDown(listbox(), { key: 'End' });
      await after(() => undefined);
      expect(active()?.getAttribute('aria-label')).toBe('c 4999');
      expect(active()?.closest('[role=group]')).not.toBeNull();
      expect(options().length).toBeLessThan(60);
    });
  });

  it('gives the key of a row that is dragged', async () => {
    await show([compute()]);
    const data: [string, string][] = [];
    const dataTransfer = {
      setData: (type: string, value: string) => data.push([type, value])
    };
    fireEvent.dragStart(options()[0], { dataTransfer });
    expect(data).toEqual([[COMPUTE_MIME, 'ec2/j-1']]);
  });
});
