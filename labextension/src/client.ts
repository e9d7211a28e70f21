/**
 * The routes of the REST API, one method each.
 */
import type { ServerConnection } from '@jupyterlab/services';

import { request } from './request';
import type {
  Attachment,
  ComputeDetails,
  ComputeList,
  EMRKernel,
  EMRKernelList,
  Identity,
  NewAttachment,
  PartialError,
  RuntimeRoleList,
  SandboxStatus
} from './tokens';

/** A list as the server gives it. */
export interface IList<T> {
  items: T[];
  errors: PartialError[];
  as_of: string;
}

/** Asks the server extension; every method raises `EMRError`. */
export class EMRClient {
  constructor(private _settings: ServerConnection.ISettings) {}

  /** Return the live list; with `since` the answer waits for a newer version, `wait` seconds at most. */
  listComputes(
    query: { since?: string; wait?: string; refresh?: string },
    signal?: AbortSignal
  ): Promise<ComputeList> {
    const given = Object.entries(query).filter(
      ([, value]) => value !== undefined
    );
    return request(this._settings, 'compute', {
      query: Object.fromEntries(given),
      signal
    });
  }

  /** Return one compute with its details. */
  getCompute(kind: string, id: string): Promise<ComputeDetails> {
    return request(this._settings, `compute/${kind}/${encodeURIComponent(id)}`);
  }

  /** Return who the server is to AWS. */
  getIdentity(): Promise<Identity> {
    return request(this._settings, 'identity');
  }

  /** Change the AWS profile; null gives the choice back to the AWS chain. */
  putIdentity(profile: string | null): Promise<Identity> {
    return request(this._settings, 'identity', {
      method: 'PUT',
      body: { profile }
    });
  }

  /** Return whether the sandbox can be started, and how far that is. */
  getSandbox(): Promise<SandboxStatus> {
    return request(this._settings, 'sandbox');
  }

  /** Begin to start the sandbox. */
  startSandbox(): Promise<SandboxStatus> {
    return request(this._settings, 'sandbox', { method: 'POST' });
  }

  /** Break that off. */
  cancelSandbox(): Promise<SandboxStatus> {
    return request(this._settings, 'sandbox', { method: 'DELETE' });
  }

  /** Return the runtime roles to offer on a compute. */
  listRoles(compute: string, refresh = false): Promise<RuntimeRoleList> {
    const query: Record<string, string> = { compute };
    if (refresh) {
      query.refresh = 'true';
    }
    return request(this._settings, 'runtime-roles', { query });
  }

  /** Return all attachments of this server. */
  async listAttachments(): Promise<Attachment[]> {
    const list = await request<IList<Attachment>>(
      this._settings,
      'attachments'
    );
    return list.items;
  }

  /** Return the attachments that hold for a path, the nearest first. */
  async attachmentsOf(path: string): Promise<Attachment[]> {
    const list = await request<IList<Attachment>>(
      this._settings,
      'attachments',
      { query: { path } }
    );
    return list.items;
  }

  /** Prove an attachment and keep it; aborting `signal` ends the server's work too. */
  attach(what: NewAttachment, signal?: AbortSignal): Promise<Attachment> {
    return request(this._settings, 'attachments', {
      method: 'POST',
      body: what,
      signal
    });
  }

  /** End an attachment. */
  detach(id: string): Promise<void> {
    return request(this._settings, `attachments/${encodeURIComponent(id)}`, {
      method: 'DELETE'
    });
  }

  /** Return the ledger of kernels; `check` asks the gateways for each one's state. */
  listKernels(check: boolean, signal?: AbortSignal): Promise<EMRKernelList> {
    return request(this._settings, 'kernels', {
      query: { check: String(check), notebooks: 'true' },
      signal
    });
  }

  /** Delete a kernel on its compute, or cancel a start by the kernel's id in Jupyter. */
  deleteKernel(id: string): Promise<void> {
    return request(this._settings, `kernels/${encodeURIComponent(id)}`, {
      method: 'DELETE'
    });
  }

  /** Let a notebook go on with a kernel when its kernel starts next. */
  adoptKernel(id: string, path: string | null): Promise<EMRKernel> {
    return request(this._settings, `kernels/${encodeURIComponent(id)}/adopt`, {
      method: 'POST',
      body: path === null ? {} : { path }
    });
  }
}
