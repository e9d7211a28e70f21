/**
 * What other extensions may use: the token, the ids of commands, and the words of the REST API.
 */
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { components } from './openapi';

type Schemas = components['schemas'];

/** Something a kernel can attach to. */
export type Compute = Schemas['Compute'];

/** A compute with what its detail view shows. */
export type ComputeDetails = Schemas['ComputeDetails'];

/** One answer of the live list. */
export type ComputeList = Schemas['ComputeList'];

/** Why one service, region or account could not be listed. */
export type PartialError = Schemas['PartialError'];

/** Who the server is to AWS. */
export type Identity = Schemas['Identity'];

/** An IAM role that Spark may run as. */
export type RuntimeRole = Schemas['RuntimeRole'];

/** Runtime roles and what could not be found out. */
export type RuntimeRoleList = Schemas['RuntimeRoleList'];

/** Compute, runtime role and transport, bound to a notebook or folder. */
export type Attachment = Schemas['Attachment'];

/** A kernel on a compute that was started from here. */
export type EMRKernel = Schemas['Kernel'];

/** A start or restart of a kernel that is under way. */
export type KernelStart = Schemas['KernelStart'];

/** The ledger of kernels, and those that start. */
export type EMRKernelList = Schemas['KernelList'];

/** Whether the sandbox can be started, and how far that is. */
export type SandboxStatus = Schemas['Sandbox'];

/** What to attach: `path` is relative to the server's folder. */
export type NewAttachment = Schemas['NewAttachment'];

/** The ids of the commands; the contract with other extensions. */
export const CommandIDs = {
  openPanel: 'emr:open-panel',
  refresh: 'emr:refresh',
  attach: 'emr:attach',
  detach: 'emr:detach',
  restartHere: 'emr:restart-here',
  cancelStart: 'emr:cancel-start',
  showKernels: 'emr:show-kernels',
  newNotebook: 'emr:new-notebook'
} as const;

/** The ids of the commands of backups; each takes `{path}`, left out it is all files or the notebook in front. */
export const BackupCommandIDs = {
  backupNow: 'emr:backup-now',
  showVersions: 'emr:show-versions',
  backupResolve: 'emr:backup-resolve'
} as const;

/** What is known of computes and attachments, for other extensions. */
export interface IEMRConnect {
  /** The computes known now, attachable or not; empty before the first answer. */
  readonly computes: readonly Compute[];

  /** Emitted when computes or attachments have changed. */
  readonly changed: ISignal<IEMRConnect, void>;

  /** Return the attachment that holds for a notebook or folder: its own or that of the nearest folder; null without one. */
  attachmentOf(path: string): Promise<Attachment | null>;
}

/** The token of {@link IEMRConnect}. */
export const IEMRConnect = new Token<IEMRConnect>(
  'jupyter_emr_connect:IEMRConnect',
  'The list of EMR computes, the attachment of a path, and a signal of their changes.'
);
