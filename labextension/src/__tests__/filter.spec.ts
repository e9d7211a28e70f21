import { choicesOf, NO_FILTER, rowsOf } from '../models/filter';
import { compute } from './fakes';

const ROWS = [
  compute({ id: 'a', name: 'cluster 10', tags: { team: 'Örtlich', x: '' } }),
  compute({ id: 'b', name: 'cluster 9', kind: 'eks', region: 'eu-west-1' }),
  compute({ id: 'c', name: '<img onerror=alert(1)>', state: 'RUNNING' }),
  compute({ id: 'd', name: 'Zoo', account: '999999999999', release: null }),
  compute({ id: 'e', name: 'gone', attachable: false, reason: 'It ended.' })
];

function ids(change: object, first: string[] = []): string[] {
  const { attachable } = rowsOf(ROWS, { ...NO_FILTER, ...change }, first);
  return attachable.map(row => row.id);
}

describe('the filter', () => {
  it('passes all, by name with numbers as numbers, those that cannot be attached apart', () => {
    const rows = rowsOf(ROWS, NO_FILTER, []);
    expect(rows.attachable.map(row => row.id)).toEqual(['c', 'b', 'a', 'd']);
    expect(rows.others.map(row => row.id)).toEqual(['e']);
    expect(rowsOf([], NO_FILTER, [])).toEqual({ attachable: [], others: [] });
  });

  it('puts pinned and recent ones first', () => {
    const first = ['ec2/d', 'ec2/gone-long-ago', 'eks/b', 'ec2/b'];
    expect(ids({}, first)).toEqual(['d', 'b', 'c', 'a']);
  });

  it.each([
    [{ text: 'cluster' }, ['b', 'a']],
    [{ text: 'CLUSTER  eu-west ' }, ['b']],
    [{ text: 'eu-west cluster' }, ['b']],
    [
      { text: 'arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/A' },
      ['a']
    ],
    [{ text: 'örtlich' }, ['a']],
    [{ text: 'team' }, ['a']],
    [{ text: '<img' }, ['c']],
    [{ text: '.*' }, []],
    [{ text: '999999999999' }, ['d']],
    [{ text: 'emr-7.2' }, ['c', 'b', 'a']],
    [{ kind: 'eks' }, ['b']],
    [{ region: 'eu-west-1' }, ['b']],
    [{ state: 'RUNNING' }, ['c']],
    [{ account: '999999999999' }, ['d']],
    [{ kind: 'eks', state: 'RUNNING' }, []]
  ])('passes what fits %j', (change, expected) => {
    expect(ids(change)).toEqual(expected);
  });

  it('takes rows of a newer or older server', () => {
    const odd = compute({ id: 'x', name: 'odd' });
    const bare: Record<string, unknown> = { ...odd };
    delete bare.tags;
    delete bare.applications;
    bare.kind = 'quantum';
    const rows = [bare as unknown as typeof odd];
    expect(
      rowsOf(rows, { ...NO_FILTER, text: 'odd' }, []).attachable
    ).toHaveLength(1);
  });

  it('offers what differs and nothing else', () => {
    expect(choicesOf(ROWS, 'kind')).toEqual(['ec2', 'eks']);
    expect(choicesOf(ROWS, 'region')).toEqual(['eu-west-1', 'us-east-1']);
    expect(choicesOf(ROWS.slice(0, 1), 'region')).toEqual([]);
    expect(choicesOf([], 'state')).toEqual([]);
  });

  it('looks through 5,000 rows in no time a user would feel', () => {
    const rows = Array.from({ length: 5000 }, (_, index) =>
      compute({ id: `j-${index}`, name: `cluster ${index}` })
    );
    rowsOf(rows, NO_FILTER, []);
    const began = performance.now();
    const found = rowsOf(rows, { ...NO_FILTER, text: '4999' }, []);
    expect(performance.now() - began).toBeLessThan(500);
    expect(found.attachable).toHaveLength(1);
  });
});
