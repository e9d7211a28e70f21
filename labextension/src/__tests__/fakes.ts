/**
 * A server extension and notebooks for tests, by hand: real answers of `fetch`, real signals.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import type { Contents, KernelSpec } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { EMRClient } from '../client';
import { EMRModel } from '../models/emr';
import type {
  Attachment,
  Compute,
  ComputeList,
  EMRKernel,
  Identity,
  KernelStart
} from '../tokens';

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

/** Node's own, which fake timers leave alone here. */
declare const setImmediate: (callback: () => void) => void;

/** Let the answers go one step further. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** Let all that is due happen. */
export async function settled(): Promise<void> {
  for (let count = 0; count < 40; count++) {
    await turn();
  }
}

/** Wait until something is so, for seconds at most. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let count = 0; !isSo(); count++) {
    if (count > 1000) {
      throw new Error(`Never so: ${isSo.toString()}`);
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** Return how often a signal was emitted since. */
export function emissions<T, U>(signal: {
  connect: (slot: (sender: T, args: U) => void) => boolean;
}): { args: U[] } {
  const args: U[] = [];
  signal.connect((_, value) => void args.push(value));
  return { args };
}

/** Return a compute as the server gives it. */
export function compute(change: Partial<Compute> = {}): Compute {
  const id = change.id ?? 'j-1';
  return {
    id,
    kind: 'ec2',
    name: 'analytics',
    arn: `arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/${id}`,
    region: 'us-east-1',
    account: '123456789012',
    state: 'WAITING',
    state_reason: null,
    release: 'emr-7.2.0',
    applications: ['Spark', 'JupyterEnterpriseGateway'],
    tags: {},
    created_at: null,
    attachable: true,
    reason: null,
    transports: ['gateway', 'livy'],
    runtime_role: 'optional',
    auth: 'none',
    ...change
  };
}

/** Return an answer of the list. */
export function listOf(
  items: Compute[],
  change: Partial<ComputeList> = {}
): ComputeList {
  return {
    items,
    errors: [],
    as_of: new Date().toISOString(),
    complete: true,
    refreshing: false,
    stored: false,
    version: 'v1',
    total: items.length,
    next_offset: null,
    waiting: [],
    to_describe: 0,
    changes: null,
    ...change
  };
}

/** Return an answer of other lists. */
export function itemsOf(...items: unknown[]): object {
  return { items, errors: [], as_of: '' };
}

/** What nobody should name a thing, and somebody will. */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '\u202Eevil\u202C right to left \u05D0\u05D1',
  'x'.repeat(10_000),
  '👩‍💻🚀 emoji',
  '{{constructor}} ${7*7} %1 %s',
  ' '
];

/** Return all models, on a server and its notebooks. */
export function modelOf(server: FakeServer, tracker: FakeTracker): EMRModel {
  return new EMRModel({
    settings: server.settings,
    contents,
    tracker: tracker.self,
    store: null,
    folder: () => ''
  });
}

export const ANALYST = 'arn:aws:iam::123456789012:role/EMRAnalyst';
export const ENGINEER = 'arn:aws:iam::123456789012:role/EMREngineer';

/** Return an attachment. */
export function attachment(change: Partial<Attachment> = {}): Attachment {
  return {
    id: 'a1',
    compute: 'j-1',
    compute_name: 'analytics',
    runtime_role: ANALYST,
    transport: 'gateway',
    path: 'work/report.ipynb',
    profile: null,
    region: 'us-east-1',
    access_role: null,
    created_at: '2026-01-01T00:00:00Z',
    credentials_expire_at: null,
    ...change
  };
}

/** Return a kernel of the ledger. */
export function kernel(change: Partial<EMRKernel> = {}): EMRKernel {
  return {
    kernel_id: 'k1',
    compute: 'j-1',
    compute_name: 'analytics',
    kernelspec: 'emr-pyspark',
    transport: 'gateway',
    gateway_url: 'https://10.0.0.1:18888',
    runtime_role: ANALYST,
    path: '/home/ann/work/report.ipynb',
    notebook: 'work/report.ipynb',
    profile: null,
    region: 'us-east-1',
    access_role: null,
    state: 'idle',
    started_at: null,
    local_id: 'local-1',
    link: 'connected',
    since: null,
    cause: null,
    reason: null,
    owner: null,
    ...change
  };
}

/** Return the start of that notebook's kernel. */
export function start(change: Partial<KernelStart> = {}): KernelStart {
  const now = new Date().toISOString();
  return {
    local_id: 'local-1',
    kernelspec: 'emr-pyspark',
    path: '/home/ann/work/report.ipynb',
    notebook: 'work/report.ipynb',
    stage: 'gateway',
    step: 2,
    steps: 4,
    since: now,
    began_at: now,
    can_cancel: true,
    ...change
  };
}

/** Return the caller. */
export function identity(change: Partial<Identity> = {}): Identity {
  return {
    arn: 'arn:aws:iam::123456789012:user/developer',
    account: '123456789012',
    region: 'us-east-1',
    profile: null,
    expires_at: null,
    profiles: ['analyst', 'developer'],
    sso_session: null,
    ...change
  };
}

function spec(
  name: string,
  language: string,
  isEMR: boolean
): KernelSpec.ISpecModel {
  const metadata = isEMR
    ? { kernel_provisioner: { provisioner_name: 'emr-connect' } }
    : {};
  const display_name = name;
  return { name, display_name, language, argv: [], metadata, resources: {} };
}

