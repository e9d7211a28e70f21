/**
 * How a list of computes is divided under headings.
 */
import type { Compute } from '../tokens';
import { keyOf } from './computes';
import { COLLATOR } from './filter';
import type { Field, IRows } from './filter';

/** A part of the list under one heading. */
export interface IGroup {
  /** `all` has no heading; `first` are pinned and recent ones, `others` those that cannot be attached to. */
  kind: 'all' | 'first' | 'value' | 'others';
  /** The field that a `value` is of; null for every other kind. */
  field: Field | null;
  /** Empty where the computes have none, and for every other kind. */
  value: string;
  rows: readonly Compute[];
}

const NO_VALUE = { field: null, value: '' };

/**
 * Return the rows of a list in their order, divided by a field, null for one group of all. Pinned and recent ones
 * (`first`, by key) stay on top, `others` are the last group; a group without rows is left out.
 */
export function groupsOf(
  rows: IRows,
  by: Field | null,
  first: readonly string[]
): IGroup[] {
  if (by === null) {
    const all = [...rows.attachable, ...rows.others];
    return [{ kind: 'all', ...NO_VALUE, rows: all }];
  }
  const isFirst = new Set(first);
  const top = rows.attachable.filter(row => isFirst.has(keyOf(row)));
  const values = new Map<string, Compute[]>();
  for (const row of rows.attachable) {
    if (!isFirst.has(keyOf(row))) {
      const value = row[by] ?? '';
      const group = values.get(value);
      if (group) {
        group.push(row);
      } else {
        values.set(value, [row]);
      }
    }
  }
  const groups = [...values].map(([value, rows]): IGroup => ({
    kind: 'value',
    field: by,
    value,
    rows
  }));
  groups.sort((one, other) => COLLATOR.compare(one.value, other.value));
  const all: IGroup[] = [
    { kind: 'first', ...NO_VALUE, rows: top },
    ...groups,
    { kind: 'others', ...NO_VALUE, rows: rows.others }
  ];
  return all.filter(group => group.rows.length > 0);
}
