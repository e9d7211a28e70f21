import { AttachmentsModel } from '../models/attachments';
import type { EMRModel } from '../models/emr';
import { TargetModel } from '../models/target';
import {
  ANALYST,
  attachment,
  compute,
  contents,
  emissions,
  failure,
  FakeNotebook,
  FakeServer,
  FakeSession,
  FakeTracker,
  identity,
  itemsOf,
  json,
  Later,
  listOf,
  modelOf,
  settled,
  until
} from './fakes';

describe('the target', () => {
  let server: FakeServer;
  let tracker: FakeTracker;
  let attachments: AttachmentsModel;
  let folder: string;
  let target: TargetModel;

  beforeEach(() => {
    server = new FakeServer({
      'GET attachments': ({ query }) =>
        query.path === 'work/a.ipynb'
          ? itemsOf(attachment({ path: 'work/a.ipynb' }))
          : itemsOf()
    });
    tracker = new FakeTracker();
    attachments = new AttachmentsModel(server.client);
    folder = 'RTC:shown';
    target = new TargetModel(tracker.self, attachments, contents, () => folder);
  });

  it('is the folder shown where no notebook is open', async () => {
    await settled();
    expect([target.path, target.folder, target.panel]).toEqual([
      null,
      'shown',
      null
    ]);
    expect(server.last.query.path).toBe('shown');
  });

  it('follows the folder shown, while no notebook is open', async () => {
    await settled();
    folder = 'other';
    target.onFolder();
    await settled();
    expect([target.folder, target.busy]).toEqual(['other', false]);
    expect(server.last.query.path).toBe('other');
    tracker.show(new FakeNotebook('work/a.ipynb'));
    await settled();
    const asked = server.seen.length;
    target.onFolder();
    await settled();
    expect(server.seen).toHaveLength(asked);
  });

  it('is the notebook in front, whatever drive it is on', async () => {
    const notebook = new FakeNotebook('RTC:work/a.ipynb');
    tracker.show(notebook);
    await settled();
    expect([target.path, target.folder]).toEqual(['work/a.ipynb', 'work']);
    expect(target.panel).toBe(notebook.self);
    expect(target.attachment?.path).toBe('work/a.ipynb');
    expect(target.busy).toBe(false);
    tracker.show(new FakeNotebook('b.ipynb'));
    await settled();
    expect([target.folder, target.attachment]).toEqual(['', null]);
  });

  it('has never the attachment of another notebook', async () => {
    tracker.show(new FakeNotebook('work/a.ipynb'));
    await settled();
    const slow = new Later();
    server.routes['GET attachments'] = () => slow.promise;
    tracker.show(new FakeNotebook('b.ipynb'));
    expect([target.attachment, target.busy]).toEqual([null, true]);
    slow.resolve(itemsOf(attachment({ path: '' })));
    await settled();
    expect([target.attachment?.path, target.busy]).toEqual(['', false]);
  });

  it('keeps what is known while it is asked again', async () => {
    tracker.show(new FakeNotebook('work/a.ipynb'));
    await settled();
    server.routes['GET attachments'] = () => new Later().promise;
    attachments.invalidate();
    expect(target.attachment?.path).toBe('work/a.ipynb');
  });

  it('is the notebook shown last, whichever is answered first', async () => {
    const slow = new Later();
    server.routes['GET attachments'] = ({ query }) =>
      query.path === 'slow.ipynb' ? slow.promise : itemsOf();
    tracker.show(new FakeNotebook('slow.ipynb'));
    tracker.show(new FakeNotebook('b.ipynb'));
    await settled();
    slow.resolve(itemsOf(attachment()));
    await settled();
    expect(target.attachment).toBeNull();
  });

  it('goes with a notebook that is renamed or moved', async () => {
    const notebook = new FakeNotebook('work/old.ipynb');
    tracker.show(notebook);
    await settled();
    notebook.move('work/a.ipynb');
    await settled();
    expect(target.path).toBe('work/a.ipynb');
    expect(target.attachment?.path).toBe('work/a.ipynb');
  });

  it('is the folder again when the last notebook is closed', async () => {
    const notebook = new FakeNotebook('work/a.ipynb');
    tracker.show(notebook);
    await settled();
    notebook.dispose();
    tracker.show(null);
    await settled();
    expect([target.path, target.attachment]).toEqual([null, null]);
    const asked = server.seen.length;
    notebook.move('elsewhere.ipynb');
    await settled();
    expect(server.seen).toHaveLength(asked);
  });

  it('says why its attachment is not known', async () => {
    server.routes['GET attachments'] = () => failure('Disk full.', 507);
    tracker.show(new FakeNotebook('b.ipynb'));
    await settled();
    expect(target.problem?.message).toBe('Disk full.');
    server.routes['GET attachments'] = () => itemsOf();
    attachments.invalidate();
    await settled();
    expect(target.problem).toBeNull();
  });

  it('is not told of when nobody listens any more', async () => {
    const slow = new Later();
    server.routes['GET attachments'] = () => slow.promise;
    tracker.show(new FakeNotebook('b.ipynb'));
    const changed = emissions(target.changed);
    target.dispose();
    slow.resolve(itemsOf(attachment()));
    tracker.show(new FakeNotebook('c.ipynb'));
    attachments.invalidate();
    await settled();
    expect([target.isDisposed, changed.args]).toEqual([true, []]);
    expect(target.attachment).toBeNull();
  });

  it('does without a tracker', async () => {
    const none = new TargetModel(null, attachments, contents, () => '');
    await settled();
    expect([none.path, none.folder]).toEqual([null, '']);
  });
});

