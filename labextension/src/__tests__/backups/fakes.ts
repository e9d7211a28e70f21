/**
 * Backups as the server tells of them.
 */
import type {
  IBackupItem,
  IBackupStatus,
  IConflict,
  IVersion
} from '../../backups/api';

export const PATH = 'work/report.ipynb';

/** Return the state of one notebook. */
export function item(change: Partial<IBackupItem> = {}): IBackupItem {
  return {
    path: PATH,
    state: 'in S3',
    key: `ann/${PATH}`,
    version_id: 'v2',
    saved_at: new Date(Date.now() - 3 * 3_600_000).toISOString(),
    waiting_since: null,
    message: '',
    fix: '',
    ...change
  };
}

/** Return the state of all. */
export function statusOf(
  change: Partial<IBackupStatus> = {},
  ...items: IBackupItem[]
): IBackupStatus {
  return {
    location: 's3://bucket/ann',
    state: 'in S3',
    waiting: 0,
    since: null,
    message: '',
    fix: '',
    items,
    ...change
  };
}

/** The state on a server where nothing is set. */
export const OFF = statusOf({
  location: null,
  state: 'off',
  message: 'Backups are off: no location is set.',
  fix: 'Set EMRConnect.backup_location.'
});

/** Return a version. */
export function version(change: Partial<IVersion> = {}): IVersion {
  return {
    version_id: 'v1',
    saved_at: '2026-11-30T06:00:00Z',
    size: 4096,
    latest: false,
    deleted: false,
    compute: 'analytics',
    runtime_role: 'arn:aws:iam::123456789012:role/EMRAnalyst',
    host: null,
    ...change
  };
}

/** Return a code cell. */
export function cell(id: string, source: string): Record<string, unknown> {
  const metadata = {};
  return { id, cell_type: 'code', source, metadata, outputs: [] };
}

/** Return a notebook of cells. */
export function notebook(...cells: unknown[]): Record<string, unknown> {
  return { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 };
}

/** Return a conflict about one cell. */
export function conflict(change: Partial<IConflict> = {}): IConflict {
  return {
    path: PATH,
    mine: { saved_at: '2026-11-30T06:00:00Z', size: 900 },
    theirs: {
      saved_at: '2026-11-30T06:01:00Z',
      size: 1_234_567,
      host: 'laptop',
      version_id: 'v3'
    },
    mergeable: false,
    merged: null,
    diff: [
      {
        cell_id: 'a',
        mine: cell('a', 'my line') as never,
        theirs: cell('a', 'their line') as never,
        base: cell('a', 'line') as never
      }
    ],
    ...change
  };
}
