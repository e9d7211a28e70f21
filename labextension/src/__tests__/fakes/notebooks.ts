/**
 * Notebooks, their sessions and kernelspecs for tests: the parts that are looked at, with real signals.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents, KernelSpec } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

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
  fileChanged: new Signal<object, Partial<Contents.IChangedArgs>>({}),
  localPath: (path: string) => path.slice(path.indexOf(':') + 1),
  newUntitled: ({ path = '' }) =>
    Promise.resolve({ path: `${path}/Untitled.ipynb` })
} as unknown as Contents.IManager;

/** Say that a file or folder was renamed, as JupyterLab's contents manager does. */
export function sayRenamed(former: string, now: string): void {
  const change = {
    type: 'rename',
    oldValue: { path: former },
    newValue: { path: now }
  };
  (contents.fileChanged as Signal<unknown, unknown>).emit(change);
}

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
