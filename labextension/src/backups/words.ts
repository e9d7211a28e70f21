/**
 * What is said of backups.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { clock, secondsSince, span } from '../components/words';
import type { BackupState, IBackupItem } from './api';
import type { BackupStatusModel } from './status';

/** Return a state's name. */
export function stateName(
  state: BackupState,
  trans: TranslationBundle
): string {
  const names: Record<BackupState, string> = {
    'in S3': trans.__('in S3'),
    waiting: trans.__('waiting'),
    conflict: trans.__('conflict'),
    denied: trans.__('denied'),
    failed: trans.__('failed'),
    off: trans.__('off')
  };
  return names[state] ?? state; // a newer server's
}

/** Return what the status bar says of all backups; empty where nothing is known, as on a server without them. */
export function statusText(
  model: BackupStatusModel,
  trans: TranslationBundle
): string {
  const { status, problem } = model;
  if (!status) {
    return '';
  }
  if (problem) {
    return trans.__('EMR backup: not known');
  }
  const { state, waiting, since, message } = status;
  if (state !== 'waiting') {
    const name = stateName(state, trans);
    return waiting && state !== 'in S3'
      ? trans.__('EMR backup: %1, %2 waiting', name, waiting)
      : trans.__('EMR backup: %1', name);
  }
  return message && since
    ? trans.__('EMR backup: %1 waiting since %2', waiting, clock(since))
    : trans.__('EMR backup: %1 waiting', waiting);
}

/** Return what a notebook's toolbar says of its backup. */
export function itemText(
  item: IBackupItem | undefined,
  trans: TranslationBundle
): string {
  if (!item) {
    return trans.__('none yet');
  }
  const name = stateName(item.state, trans);
  if (item.state === 'in S3' && item.saved_at) {
    return trans.__('%1, %2 ago', name, span(secondsSince(item.saved_at)));
  }
  return item.state === 'waiting' && item.message && item.waiting_since
    ? trans.__('%1 since %2', name, clock(item.waiting_since))
    : name;
}

/** Return all that is known of a file's backup, for a tooltip. */
export function itemDetails(
  item: IBackupItem | undefined,
  trans: TranslationBundle
): string {
  if (!item) {
    return trans.__('It is backed up when it is saved next.');
  }
  const lines = [
    item.message,
    item.fix,
    item.saved_at &&
      trans.__('Uploaded %1', new Date(item.saved_at).toLocaleString()),
    item.key && trans.__('Key: %1', item.key),
    item.version_id && trans.__('Version: %1', item.version_id)
  ];
  return lines.filter(Boolean).join('\n');
}
