/**
 * Which cell of an open notebook shows a run.
 */
import type { IRun } from './api';

/** What is looked at of a cell. */
export interface ICell {
  id: string;
  source: string;
}

/**
 * Return the cell that was run, or undefined when the notebook has it no more.
 *
 * A cell is told by its id. Where files keep no ids (`hasIds` is false: nbformat 4.4 and before) each opening of the
 * notebook makes new ones; there, and for runs that name no cell, a cell is told by its source, if only one has it:
 * of twins nobody knows which was run.
 */
export function cellOf<T extends ICell>(
  run: Pick<IRun, 'cell_id' | 'code'>,
  cells: readonly T[],
  hasIds: boolean
): T | undefined {
  const same = cells.find(cell => cell.id === run.cell_id);
  if (same || (run.cell_id !== null && hasIds)) {
    return same;
  }
  const code = run.code.trim();
  const twins = cells.filter(cell => cell.source.trim() === code);
  return twins.length === 1 ? twins[0] : undefined;
}
