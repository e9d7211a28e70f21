/**
 * The REST API of backups.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { ServerConnection } from '@jupyterlab/services';

import type { components, operations } from '../openapi';
import { request } from '../request';

/** What is known of all backups, the worst of them first; the items are of one file or folder, or of all. */
export type IBackupStatus = components['schemas']['BackupStatus'];

/** What is known of one file's backup. */
export type IBackupItem = IBackupStatus['items'][number];

/** How far a backup is. */
export type BackupState = IBackupStatus['state'];

/** The states of a file that can be brought back, the latest first. */
export type IVersionList = components['schemas']['BackupVersions'];

/** An old state of a file, or the present one. */
export type IVersion = IVersionList['items'][number];

type Conflict = components['schemas']['BackupConflict'];

/** A cell as two sides have it, and as it was before both; null where a side has none. */
export type ICellConflict = {
  [Part in keyof Conflict['diff'][number]]: Part extends 'cell_id'
    ? string
    : nbformat.ICell | null;
};

/** A file that was changed here and in S3. */
export type IConflict = Omit<Conflict, 'merged' | 'diff'> & {
  merged: nbformat.INotebookContent | null;
  diff: ICellConflict[];
};

/** How a conflict ends. */
export type Choice = 'mine' | 'theirs' | 'merge' | 'both';

/** What was done, and under which name what was here is kept. */
export type IRestored =
  operations['restoreBackup']['responses']['200']['content']['application/json'];

/** Asks the server extension; every method raises `EMRError`. */
export class BackupsClient {
  constructor(private _settings: ServerConnection.ISettings) {}

  /** Return the state of all backups, with the items of a file or folder, or of all. */
  status(path?: string): Promise<IBackupStatus> {
    return this._get('backups/status', path ? { path } : {});
  }

  /** Return the versions of a file. */
  versions(path: string): Promise<IVersionList> {
    return this._get('backups', { path });
  }

  /** Return a notebook as it was. */
  async content(
    path: string,
    version_id: string
  ): Promise<nbformat.INotebookContent> {
    const { content } = await this._get<{
      content: nbformat.INotebookContent;
    }>('backups/content', { path, version_id });
    return content;
  }

  /** Return what differs where a file was changed here and in S3. */
  conflict(path: string): Promise<IConflict> {
    return this._get('backups/conflict', { path });
  }

  /** Upload what waits, of a file or of all; answers before it is done. */
  now(path?: string): Promise<void> {
    return this._post('backups/now', path ? { path } : {});
  }

  /** Bring a version back in place of what is there, which is kept. */
  restore(path: string, version_id: string): Promise<IRestored> {
    return this._post('backups/restore', { path, version_id });
  }

  /** End a conflict. */
  resolve(path: string, choice: Choice): Promise<IRestored> {
    return this._post('backups/resolve', { path, choice });
  }

  private _get<T>(route: string, query: Record<string, string>): Promise<T> {
    return request(this._settings, route, { query });
  }

  private _post<T>(route: string, body: unknown): Promise<T> {
    return request(this._settings, route, { method: 'POST', body });
  }
}
