import { cellOf } from '../../recording/cells';

const one = { id: 'a', source: 'print(1)\n' };
const twin = { id: 'b', source: 'print(1)' };
const other = { id: 'c', source: 'print(2)' };

function find(
  cell_id: string | null,
  cells: { id: string; source: string }[],
  hasIds = true
): string | undefined {
  return cellOf({ cell_id, code: 'print(1)' }, cells, hasIds)?.id;
}

describe('the cell of a run', () => {
  it('is the one with its id, also among twins', () => {
    expect(find('b', [one, twin, other])).toBe('b');
  });

  it('is not the twin of a cell that was deleted', () => {
    expect(find('deleted', [twin, other])).toBeUndefined();
  });

  it('is told by its source where files keep no ids', () => {
    expect(find('of another opening', [other, twin], false)).toBe('b');
  });

  it('is unknown among twins where files keep no ids', () => {
    expect(find('of another opening', [one, twin], false)).toBeUndefined();
  });

  it('is told by its source where the run names no cell', () => {
    expect(find(null, [other, one])).toBe('a');
  });
});
