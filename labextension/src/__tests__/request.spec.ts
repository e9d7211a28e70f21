import { asProblem, EMRError, request } from '../request';
import { BASE, FakeServer, failure, Later, settled } from './fakes';

function serverWith(answer: () => unknown): FakeServer {
  return new FakeServer({ 'GET x': answer });
}

async function errorOf(answer: () => unknown): Promise<EMRError> {
  const asked = request(serverWith(answer).settings, 'x');
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EMRError);
  return error as EMRError;
}

const page = (status: number): Response =>
  new Response('<!DOCTYPE html><h1>login</h1>', { status, statusText: 'Oops' });

describe('a request', () => {
  it('goes below the base URL, with its query and body', async () => {
    const server = new FakeServer({ 'POST x/y': () => ({ ok: true }) });
    const options = {
      method: 'POST',
      query: { path: 'ä b&c' },
      body: { a: [1] }
    } as const;
    expect(await request(server.settings, 'x/y', options)).toEqual({
      ok: true
    });
    expect(server.last.query.path).toBe('ä b&c');
    expect(server.last.body).toEqual({ a: [1] });
    expect(server.settings.baseUrl).toBe(BASE);
  });

  it('gives nothing where there is nothing', async () => {
    const empty = serverWith(() => new Response(null, { status: 204 }));
    expect(await request(empty.settings, 'x')).toBeUndefined();
    const blank = serverWith(() => new Response('', { status: 202 }));
    expect(await request(blank.settings, 'x')).toBeUndefined();
  });

  it('fails in the words of the server extension', async () => {
    const error = await errorOf(() =>
      failure('No gateway.', 502, { hop: 'gateway', iam_action: 'a:b' })
    );
    expect(error).toMatchObject({
      message: 'No gateway.',
      fix: 'Mend it.',
      code: 'broken',
      hop: 'gateway',
      iam_action: 'a:b',
      status: 502
    });
  });

  it('needs no fix in them', async () => {
    const error = await errorOf(() => failure('m', 500, { fix: undefined }));
    expect([error.message, error.fix]).toEqual(['m', '']);
  });

  it.each([
    ['a page', page(404)],
    ['words of Jupyter', new Response('{"message": "x"}', { status: 404 })]
  ])('says that the server extension is missing: %s', async (_, response) => {
    const error = await errorOf(() => response);
    expect(error.code).toBe('no-server-extension');
    expect(error.fix).toContain('`pip install -U jupyter_emr_connect`');
  });

  it.each([
    [403, 'http-403', 'reload'],
    [500, 'http-500', 'log'],
    [502, 'http-502', 'again']
  ])('says what a page with %i means', async (status, code, fix) => {
    const error = await errorOf(() => page(status));
    expect(error.code).toBe(code);
    expect(error.message).toBe(`The Jupyter server answered ${status} Oops.`);
    expect(error.fix).toContain(fix);
    expect(error.message).not.toContain('<');
  });

  it.each(['null', '3', '"text"', '[]', '{}', '{"message": ""}'])(
    'takes %s for no words of the server',
    async body => {
      const error = await errorOf(() => new Response(body, { status: 500 }));
      expect(error.code).toBe('http-500');
    }
  );

  it('tells a login page from an answer', async () => {
    const error = await errorOf(() => page(200));
    expect(error.code).toBe('not-json');
    expect(error.fix).toContain('log in');
  });

  it('says that the server is not reached', async () => {
    const error = await errorOf(() =>
      Promise.reject(new TypeError('fetch failed'))
    );
    expect(error.code).toBe('server-unreachable');
  });

  it('says so too when the line is cut within the answer', async () => {
    const cut = new ReadableStream({
      pull: controller => controller.error(new TypeError('terminated'))
    });
    const error = await errorOf(() => new Response(cut));
    expect(error.code).toBe('server-unreachable');
  });

  it('that is aborted says that and nothing else', async () => {
    const abort = new AbortController();
    const server = serverWith(() => new Later().promise);
    const { signal } = abort;
    const asked = request(server.settings, 'x', { signal });
    const caught = asked.catch((error: unknown) => error);
    await settled();
    expect(server.last.signal.aborted).toBe(false);
    abort.abort();
    const error = await caught;
    expect(server.last.signal.aborted).toBe(true);
    expect(error).not.toBeInstanceOf(EMRError);
    expect((error as Error).name).toBe('AbortError');
  });
});

describe('anything thrown', () => {
  it('is a problem that can be shown', () => {
    expect(asProblem(new Error('why')).message).toBe('why');
    expect(asProblem('text').message).toBe('text');
    expect(asProblem(undefined).code).toBe('unexpected');
    const error = new EMRError({ message: 'm', fix: 'f', code: 'c' });
    expect(asProblem(error)).toBe(error);
  });
});
