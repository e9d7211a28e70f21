import { NO_FILTER, rowsOf } from '../models/filter';
import type { Field } from '../models/filter';
import { groupsOf } from '../models/groups';
import { Memory } from '../models/memory';
import { compute, storeOf } from './fakes';

const ROWS = [
  compute({ id: 'a', name: 'a', state: 'WAITING', account: '2' }),
  compute({ id: 'b', name: 'b', state: 'RUNNING', account: '10' }),
  compute({ id: 'c', name: 'c', state: 'RUNNING', account: '' }),
  compute({ id: 'd', name: 'd', state: 'TERMINATED', attachable: false })
];

function divided(by: Field | null, first: string[] = []): string[] {
  const groups = groupsOf(rowsOf(ROWS, NO_FILTER, first), by, first);
  return groups.map(({ kind, value, rows }) =>
    [kind, value, rows.map(row => row.id).join('')].join(' ')
  );
}

describe('groups of computes', () => {
  it('are one where nothing divides them', () => {
    expect(divided(null)).toEqual(['all  abcd']);
    expect(groupsOf({ attachable: [], others: [] }, null, [])).toHaveLength(1);
  });

  it.each<[Field, string[]]>([
    ['state', ['value RUNNING bc', 'value WAITING a', 'others  d']],
    ['account', ['value  c', 'value 2 a', 'value 10 b', 'others  d']],
    ['kind', ['value ec2 abc', 'others  d']]
  ])('divide by %s', (by, expected) => {
    expect(divided(by)).toEqual(expected);
  });

  it('leave pinned and recent ones on top', () => {
    expect(divided('state', ['ec2/c', 'ec2/a', 'ec2/d'])).toEqual([
      'first  ca',
      'value RUNNING b',
      'others  d'
    ]);
  });

  it('are none without rows', () => {
    expect(groupsOf({ attachable: [], others: [] }, 'kind', [])).toEqual([]);
  });

  it('are remembered, and nothing else is taken for it', async () => {
    const store = storeOf(undefined);
    const memory = new Memory(store);
    await memory.load();
    expect(memory.groupBy).toBeNull();
    await memory.setGroupBy('region');
    const again = new Memory(store);
    await again.load();
    expect(again.groupBy).toBe('region');
    store.kept = { groupBy: '__proto__' };
    await again.load();
    expect(again.groupBy).toBeNull();
  });
});
