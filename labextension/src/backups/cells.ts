/**
 * What differs between two states of a notebook, cell by cell.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import { diffArrays, diffLines } from 'diff';

/** Milliseconds after which two sources are shown whole. */
const DIFF_WITHIN_MS = 200;

/** A cell that is not the same in both states; null where one has none. */
export interface ICellDiff {
  then: nbformat.ICell | null;
  now: nbformat.ICell | null;
}

/** A part of a source: of both, or of one alone. */
export interface ILines {
  /** `-` now alone, `+` then alone: what bringing the old state back takes away and brings. */
  sign: ' ' | '-' | '+';
  text: string;
}

/** Return a cell's source as one text. */
export function sourceOf(cell: nbformat.ICell | null): string {
  const source = cell?.source ?? '';
  return Array.isArray(source) ? source.join('') : source;
}

/** Return what differs, in the order of the old state; what the present one alone has comes last. */
export function cellDiffs(
  then: readonly nbformat.ICell[],
  now: readonly nbformat.ICell[]
): ICellDiff[] {
  const pairs = pairsOf(then, now);
  const paired = new Set(pairs.values());
  const changed = then
    .map(cell => ({ then: cell, now: pairs.get(cell) ?? null }))
    .filter(pair => !pair.now || !isSame(pair.then, pair.now));
  const added = now
    .filter(cell => !paired.has(cell))
    .map(cell => ({ then: null, now: cell }));
  return [...changed, ...added];
}

/** Return which cell of now each cell of then is: by id, else by its source, else by its place between others. */
export function pairsOf(
  then: readonly nbformat.ICell[],
  now: readonly nbformat.ICell[]
): Map<nbformat.ICell, nbformat.ICell> {
  const pairs = new Map<nbformat.ICell, nbformat.ICell>();
  const byId = new Map(now.map(cell => [cell.id, cell]));
  for (const cell of then) {
    const other = cell.id === undefined ? undefined : byId.get(cell.id);
    if (other) {
      pairs.set(cell, other);
    }
  }
  const taken = new Set(pairs.values());
  const parts = diffArrays(
    then.filter(cell => !pairs.has(cell)),
    now.filter(cell => !taken.has(cell)),
    { comparator: hasSameSource }
  );
  // diffArrays gives the right side's elements of equal parts; the left side's are counted.
  const left = then.filter(cell => !pairs.has(cell));
  let place = 0;
  let removed: nbformat.ICell[] = [];
  for (const { added, removed: isRemoved, value } of parts) {
    if (isRemoved) {
      removed = left.slice(place, place + value.length);
      place += value.length;
    } else if (added) {
      pairInOrder(pairs, removed, value);
      removed = [];
    } else {
      pairInOrder(pairs, left.slice(place, place + value.length), value);
      place += value.length;
      removed = [];
    }
  }
  return pairs;
}

/** Pair cells without ids (nbformat before 4.5) by order, and those with the same source. */
function pairInOrder(
  pairs: Map<nbformat.ICell, nbformat.ICell>,
  then: readonly nbformat.ICell[],
  now: readonly nbformat.ICell[]
): void {
  then.forEach((cell, index) => {
    const other = now[index];
    if (
      other?.cell_type === cell.cell_type &&
      (cell.id === undefined || hasSameSource(cell, other))
    ) {
      pairs.set(cell, other);
    }
  });
}

function hasSameSource(one: nbformat.ICell, other: nbformat.ICell): boolean {
  return one.cell_type === other.cell_type && sourceOf(one) === sourceOf(other);
}

function isSame(one: nbformat.ICell, other: nbformat.ICell): boolean {
  return hasSameSource(one, other) && outputsOf(one) === outputsOf(other);
}

function outputsOf(cell: nbformat.ICell): string {
  const outputs = (cell.outputs ?? []) as nbformat.IOutput[];
  return JSON.stringify(outputs, (key, value: unknown) => {
    if (key === 'execution_count') {
      return undefined;
    }
    const isText = Array.isArray(value) && key !== 'traceback' && key !== '';
    return isText ? value.join('') : value;
  });
}

/** Return the lines of two sources with what each has alone. */
export function linesOf(now: string, then: string): ILines[] {
  const parts = diffLines(now, then, { timeout: DIFF_WITHIN_MS });
  if (!parts) {
    return [
      { sign: '-', text: now },
      { sign: '+', text: then }
    ];
  }
  return parts.map(({ added, removed, value }) => ({
    sign: added ? '+' : removed ? '-' : ' ',
    text: value
  }));
}
