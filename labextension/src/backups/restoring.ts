/**
 * Old states in the notebook that is open.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { EMRError } from '../request';
import { pairsOf, sourceOf } from './cells';

/** Return the cells of a notebook as they are now, saved or not. */
export function cellsOf(panel: NotebookPanel): nbformat.ICell[] {
  return (
    panel.content.model?.sharedModel.cells.map(cell => cell.toJSON()) ?? []
  );
}

/** Save what the user has written since; raises where it cannot be, so that nothing is brought back over it. */
export async function savePresent(panel: NotebookPanel): Promise<void> {
  if (!panel.context.model.dirty) {
    return;
  }
  await panel.context.save();
  if (panel.context.model.dirty) {
    throw new EMRError({
      message: 'The notebook has changes that could not be saved.',
      fix: 'Save it, then try again.',
      code: 'not-saved'
    });
  }
}

/**
 * Put a cell of an old state in the place of the present one, or where it stood if it was deleted since; the
 * notebook's undo takes it back.
 */
export function putCell(
  panel: NotebookPanel,
  cell: nbformat.ICell,
  then: readonly nbformat.ICell[]
): void {
  const shared = panel.content.model?.sharedModel;
  if (!shared) {
    return;
  }
  const now = cellsOf(panel);
  const pairs = pairsOf(then, now);
  const present = pairs.get(cell);
  const before = then.slice(0, then.indexOf(cell)).reverse();
  const neighbour = before.map(one => pairs.get(one)).find(Boolean);
  const index = now.indexOf((present ?? neighbour)!) + (present ? 0 : 1);
  const { id, ...rest } = cell;
  const put = {
    ...rest,
    id: present?.id ?? id,
    source: sourceOf(cell)
  } as Parameters<typeof shared.insertCell>[1];
  shared.transact(() => {
    if (present) {
      shared.deleteCell(index);
    }
    shared.insertCell(index, put);
  });
  panel.content.activeCellIndex = index;
}
