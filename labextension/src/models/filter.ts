/**
 * Which computes a list shows, and in which order.
 */
import type { Compute } from '../tokens';
import { keyOf } from './computes';

/** What computes differ in, so that a list of them can be narrowed and divided. */
export const FIELDS = ['kind', 'state', 'region', 'account'] as const;

/** One of these. */
export type Field = (typeof FIELDS)[number];

/** What the user has chosen to see. */
export interface IFilter {
  /** Words that all must occur in name, id, release, account, applications or tags. */
  text: string;
  kind: string;
  state: string;
  region: string;
  account: string;
}

/** Everything. */
export const NO_FILTER: IFilter = {
  text: '',
  kind: '',
  state: '',
  region: '',
  account: ''
};

/** The rows of a list: those that can be attached to, and the others. */
export interface IRows {
  attachable: Compute[];
  others: Compute[];
}

const haystacks = new WeakMap<Compute, string>();

/**
 * Return the computes that pass the filter. Those in `first` (keys: pinned, then recent ones) come first in that order,
 * then by name.
 */
export function rowsOf(
  computes: readonly Compute[],
  filter: IFilter,
  first: readonly string[]
): IRows {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = new Map(first.map((key, index) => [key, index]));
  const passing = computes.filter(
    row =>
      (!filter.kind || row.kind === filter.kind) &&
      (!filter.state || row.state === filter.state) &&
      (!filter.region || row.region === filter.region) &&
      (!filter.account || row.account === filter.account) &&
      words.every(word => isIn(row, word))
  );
  const place = (row: Compute): number =>
    rank.get(keyOf(row)) ?? Number.MAX_SAFE_INTEGER;
  passing.sort(
    (one, other) =>
      place(one) - place(other) || COLLATOR.compare(one.name, other.name)
  );
  return {
    attachable: passing.filter(row => row.attachable),
    others: passing.filter(row => !row.attachable)
  };
}

/**
 * Return the different values of a field and the one that is `chosen` (empty for none), for a choice; empty where there
 * is nothing to choose.
 */
export function choicesOf(
  computes: readonly Compute[],
  field: Field,
  chosen = ''
): string[] {
  const all = [chosen, ...computes.map(row => row[field])];
  const values = new Set(all.filter(Boolean));
  return values.size > 1 || chosen ? [...values].sort() : [];
}

/** Compares names, with numbers in them as numbers. */
export const COLLATOR = new Intl.Collator(undefined, { numeric: true });

/** Whether a row has a word; of ARNs, which have many words in common, the beginning alone counts. */
function isIn(row: Compute, word: string): boolean {
  return word.startsWith('arn:')
    ? row.arn.toLowerCase().startsWith(word)
    : haystackOf(row).includes(word);
}

function haystackOf(row: Compute): string {
  let text = haystacks.get(row);
  if (text === undefined) {
    const tags = Object.entries(row.tags ?? {}).flat();
    const words = [
      row.name,
      row.id,
      row.release ?? '',
      row.account,
      row.region,
      ...(row.applications ?? []),
      ...tags
    ];
    text = words.join('\n').toLowerCase();
    haystacks.set(row, text);
  }
  return text;
}
