import type { EMRClient } from '../client';
import { attachment, FakeServer, json } from './fakes';

type Call = (client: EMRClient) => Promise<unknown>;

const CALLS: [string, Record<string, string>, unknown, Call][] = [
  ['GET compute', {}, undefined, client => client.listComputes({})],
  [
    'GET compute',
    { since: 'v1', wait: '20' },
    undefined,
    client =>
      client.listComputes({ since: 'v1', wait: '20', refresh: undefined })
  ],
  [
    'GET compute/ec2/j-1',
    {},
    undefined,
    client => client.getCompute('ec2', 'j-1')
  ],
  [
    'GET compute/eks/vc%2Fep',
    {},
    undefined,
    client => client.getCompute('eks', 'vc/ep')
  ],
  ['GET identity', {}, undefined, client => client.getIdentity()],
  ['PUT identity', {}, { profile: 'x' }, client => client.putIdentity('x')],
  ['PUT identity', {}, { profile: null }, client => client.putIdentity(null)],
  ['GET runtime-roles', { compute: 'a' }, undefined, c => c.listRoles('a')],
  [
    'GET runtime-roles',
    { compute: 'a', refresh: 'true' },
    undefined,
    client => client.listRoles('a', true)
  ],
  [
    'POST attachments',
    {},
    { compute: 'a', path: 'p' },
    client => client.attach({ compute: 'a', path: 'p' })
  ],
  ['DELETE attachments/a%2Fb', {}, undefined, client => client.detach('a/b')],
  [
    'GET kernels',
    { check: 'true', notebooks: 'true' },
    undefined,
    c => c.listKernels(true)
  ],
  [
    'GET kernels',
    { check: 'false', notebooks: 'true' },
    undefined,
    c => c.listKernels(false)
  ],
  ['DELETE kernels/k', {}, undefined, client => client.deleteKernel('k')],
  [
    'POST kernels/k/adopt',
    {},
    { path: 'p' },
    client => client.adoptKernel('k', 'p')
  ],
  ['POST kernels/k/adopt', {}, {}, client => client.adoptKernel('k', null)]
];

describe('the client', () => {
  it.each(CALLS)('asks %s with %j and %j', async (what, query, body, call) => {
    const server = new FakeServer({ [what]: () => ({ said: what }) });
    expect(await call(server.client)).toEqual({ said: what });
    expect(server.seen).toHaveLength(1);
    expect(server.last.query).toEqual(query);
    expect(server.last.body).toEqual(body);
  });

  it('gives the attachments of a path with odd characters', async () => {
    const server = new FakeServer({
      'GET attachments': () => ({ items: [attachment()], errors: [] })
    });
    const path = 'a&b=c/ü #1?.ipynb';
    expect(await server.client.attachmentsOf(path)).toEqual([attachment()]);
    expect(server.last.query).toEqual({ path });
  });

  it('gives nothing of what was ended', async () => {
    const server = new FakeServer({
      'DELETE attachments/a1': () => new Response(null, { status: 204 }),
      'DELETE kernels/k': () => json({}, 200)
    });
    expect(await server.client.detach('a1')).toBeUndefined();
  });
});
