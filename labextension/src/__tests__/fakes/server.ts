/**
 * A server extension for tests, by hand: real answers of `fetch`.
 */
import { ServerConnection } from '@jupyterlab/services';

import { EMRClient } from '../../client';

/** Where the server is; a hub puts a path before it. */
export const BASE = 'http://localhost:8888/user/ann/';

/** A request as the server sees it. */
export interface ISeen {
  /** `GET compute` */
  what: string;
  query: Record<string, string>;
  body: unknown;
  signal: AbortSignal;
}

/** Gives an answer: JSON with status 200, or a whole response. */
export type Handler = (seen: ISeen) => unknown;

/** An answer that comes when the test says so. */
export class Later {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  readonly promise: Promise<unknown>;
  resolve!: (answer: unknown) => void;
  reject!: (error: unknown) => void;
}

/** Answers by routes (`GET compute`); what has none gets 404 as from a server without the extension. */
export class FakeServer {
  constructor(public routes: Record<string, Handler> = {}) {}

  readonly seen: ISeen[] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: BASE,
    fetch: input => this._answer(input as Request)
  });

  readonly client = new EMRClient(this.settings);

  /** Return how often something was asked for. */
  count(what: string): number {
    return this.seen.filter(one => one.what === what).length;
  }

  /** Return the last request. */
  get last(): ISeen {
    return this.seen[this.seen.length - 1];
  }

  private async _answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const prefix = `${BASE}jupyter-emr-connect/`;
    const path = request.url.split('?')[0].slice(prefix.length);
    const text = request.method === 'GET' ? '' : await request.text();
    const query: Record<string, string> = {};
    url.searchParams.forEach((value, key) => {
      if (value !== '') {
        query[key] = value; // what has none is there against caches
      }
    });
    const seen: ISeen = {
      what: `${request.method} ${path}`,
      query,
      body: text ? JSON.parse(text) : undefined,
      signal: request.signal
    };
    this.seen.push(seen);
    const handler = this.routes[seen.what];
    const answer = handler
      ? handler(seen)
      : new Response('<html>404', { status: 404 });
    const value = await Promise.race([answer, aborted(request.signal)]);
    return value instanceof Response ? value : json(value);
  }
}

/** Return an answer with JSON. */
export function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status });
}

/** Return an error as the server extension gives it. */
export function failure(
  message: string,
  status = 502,
  more: Record<string, unknown> = {}
): Response {
  return json({ message, fix: 'Mend it.', code: 'broken', ...more }, status);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void =>
      reject(new DOMException('This operation was aborted', 'AbortError'));
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort);
  });
}
