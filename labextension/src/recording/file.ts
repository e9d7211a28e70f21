/**
 * The notebook's file, which the server has written while this tab was away.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';

/** What a document's context of JupyterLab has beyond its interface. */
interface IContext {
  _manager?: { contents: Contents.IManager };
  _updateContentsModel?: (model: Contents.IModel) => void;
}

/**
 * Let a document know the file's present state, so that saving does not ask what to do with "the file on disk that has
 * changed": what the recorder wrote was taken over. Changes made by anybody else are left to JupyterLab's dialog.
 */
export async function acknowledge(
  context: DocumentRegistry.Context,
  versions: string[]
): Promise<void> {
  const known = context.contentsModel?.last_modified;
  if (!known || !isEarlier(known, versions)) {
    return;
  }
  // JupyterLab (4.6) has no public way; without this one, its dialog appears.
  const inner = context as unknown as IContext;
  if (!inner._manager || !inner._updateContentsModel) {
    return;
  }
  const options = { content: false, hash: true };
  const model = await inner._manager.contents.get(context.path, options);
  if (isSame(model.last_modified, versions[versions.length - 1])) {
    inner._updateContentsModel(model);
  }
}

/** Whether a version is one of those before the last. */
export function isEarlier(known: string, versions: string[]): boolean {
  return versions.slice(0, -1).some(version => isSame(version, known));
}

function isSame(one: string, other: string): boolean {
  return new Date(one).getTime() === new Date(other).getTime();
}
