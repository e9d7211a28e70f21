import type { IStateDB } from '@jupyterlab/statedb';

import type { EMRClient } from '../client';
import { AttachingModel } from '../models/attaching';
import { AttachmentsModel } from '../models/attachments';
import { IdentityModel } from '../models/identity';
import { Memory } from '../models/memory';
import { roleOf, RolesModel } from '../models/roles';
import {
  ANALYST,
  attachment,
  compute,
  emissions,
  ENGINEER,
  FakeServer,
  failure,
  identity,
  json,
  Later,
  settled,
  storeOf
} from './fakes';

const WHAT = { compute: 'j-1', path: 'a.ipynb' };

describe('the identity', () => {
  it('is what the server says, or why it says nothing', async () => {
    const server = new FakeServer({ 'GET identity': () => identity() });
    const model = new IdentityModel(server.client);
    const changed = emissions(model.changed);
    const asked = model.refresh();
    expect([model.busy, model.identity]).toEqual([true, null]);
    await asked;
    expect([model.busy, model.problem]).toEqual([false, null]);
    expect(model.identity).toEqual(identity());
    server.routes['GET identity'] = () => failure('Expired.', 502);
    await model.refresh();
    expect(model.problem).toMatchObject({ message: 'Expired.' });
    expect(model.busy).toBe(false);
    expect(changed.args).toHaveLength(4);
  });

  it('is that of the profile chosen last, whichever is answered first', async () => {
    const old = new Later();
    const server = new FakeServer({
      'GET identity': () => old.promise,
      'PUT identity': () => identity({ profile: 'analyst' })
    });
    const model = new IdentityModel(server.client);
    const slow = model.refresh();
    await model.choose('analyst');
    old.resolve(identity({ profile: 'developer' }));
    await slow;
    expect(model.identity?.profile).toBe('analyst');
    expect(model.busy).toBe(false);
    expect(server.last.body).toEqual({ profile: 'analyst' });
  });

  it('is not told when nobody listens any more', async () => {
    const answer = new Later();
    const server = new FakeServer({ 'GET identity': () => answer.promise });
    const model = new IdentityModel(server.client);
    const changed = emissions(model.changed);
    const asked = model.refresh();
    model.dispose();
    answer.resolve(identity());
    await asked;
    expect([model.isDisposed, changed.args.length]).toEqual([true, 1]);
  });
});

describe('the roles', () => {
  const roles = {
    items: [{ arn: ANALYST, name: 'EMRAnalyst', source: 'cluster' }],
    errors: [],
    as_of: ''
  };

  it('are asked for once per compute', async () => {
    const server = new FakeServer({ 'GET runtime-roles': () => roles });
    const model = new RolesModel(server.client);
    await model.show(compute());
    await model.show(compute({ state: 'RUNNING' }));
    expect(model.list).toEqual(roles);
    expect(server.count('GET runtime-roles')).toBe(1);
    expect(server.last.query.compute).toBe(compute().arn);
    model.clear();
    await model.show(compute());
    expect(server.count('GET runtime-roles')).toBe(2);
  });

  it('are asked for again after a failure', async () => {
    const server = new FakeServer({
      'GET runtime-roles': () => failure('Denied.', 403)
    });
    const model = new RolesModel(server.client);
    await model.show(compute());
    expect(model.problem?.message).toBe('Denied.');
    server.routes['GET runtime-roles'] = () => roles;
    await model.show(compute());
    expect([model.problem, model.list]).toEqual([null, roles]);
  });

  it('are none where the compute takes none', async () => {
    const server = new FakeServer();
    const model = new RolesModel(server.client);
    await model.show(compute({ runtime_role: 'unsupported' }));
    expect([model.list, server.seen.length]).toEqual([null, 0]);
  });

  it('are asked for by the id where there is no ARN', async () => {
    const server = new FakeServer({ 'GET runtime-roles': () => roles });
    await new RolesModel(server.client).show(compute({ arn: '' }));
    expect(server.last.query.compute).toBe('j-1');
  });

  it('are those of the compute chosen last', async () => {
    const answers = [new Later(), new Later()];
    let turn = 0;
    const server = new FakeServer({
      'GET runtime-roles': () => answers[turn++].promise
    });
    const model = new RolesModel(server.client);
    const first = model.show(compute({ id: 'a' }));
    const second = model.show(compute({ id: 'b' }));
    answers[1].resolve(roles);
    await second;
    answers[0].resolve(failure('Late.'));
    await first;
    expect([model.list, model.problem]).toEqual([roles, null]);
  });

  it('are those of the caller that is now', async () => {
    const answers = [new Later(), new Later()];
    let turn = 0;
    const server = new FakeServer({
      'GET runtime-roles': () => answers[turn++].promise
    });
    const model = new RolesModel(server.client);
    const before = model.show(compute());
    model.clear();
    const now = model.show(compute());
    answers[1].resolve(roles);
    await now;
    answers[0].resolve({ ...roles, items: [] });
    await before;
    expect(model.list).toEqual(roles);
  });

  it.each([
    ['EMRAnalyst', ANALYST],
    ['  EMRAnalyst ', ANALYST],
    [ENGINEER, ENGINEER],
    ['Unknown', 'Unknown'],
    ['', null],
    ['   ', null]
  ])('are named as typed: %j', (typed, arn) => {
    expect(roleOf(typed, roles.items)).toBe(arn);
  });

  it('with one name in two accounts are told by the ARN alone', () => {
    const twin = { ...roles.items[0], arn: ANALYST.replace('12', '99') };
    expect(roleOf('EMRAnalyst', [...roles.items, twin])).toBe('EMRAnalyst');
  });
});

