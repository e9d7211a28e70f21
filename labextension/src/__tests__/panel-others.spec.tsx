/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';

import type { EMRModel } from '../models/emr';
import { IdentitySection } from '../panels/identity';
import { KernelsSection } from '../panels/kernels';
import type { IKernelActions } from '../panels/kernels';
import type { IProblem } from '../request';
import type { EMRKernel } from '../tokens';
import type { FakeServer } from './fakes';
import { failure, HOSTILE, identity, itemsOf, kernel, start } from './fakes';
import { after, endPanel, newPanel } from './fakes/panel';

const trans = nullTranslator.load('jupyter_emr_connect');

let model: EMRModel;
let server: FakeServer;

beforeEach(() => {
  ({ model, server } = newPanel());
});

afterEach(() => endPanel(model));

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

  it('offers other profiles also where the caller is not known', async () => {
    await show();
    server.routes['GET identity'] = () =>
      failure('No such key.', 424, { profiles: ['analyst', 'stale'] });
    await after(() => model.identity.refresh());
    fireEvent.change(screen.getByRole('combobox', { name: 'AWS profile' }), {
      target: { value: 'analyst' }
    });
    expect(profiles).toEqual(['analyst']);
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

describe('Kernels', () => {
  let active: Record<string, string>;
  let did: [string, unknown][];
  let fails: boolean;
  let notKnown: IProblem | null;

  beforeEach(() => {
    active = {};
    notKnown = null;
  });

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
      adopt: one => act('adopt', one.kernel_id),
      lastActivity: one => active[one.kernel_id] ?? null
    };
    server.routes['GET kernels'] = () => itemsOf(...kernels);
    render(
      <KernelsSection
        model={model.kernels}
        computes={model.computes}
        actions={actions}
        notKnown={notKnown}
        warnIdleHours={2}
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
    const since = new Date(Date.now() - 20e3).toISOString();
    const reason = 'It was restarted on j-1 under the runtime role of arn:…';
    await show(kernel({ since, cause: 'restarted', reason }));
    expect(items()).toHaveLength(1);
    expect(items()[0].textContent).not.toContain('arn:'); // it is said above
    const text = items()[0].textContent;
    expect(text).toContain('work/report.ipynb');
    expect(text).toContain('analytics · EMRAnalyst · emr-pyspark');
    expect(text).toMatch(/idle · connected for (19|20|21) s/);
  });

  it('says once what several computes have in common, and nothing that stands above', async () => {
    const told = (message: string): object => ({ message, code: 'expired' });
    notKnown = { message: 'Over.', fix: '', code: 'expired' };
    await show();
    server.routes['GET kernels'] = () => ({
      ...itemsOf(),
      errors: ['Over.', 'Silent.', 'Over.', 'Silent.'].map(told)
    });
    await after(() => model.kernels.refresh());
    const alerts = screen.getAllByRole('alert');
    expect(alerts.map(one => one.textContent)).toEqual([
      expect.stringContaining('Silent.')
    ]);
  });

  it('says the stage of those that start, and cancels them', async () => {
    const known = kernel({ local_id: 'local-2' }); // it restarts
    await show(known);
    server.routes['GET kernels'] = () => ({
      ...itemsOf(known),
      starts: [
        start(),
        start({ local_id: 'local-2', stage: 'kernel ready', step: 4 })
      ]
    });
    server.routes['DELETE kernels/local-1'] = () =>
      new Response(null, { status: 204 });
    await after(() => model.kernels.refresh());
    expect(items().map(item => item.textContent)).toEqual([
      expect.stringMatching(/starting 2 of 4: gateway, \d s/),
      expect.stringMatching(/starting 4 of 4: answer of the kernel, \d s/)
    ]);
    expect(screen.queryByRole('button', { name: 'Interrupt' })).toBeNull();
    await press('Cancel start');
    expect(server.count('DELETE kernels/local-1')).toBe(1);
  });

  it('warns of those that are idle for hours', async () => {
    const ago = (hours: number): string =>
      new Date(Date.now() - hours * 3_600_000).toISOString();
    active = { long: ago(3), short: ago(1) };
    await show(
      kernel({ kernel_id: 'long' }),
      kernel({ kernel_id: 'short' }),
      kernel({ kernel_id: 'unknown' })
    );
    const warned = items().map(item => /idle for/.test(item.textContent!));
    expect(warned).toEqual([true, false, false]);
    expect(items()[0].textContent).toContain('idle for 3 h');
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

  it('tells a session that a cell has attached from a kernel without notebook', async () => {
    const none = { notebook: null, path: null };
    await show(
      kernel({ kernel_id: 'a', kernelspec: '%emr', ...none }),
      kernel({ kernel_id: 'b', ...none })
    );
    expect(items()[0].textContent).toContain('attached in a cell');
    expect(items()[1].textContent).toContain('no notebook');
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