describe('all models', () => {
  let server: FakeServer;
  let tracker: FakeTracker;
  let model: EMRModel;

  beforeEach(() => {
    server = new FakeServer({
      'GET attachments': () => itemsOf(),
      'GET compute': ({ query }) =>
        query.since ? new Later().promise : listOf([compute()]),
      'GET identity': () => identity(),
      'GET kernels': () => itemsOf(),
      'PUT identity': () => identity({ profile: 'analyst' }),
      'POST attachments': () => json(attachment(), 201)
    });
    tracker = new FakeTracker();
    model = modelOf(server, tracker);
  });

  afterEach(() => {
    model.stop();
    model.computes.dispose();
    model.kernels.dispose();
  });

  it('ask for nothing of AWS before the panel is shown', async () => {
    await settled();
    expect(server.seen.map(one => one.what)).toEqual(['GET attachments']);
    model.start();
    await until(() => model.computes.list !== null);
    await until(() => model.kernels.items !== null);
    expect(server.count('GET identity')).toBe(1);
    model.stop();
    model.start();
    await settled();
    expect(server.count('GET identity')).toBe(1);
  });

  it('ask who calls when the login that was known is over', async () => {
    const expires_at = new Date(Date.now() - 1000).toISOString();
    server.routes['GET identity'] = () => identity({ expires_at });
    model.start();
    await until(() => model.identity.identity !== null);
    model.stop();
    server.routes['GET identity'] = () => identity();
    model.start();
    await until(() => model.identity.identity?.expires_at === null);
    expect(server.count('GET identity')).toBe(2);
  });

  it('know the compute that was chosen as long as it is there', async () => {
    await model.refresh();
    const changed = emissions(model.changed);
    model.choose(compute());
    expect([model.chosen, model.chosenCompute]).toEqual(['ec2/j-1', compute()]);
    expect(changed.args).toHaveLength(1);
    server.routes['GET compute'] = () => listOf([], { version: 'v2' });
    await model.refresh();
    expect(model.chosenCompute).toBeNull();
  });

  it('attach, remember the choice, and ask anew what holds', async () => {
    await model.refresh();
    const attached = emissions(model.attached);
    const made = await model.attach({
      compute: compute().arn,
      path: 'a.ipynb'
    });
    expect(made).toEqual(attachment());
    expect(attached.args).toEqual([attachment()]);
    expect(model.memory.roleOn('ec2/j-1')).toBe(ANALYST);
    expect(model.memory.first).toEqual(['ec2/j-1']);
    await settled();
    expect(server.count('GET attachments')).toBeGreaterThan(1);
  });

  it('remember nothing of what failed', async () => {
    server.routes['POST attachments'] = () => failure('No.');
    const attached = emissions(model.attached);
    expect(await model.attach({ compute: 'x', path: 'a' })).toBeNull();
    expect([attached.args, model.memory.first]).toEqual([[], []]);
  });

  it('detach what holds for the notebook in front', async () => {
    server.routes['GET attachments'] = () => itemsOf(attachment());
    server.routes['DELETE attachments/a1'] = () =>
      new Response(null, { status: 204 });
    tracker.show(new FakeNotebook('work/report.ipynb'));
    await settled();
    await model.detach();
    expect(server.count('DELETE attachments/a1')).toBe(1);
    server.routes['GET attachments'] = () => itemsOf();
    model.attachments.invalidate();
    await settled();
    await model.detach();
    expect(server.count('DELETE attachments/a1')).toBe(1);
  });

  it('list anew under another profile, and ask for its roles', async () => {
    server.routes['GET runtime-roles'] = () => itemsOf();
    await model.refresh();
    await model.roles.show(compute());
    await model.chooseProfile('analyst');
    expect(model.identity.identity?.profile).toBe('analyst');
    expect(server.last.what).toBe('GET compute');
    expect(server.last.query).toEqual({ refresh: 'true' });
    await model.roles.show(compute());
    expect(server.count('GET runtime-roles')).toBe(2);
  });

  it('know which notebooks move, until the last move has ended', async () => {
    const session = new FakeSession();
    const moves = [new Later(), new Later()];
    const moving = emissions(model.moving);
    model.announce({ session: session.self, move: moves[0].promise });
    model.announce({ session: session.self, move: moves[1].promise });
    expect(moving.args).toHaveLength(2);
    moves[0].reject(new Error('preempted'));
    await settled();
    expect(model.isMoving(session.self)).toBe(true);
    moves[1].resolve(null);
    await settled();
    expect(model.isMoving(session.self)).toBe(false);
    expect(model.isMoving(new FakeSession().self)).toBe(false);
  });
});
