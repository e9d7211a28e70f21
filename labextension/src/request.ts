/**
 * Requests to the server extension, and its errors.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

const PREFIX = 'jupyter-emr-connect';

/** What an error of the server says. */
export interface IProblem {
  /** The cause. */
  message: string;
  /** What to do; may be empty. */
  fix: string;
  /** A stable word for programs. */
  code: string;
  /** Where on the way to the compute it failed. */
  hop?: string;
  /** The IAM action that is missing. */
  iam_action?: string | null;
  /** Where the caller is not known: the AWS profiles that one could change to. */
  profiles?: readonly string[];
}

/** An answer that is no success; its parts are the server's own words. */
export class EMRError extends Error implements IProblem {
  constructor(
    problem: IProblem,
    readonly status = 0
  ) {
    super(problem.message);
    this.name = 'EMRError';
    this.fix = problem.fix;
    this.code = problem.code;
    this.hop = problem.hop;
    this.iam_action = problem.iam_action;
    this.profiles = problem.profiles;
  }

  readonly fix: string;
  readonly code: string;
  readonly hop?: string;
  readonly iam_action?: string | null;
  readonly profiles?: readonly string[];
}

/** What a request carries. */
export interface IRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Record<string, string>;
  body?: unknown;
  /** Ends the request; the server then ends its work too. */
  signal?: AbortSignal;
}

/**
 * Send a request to a route of the server extension and return its JSON (undefined where there is none).
 *
 * Raises {@link EMRError} for every failure but an abort, which stays an `AbortError`.
 */
export async function request<T>(
  settings: ServerConnection.ISettings,
  path: string,
  { method = 'GET', query = {}, body, signal }: IRequest = {}
): Promise<T> {
  const url =
    URLExt.join(settings.baseUrl, PREFIX, path) +
    URLExt.objectToQueryString(query);
  const init: RequestInit = { method, signal };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
  }
  let response: Response;
  let text = '';
  try {
    response = await ServerConnection.makeRequest(url, init, settings);
    if (response.status !== 204) {
      text = await response.text();
    }
  } catch {
    signal?.throwIfAborted(); // JupyterLab makes a network error of it
    throw new EMRError({
      message: 'The Jupyter server does not answer.',
      fix: 'Check that it runs and that this computer reaches it.',
      code: 'server-unreachable'
    });
  }
  if (!response.ok) {
    throw new EMRError(problemOf(response, text), response.status);
  }
  return parse<T>(text);
}

function parse<T>(text: string): T {
  try {
    return (text ? JSON.parse(text) : undefined) as T;
  } catch {
    throw new EMRError({
      message: 'The Jupyter server answered with something that is not JSON.',
      fix: 'Look whether a proxy or a login page stands before it; log in again.',
      code: 'not-json'
    });
  }
}

/** Return what an answer says of its failure, also where it is none of the server extension's. */
export function problemOf(
  response: Pick<Response, 'status' | 'statusText'>,
  text: string
): IProblem {
  try {
    const said = JSON.parse(text) as Partial<IProblem>;
    if (said.message && said.code) {
      return { ...said, fix: said.fix ?? '' } as IProblem;
    }
  } catch {
    // an error page of something else
  }
  if (response.status === 404) {
    return {
      message: 'The server has no jupyter_emr_connect, or an older one.',
      fix: 'Run `pip install -U jupyter_emr_connect` where the Jupyter server runs, then restart the server.',
      code: 'no-server-extension'
    };
  }
  const words = `${response.status} ${response.statusText}`.trim();
  return {
    message: `The Jupyter server answered ${words}.`,
    fix:
      response.status === 403
        ? 'Log in again: reload this page.'
        : 'Try again; the server’s log may say more.',
    code: 'http-' + response.status
  };
}

/** Return what to show of anything that was thrown. */
export function asProblem(error: unknown): IProblem {
  if (error instanceof EMRError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, fix: '', code: 'unexpected' };
}
