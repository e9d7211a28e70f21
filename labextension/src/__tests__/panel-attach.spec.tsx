/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';

import type { EMRModel } from '../models/emr';
import { AttachSection } from '../panels/attach';
import type { Compute, NewAttachment } from '../tokens';
import type { FakeServer, FakeTracker } from './fakes';
import {
  ANALYST,
  attachment,
  compute,
  ENGINEER,
  failure,
  FakeNotebook,
  HOSTILE,
  itemsOf,
  json,
  Later,
  settled
} from './fakes';
import { after, endPanel, newPanel } from './fakes/panel';

const trans = nullTranslator.load('jupyter_emr_connect');

let model: EMRModel;
let server: FakeServer;
let tracker: FakeTracker;

beforeEach(() => {
  ({ model, server, tracker } = newPanel());
});

afterEach(() => endPanel(model));

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
        describe={({ kind, id }) => model.client.getCompute(kind, id)}
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
      itemsOf(
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

  describe('to a compute with users of its own', () => {
    const field = (name: string): HTMLInputElement =>
      screen.getByLabelText<HTMLInputElement>(name);
    const type = (name: string, value: string): unknown =>
      fireEvent.change(field(name), { target: { value } });

    beforeEach(async () => {
      server.routes['POST attachments'] = () =>
        failure('Not accepted.', 424, { code: 'login-refused' });
      await show(compute({ auth: 'ldap', runtime_role: 'unsupported' }));
      type('User name', 'ada');
      type('Password', 'pw-1');
    });

    it('sends a password once, and keeps it nowhere', async () => {
      expect(field('Password').type).toBe('password');
      await after(() => fireEvent.click(button('Attach to this notebook')));
      expect(asked).toMatchObject([{ username: 'ada', password: 'pw-1' }]);
      expect(field('Password').value).toBe('');
      expect(model.attaching.failed?.what).not.toHaveProperty('password');
      await after(() => fireEvent.click(button('Try again')));
      expect(asked[1]).not.toHaveProperty('password');
      expect(document.body.innerHTML).not.toContain('pw-1');
    });

    it('tries again by the password that was typed since', async () => {
      await after(() => fireEvent.click(button('Attach to this notebook')));
      type('Password', 'pw-2');
      await after(() => fireEvent.click(button('Try again')));
      expect(asked[1]).toEqual({ ...asked[0], password: 'pw-2' });
      expect(field('Password').value).toBe('');
    });

    it('sends it to no other compute, and to what was to follow', async () => {
      const what: NewAttachment = { compute: 'j-2', path: 'a.ipynb' };
      await after(() => model.attach(what));
      await after(() => fireEvent.click(button('Try again')));
      expect(asked).toEqual([{ ...what }]);
      const again = jest.fn();
      type('Password', 'pw-3');
      await after(() => model.attach({ ...what, compute: 'j-1' }, again));
      await after(() => fireEvent.click(button('Try again')));
      expect(again.mock.calls).toEqual([
        [{ username: 'ada', password: 'pw-3' }]
      ]);
    });
  });

  it('asks for no password where AWS gives the credentials', async () => {
    await show(compute());
    expect(screen.queryByLabelText('Password')).toBeNull();
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
    server.routes['GET runtime-roles'] = () => itemsOf();
    await after(() => fireEvent.click(button('Try again')));
    expect(screen.queryByRole('alert')).toBeNull();
    expect(server.count('GET runtime-roles')).toBe(2);
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
    server.routes['GET attachments'] = () => itemsOf(attachment());
    await show(null);
    expect(screen.getByText('name of j-1')).toBeTruthy();
    fireEvent.click(button('Detach'));
    expect(detached).toBe(1);
    server.routes['GET attachments'] = () => itemsOf(attachment({ path: '' }));
    await after(() => model.attachments.invalidate());
    expect(screen.getByText('from folder /')).toBeTruthy();
    server.routes['GET attachments'] = () =>
      itemsOf(attachment({ path: null }));
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

  it.each([
    [
      {},
      'https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/clusterDetails/j-1'
    ],
    [
      { arn: 'arn:aws-cn:x', region: 'cn-north-1', id: '"><b>' },
      'https://cn-north-1.console.amazonaws.cn/emr/home?region=cn-north-1#/clusterDetails/%22%3E%3Cb%3E'
    ],
    [{ region: 'evil.example/' }, null],
    [{ arn: 'no ARN' }, null],
    [{ kind: 'eks' as const }, null]
  ])('leads to the console %#', async (change, link) => {
    await show(compute(change));
    const found = screen.queryByText('Open in AWS’s console');
    expect(found?.getAttribute('href') ?? null).toBe(link);
  });

  describe('asked for details', () => {
    const more = (details: object): object => ({ ...compute(), details });

    async function open(): Promise<void> {
      const details = screen.getByText('Details').parentElement;
      await after(() => {
        (details as HTMLDetailsElement).open = true;
        fireEvent(details!, new Event('toggle'));
      });
    }

    function fact(name: string): string | undefined {
      const term = screen.queryByText(name);
      return term?.nextElementSibling?.textContent ?? undefined;
    }

    it('tells where a cluster is and when it ends, once they are opened', async () => {
      const network = { subnet: 'subnet-1', availability_zone: 'us-east-1a' };
      server.routes['GET compute/ec2/j-1'] = () =>
        more({
          network,
          auto_termination_idle_s: 7200,
          made_by: { name: 'ann', tag: 'CreatedBy' }
        });
      await show(compute());
      expect(server.count('GET compute/ec2/j-1')).toBe(0);
      await open();
      expect(fact('Subnet')).toBe('subnet-1 in us-east-1a');
      expect(fact('Auto-termination')).toBe('after 2 h without work');
      expect(fact('Made by')).toBe('ann (tag CreatedBy)');
      await open();
      expect(server.count('GET compute/ec2/j-1')).toBe(1);
    });

    it('tells of a Livy server that AWS does not list its address, and nothing of AWS', async () => {
      // As the server gives it: tests/functional/server/test_livy_servers.py.
      const dev = compute({
        id: 'livy/dev',
        kind: 'eks',
        name: 'dev',
        arn: '',
        region: '',
        account: '',
        state: 'CONFIGURED',
        release: null,
        applications: [],
        transports: ['livy'],
        runtime_role: 'unsupported'
      });
      const url = 'https://livy.example.com';
      server.routes['GET compute/eks/livy%2Fdev'] = () =>
        more({ url, network: undefined });
      await show(dev);
      expect(
        screen.queryByRole('combobox', { name: 'Runtime role' })
      ).toBeNull();
      expect(screen.queryByLabelText('Password')).toBeNull();
      await open();
      expect(fact('Address')).toBe(url);
      expect(fact('Transports')).toBe('livy');
      for (const name of ['Account', 'Region', 'Release', 'VPC']) {
        expect(fact(name)).toBeUndefined();
      }
      server.routes['POST attachments'] = () => json(attachment(), 201);
      await after(() => fireEvent.click(button('Attach to this notebook')));
      expect(asked).toMatchObject([
        { compute: 'livy/dev', runtime_role: null }
      ]);
    });

    it.each([
      [{}, 'none'],
      [{ auto_termination_note: 'not known: denied' }, 'not known: denied']
    ])('says of its end what is known: %j', async (details, text) => {
      server.routes['GET compute/ec2/j-1'] = () => more(details);
      await show(compute());
      await open();
      expect(fact('Auto-termination')).toBe(text);
      expect(fact('Made by')).toBeUndefined();
    });

    it('says why they cannot be had, and asks again', async () => {
      server.routes['GET compute/ec2/j-1'] = () => failure('AWS is silent.');
      await show(compute());
      await open();
      expect(screen.getByText('AWS is silent.')).not.toBeNull();
      server.routes['GET compute/ec2/j-1'] = () => more({});
      const again = screen.getByRole('button', {
        name: 'Try again',
        hidden: true
      });
      await after(() => fireEvent.click(again));
      expect(screen.queryByText('AWS is silent.')).toBeNull();
      expect(fact('Auto-termination')).toBe('none');
    });
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