/** The kernelspecs of a server: two of its own, and EMR's. */
export const SPECS: KernelSpec.ISpecModels = {
  default: 'python3',
  kernelspecs: {
    python3: spec('python3', 'python', false),
    'emr-pyspark': spec('emr-pyspark', 'python', true),
    'emr-python': spec('emr-python', 'python', true),
    'emr-spark': spec('emr-spark', 'scala', true),
    'emr-sparkr': spec('emr-sparkr', 'R', true)
  }
};

/** Contents of a server; what has a drive before its path is on that drive. */
export const contents = {
  localPath: (path: string) => path.slice(path.indexOf(':') + 1),
  newUntitled: ({ path = '' }) =>
    Promise.resolve({ path: `${path}/Untitled.ipynb` })
} as unknown as Contents.IManager;

/** The part of a session context that is looked at. */
export class FakeSession {
  constructor(public kernelPreference: { name?: string } = {}) {}

  readonly connectionStatusChanged = new Signal<this, string>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly iopubMessage = new Signal<this, unknown>(this);
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly statusChanged = new Signal<this, string>(this);

  changes: unknown[] = [];
  _isChangingKernel = false;
  _pendingKernelName = '';
  isDisposed = false;
  isRestarting = false;
  kernelDisplayStatus = 'unknown';
  path = 'work/report.ipynb';
  restarts = 0;
  shutdowns = 0;
  session: { kernel: { id: string; name: string } } | null = null;
  /** What a change of the kernel does beside giving it. */
  onChange: () => Promise<unknown> = () => Promise.resolve();

  /** As JupyterLab's: the name of a kernel that starts counts. */
  get hasNoKernel(): boolean {
    return this.session === null && !this._pendingKernelName;
  }

  get self(): ISessionContext {
    return this as unknown as ISessionContext;
  }

  /** Give the session a kernel. */
  give(name: string, id = 'local-1'): void {
    this.session = { kernel: { id, name } };
    this.say('idle');
    this.kernelChanged.emit(null);
  }

  /** Change the status. */
  say(status: string): void {
    this.kernelDisplayStatus = status;
    this.statusChanged.emit(status);
  }

  /** Publish a message of the kernel, on what a request asked. */
  publish(msg_type: string, request: string, content: object = {}): void {
    const parent_header = { msg_id: request, msg_type: 'execute_request' };
    const header = { msg_type };
    this.iopubMessage.emit({
      channel: 'iopub',
      content,
      header,
      parent_header
    });
  }

  async changeKernel(options: { name?: string }): Promise<void> {
    this.changes.push(options);
    await this.onChange();
    this.give(options.name ?? '');
  }

  restartKernel(): Promise<void> {
    this.restarts++;
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.shutdowns++;
    return Promise.resolve();
  }

  dispose(): void {
    this.isDisposed = true;
    this.session = null;
    this.disposed.emit();
    Signal.clearData(this);
  }
}

/** The part of a notebook that is looked at. */
export class FakeNotebook {
  constructor(path: string, kernelspec?: string) {
    this.sessionContext = new FakeSession({ name: kernelspec });
    this.context = {
      path,
      pathChanged: new Signal<object, string>(this),
      model: { dirty: false },
      revert: () => Promise.resolve(this.reverts++),
      saveState: new Signal<object, string>(this),
      save: () => {
        this.context.model.dirty = !this.canBeSaved;
        return Promise.resolve(this.saves++);
      }
    };
  }

  readonly context;
  readonly disposed = new Signal<this, void>(this);
  readonly sessionContext: FakeSession;
  readonly contentHeader = {
    widgets: [] as { node: HTMLElement; isDisposed: boolean }[],
    addWidget(widget: { node: HTMLElement; isDisposed: boolean }): void {
      this.widgets.push(widget);
    }
  };
  canBeSaved = true;
  isDisposed = false;
  metadata: Record<string, unknown> = {};
  reverts = 0;
  model = { getMetadata: (key: string) => this.metadata[key] };
  saves = 0;

  get self(): NotebookPanel {
    return this as unknown as NotebookPanel;
  }

  /** Rename or move the file. */
  move(path: string): void {
    this.context.path = path;
    this.context.pathChanged.emit(path);
  }

  /** Close the notebook. */
  dispose(): void {
    this.isDisposed = true;
    this.sessionContext.dispose();
    Signal.clearData(this);
  }
}

/** Which notebooks are open, and which is in front. */
export class FakeTracker {
  readonly currentChanged = new Signal<this, NotebookPanel | null>(this);
  currentWidget: NotebookPanel | null = null;
  readonly open: FakeNotebook[] = [];

  get self(): INotebookTracker {
    return this as unknown as INotebookTracker;
  }

  /** Bring a notebook to the front; null closes the one that is there. */
  show(notebook: FakeNotebook | null): void {
    if (notebook && !this.open.includes(notebook)) {
      this.open.push(notebook);
    }
    this.currentWidget = notebook?.self ?? null;
    this.currentChanged.emit(this.currentWidget);
  }

  find(test: (panel: NotebookPanel) => boolean): NotebookPanel | undefined {
    return this.open
      .filter(one => !one.isDisposed)
      .map(one => one.self)
      .find(test);
  }
}
