/**
 * All models together, and what concerns several of them.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { IStateDB } from '@jupyterlab/statedb';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import { EMRClient } from '../client';
import type { Attachment, Compute, NewAttachment } from '../tokens';
import { AttachingModel } from './attaching';
import type { Again } from './attaching';
import { AttachmentsModel } from './attachments';
import { ComputesModel, factsOf, keyOf } from './computes';
import { IdentityModel } from './identity';
import { KernelsModel } from './kernels';
import { Memory } from './memory';
import { Preferences } from './preferences';
import { RolesModel } from './roles';
import { SandboxModel } from './sandbox';
import { TargetModel } from './target';

/** What the models are made of. */
export interface IOptions {
  settings: ServerConnection.ISettings;
  contents: Contents.IManager;
  tracker: INotebookTracker | null;
  store: IStateDB | null;
  /** Return the folder to attach while no notebook is open. */
  folder: () => string;
}

/** A notebook that moves to another kernel. */
export interface IMove {
  session: ISessionContext;
  move: Promise<unknown>;
}

/** One for the application: what panel, chips, launcher and commands look at. */
export class EMRModel {
  constructor(options: IOptions) {
    this.client = new EMRClient(options.settings);
    this.computes = new ComputesModel(this.client);
    this.identity = new IdentityModel(this.client);
    this.kernels = new KernelsModel(this.client);
    this.roles = new RolesModel(this.client);
    this.sandbox = new SandboxModel(this.client);
    this.attachments = new AttachmentsModel(this.client);
    this.attaching = new AttachingModel(this.client);
    this.contents = options.contents;
    this.memory = new Memory(
      options.store,
      () => this.preferences.values.mostRecents
    );
    this.target = new TargetModel(
      options.tracker,
      this.attachments,
      options.contents,
      options.folder
    );
    void this.memory.load();
    this.computes.changed.connect(this._emit, this);
    this.attachments.changed.connect(this._emit, this);
    this.kernels.changed.connect(this._onKernels, this);
    options.contents.fileChanged.connect(this._onFile, this);
  }

  readonly attaching: AttachingModel;
  readonly attachments: AttachmentsModel;
  readonly client: EMRClient;
  readonly computes: ComputesModel;
  readonly contents: Contents.IManager;
  readonly identity: IdentityModel;
  readonly kernels: KernelsModel;
  readonly memory: Memory;
  readonly preferences = new Preferences();
  readonly roles: RolesModel;
  readonly sandbox: SandboxModel;
  readonly target: TargetModel;

  /** Emitted when computes, attachments or the choice have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with a notebook's or folder's attachment that was made here. */
  get attached(): ISignal<this, Attachment> {
    return this._attached;
  }

  /** Emitted with a notebook that moves to another kernel now, and when it will have moved. */
  get moving(): ISignal<this, IMove> {
    return this._moving;
  }

  /** The key of the compute that was chosen in the list. */
  get chosen(): string | null {
    return this._chosen;
  }

  /** That compute, if it is still there. */
  get chosenCompute(): Compute | null {
    return (this._chosen && this.computes.find(this._chosen)) || null;
  }

  /** Whether a notebook moves to another kernel now. */
  isMoving(session: ISessionContext): boolean {
    return this._moves.has(session);
  }

  /** Wait until a notebook is not on its way to another kernel, whatever came of it. */
  async whenMoved(session: ISessionContext): Promise<void> {
    for (let move; (move = this._moves.get(session));) {
      await move.move.catch(() => undefined);
    }
  }

  /** Let everybody know that a notebook moves to another kernel. */
  announce(move: IMove): void {
    this._moves.set(move.session, move);
    this._moving.emit(move);
    const end = (): void => {
      if (this._moves.get(move.session) === move) {
        this._moves.delete(move.session);
        this._changed.emit();
      }
    };
    move.move.then(end, end);
    this._changed.emit();
  }

  /** Choose a compute in the list. */
  choose(compute: Compute): void {
    this._chosen = keyOf(compute);
    this.attaching.dismiss();
    this._changed.emit();
  }

  /** Begin to follow; called when the panel is shown. */
  start(): void {
    if (this.preferences.values.refreshWhileShown) {
      this.computes.start();
    } else {
      this.computes.look();
    }
    this.kernels.start();
    if (!this.identity.identity || this.identity.isOver) {
      void this.identity.refresh();
    }
  }

  /** End following; called when the panel is hidden. */
  stop(): void {
    this.computes.stop();
    this.kernels.stop();
  }

  /** Ask AWS again: who we are, and what there is. */
  async refresh(): Promise<void> {
    await Promise.all([this.identity.refresh(), this.computes.refresh()]);
  }

  /** Start the sandbox, list its computes, choose one and attach the notebook in front, if there is one. */
  async trySandbox(): Promise<void> {
    const proposal = await this.sandbox.start();
    if (!proposal) {
      return;
    }
    this.roles.clear();
    await Promise.all([this.identity.refresh(), this.computes.refresh(true)]);
    this._chosen = `ec2/${proposal.compute}`; // it may be listed a moment later
    this.attaching.dismiss();
    this._changed.emit();
    if (this.target.path !== null) {
      const { path } = this.target;
      await this.attach({ ...proposal, transport: 'auto', path });
    }
  }

  /** Change the AWS profile and list anew. */
  async chooseProfile(profile: string | null): Promise<void> {
    await this.identity.choose(profile);
    this.roles.clear();
    await this.computes.refresh(true);
  }

  /**
   * Attach, remember the choice, and return the attachment; null when it failed or was cancelled. `again` is what "Try
   * again" does, where that is more than attaching.
   */
  async attach(
    what: NewAttachment,
    again: Again | null = null
  ): Promise<Attachment | null> {
    const made = await this.attaching.attach(what, again);
    this.attachments.invalidate(); // also one that was cancelled: it may have been kept before
    if (made) {
      const compute = this.computes.find(what.compute);
      const key = compute ? keyOf(compute) : made.compute;
      const facts = compute && factsOf(compute);
      await this.memory.attached(key, made.runtime_role, facts);
      this._attached.emit(made);
    }
    return made;
  }

  /** Detach what holds for the notebook or folder in front. */
  async detach(): Promise<void> {
    if (this.target.attachment) {
      await this.attachments.detach(this.target.attachment);
    }
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _onFile(_: Contents.IManager, change: Contents.IChangedArgs): void {
    const { oldValue, newValue, type } = change;
    if (type === 'rename' && oldValue?.path && newValue?.path) {
      this.attaching.move(
        this.contents.localPath(oldValue.path),
        this.contents.localPath(newValue.path)
      );
    }
  }

  /** Look at the attachments anew where another tab, or somebody in a terminal, has changed them. */
  private _onKernels(): void {
    const version = this.kernels.attachmentsVersion;
    if (version !== null && version !== this._attachmentsVersion) {
      const isFirst = this._attachmentsVersion === null;
      this._attachmentsVersion = version;
      if (!isFirst) {
        this.attachments.invalidate();
      }
    }
  }

  private _attachmentsVersion: string | null = null;
  private _attached = new Signal<this, Attachment>(this);
  private _changed = new Signal<this, void>(this);
  private _chosen: string | null = null;
  private _moves = new WeakMap<ISessionContext, IMove>();
  private _moving = new Signal<this, IMove>(this);
}