describe('attaching', () => {
  it('ends with the attachment', async () => {
    const server = new FakeServer({
      'POST attachments': () => json(attachment(), 201)
    });
    let now = 1000;
    const model = new AttachingModel(server.client, () => now);
    const changed = emissions(model.changed);
    const attached = emissions(model.attached);
    const asked = model.attach(WHAT);
    now = 4000;
    expect([model.current, model.seconds]).toEqual([WHAT, 3]);
    expect(await asked).toEqual(attachment());
    expect([model.current, model.failed]).toEqual([null, null]);
    expect(model.done).toEqual(attachment());
    expect(attached.args).toEqual([attachment()]);
    expect(changed.args).toHaveLength(2);
    model.dismiss();
    expect(model.done).toBeNull();
  });

  it('ends with the hop that failed', async () => {
    const server = new FakeServer({
      'POST attachments': () => failure('No way.', 502, { hop: 'gateway' })
    });
    const model = new AttachingModel(server.client);
    expect(await model.attach(WHAT)).toBeNull();
    expect(model.failed).toMatchObject({
      what: WHAT,
      problem: { message: 'No way.', hop: 'gateway' }
    });
    expect(model.current).toBeNull();
    model.dismiss();
    expect(model.failed).toBeNull();
  });

  it('that is cancelled ends the request and says nothing', async () => {
    const server = new FakeServer({
      'POST attachments': () => new Later().promise
    });
    const model = new AttachingModel(server.client);
    const attached = emissions(model.attached);
    const asked = model.attach(WHAT);
    await settled();
    model.cancel();
    expect(model.current).toBeNull();
    expect(server.last.signal.aborted).toBe(true);
    expect(await asked).toBeNull();
    expect([model.failed, model.done, attached.args]).toEqual([null, null, []]);
    model.cancel();
  });

  it('that is cancelled as its answer comes stays cancelled', async () => {
    const answer = new Later();
    const client = { attach: () => answer.promise } as unknown as EMRClient;
    const model = new AttachingModel(client);
    const attached = emissions(model.attached);
    const asked = model.attach(WHAT);
    model.cancel();
    answer.resolve(attachment());
    expect(await asked).toBeNull();
    expect([model.done, attached.args]).toEqual([null, []]);
  });

  it('that failed is tried again under the name that the notebook has by now', async () => {
    const server = new FakeServer({ 'POST attachments': () => failure('No.') });
    const model = new AttachingModel(server.client);
    const asked = model.attach({ ...WHAT, path: 'work/a.ipynb' });
    model.move('work', 'old');
    model.move('wor', 'elsewhere');
    await asked;
    expect(model.failed?.what.path).toBe('old/a.ipynb');
    model.move('old/a.ipynb', 'old/b.ipynb');
    expect(model.failed?.what).toEqual({ ...WHAT, path: 'old/b.ipynb' });
  });

  it('again gives up what was under way', async () => {
    const answers = [new Later(), new Later()];
    let turn = 0;
    const server = new FakeServer({
      'POST attachments': () => answers[turn++].promise
    });
    const model = new AttachingModel(server.client);
    const attached = emissions(model.attached);
    const first = model.attach(WHAT);
    await settled();
    const second = model.attach({ ...WHAT, compute: 'j-2' });
    await settled();
    expect(server.seen.map(one => one.signal.aborted)).toEqual([true, false]);
    expect(model.current?.compute).toBe('j-2');
    answers[0].resolve(attachment({ id: 'first' }));
    answers[1].resolve(attachment({ id: 'second' }));
    expect([await first, (await second)?.id]).toEqual([null, 'second']);
    expect(model.done?.id).toBe('second');
    expect(attached.args.map(one => one.id)).toEqual(['second']);
  });
});

describe('attachments', () => {
  const list = (...items: unknown[]): object => ({ items, errors: [] });

  it('are asked for once per path until something changes', async () => {
    const server = new FakeServer({
      'GET attachments': () => list(attachment(), attachment({ path: 'work' }))
    });
    const model = new AttachmentsModel(server.client);
    const changed = emissions(model.changed);
    const both = await Promise.all([model.of('a'), model.of('a')]);
    expect(both).toEqual([attachment(), attachment()]);
    expect(server.seen).toHaveLength(1);
    model.invalidate();
    await model.of('a');
    expect([server.seen.length, changed.args.length]).toEqual([2, 1]);
  });

  it('are null where there is none', async () => {
    const server = new FakeServer({ 'GET attachments': () => list() });
    expect(await new AttachmentsModel(server.client).of('')).toBeNull();
  });

  it('are asked for again after a failure', async () => {
    const server = new FakeServer({ 'GET attachments': () => failure('No.') });
    const model = new AttachmentsModel(server.client);
    await expect(model.of('a')).rejects.toThrow('No.');
    server.routes['GET attachments'] = () => list();
    expect(await model.of('a')).toBeNull();
  });

  it('that are detached are forgotten, also where that failed', async () => {
    const server = new FakeServer({
      'DELETE attachments/a1': () => new Response(null, { status: 204 })
    });
    const model = new AttachmentsModel(server.client);
    const changed = emissions(model.changed);
    await model.detach(attachment());
    server.routes = {};
    await expect(model.detach(attachment())).rejects.toThrow();
    expect(changed.args).toHaveLength(2);
  });
});

describe('the memory', () => {
  it('has pins first, then recent computes, and roles', async () => {
    const store = storeOf(undefined);
    const memory = new Memory(store);
    await memory.load();
    expect([memory.first, memory.roleOn('ec2/a')]).toEqual([[], undefined]);
    await memory.attached('ec2/a', ANALYST);
    await memory.attached('ec2/b', null);
    await memory.togglePin('ec2/a');
    expect(memory.first).toEqual(['ec2/a', 'ec2/b']);
    const next = new Memory(store);
    await next.load();
    expect(next.first).toEqual(['ec2/a', 'ec2/b']);
    expect(next.isPinned('ec2/a')).toBe(true);
    expect([next.roleOn('ec2/a'), next.roleOn('ec2/b')]).toEqual([ANALYST, '']);
    await next.togglePin('ec2/a');
    expect(next.first).toEqual(['ec2/b', 'ec2/a']);
  });

  it('forgets all but the latest computes', async () => {
    const memory = new Memory(null);
    for (let number = 0; number < 20; number++) {
      await memory.attached(`ec2/${number}`, null);
    }
    await memory.attached('ec2/15', null);
    expect(memory.first).toHaveLength(8);
    expect(memory.first.slice(0, 2)).toEqual(['ec2/15', 'ec2/19']);
  });

  it.each([
    null,
    'text',
    7,
    [],
    { pins: 'x', recents: { a: 1 }, roles: [] },
    { pins: [1, null], recents: [{}], roles: null },
    { roles: { a: 1, b: { c: 2 } } }
  ])('does without what is broken: %j', async kept => {
    const memory = new Memory(storeOf(kept));
    await memory.load();
    expect([memory.first, memory.roleOn('a')]).toEqual([[], undefined]);
  });

  it('keeps of what is half broken the other half', async () => {
    const kept = { pins: ['ec2/a', 3], roles: { 'ec2/a': ANALYST, b: 1 } };
    const memory = new Memory(storeOf(kept));
    await memory.load();
    expect(memory.first).toEqual(['ec2/a']);
    expect(memory.roleOn('ec2/a')).toBe(ANALYST);
  });

  it('does without a store that fails', async () => {
    jest.spyOn(console, 'warn').mockImplementation();
    const no = (): Promise<never> => Promise.reject(new Error('quota'));
    const store = { fetch: no, save: no } as unknown as IStateDB;
    const memory = new Memory(store);
    await memory.load();
    await memory.attached('ec2/a', null);
    expect(memory.first).toEqual(['ec2/a']);
  });

  it('loses nothing that was kept when a choice comes before it', async () => {
    const store = storeOf({ pins: ['ec2/a'] });
    const memory = new Memory(store);
    const loaded = memory.load();
    const chosen = memory.togglePin('ec2/b');
    await Promise.all([loaded, chosen]);
    expect(memory.first).toEqual(['ec2/a', 'ec2/b']);
    expect(store.kept).toMatchObject({ pins: ['ec2/a', 'ec2/b'] });
  });
});
