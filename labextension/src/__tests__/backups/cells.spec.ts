import type * as nbformat from '@jupyterlab/nbformat';

import { cellDiffs, linesOf, pairsOf } from '../../backups/cells';

function cell(
  source: string | string[],
  id?: string,
  text?: string | string[]
): nbformat.ICell {
  const outputs =
    text === undefined ? [] : [{ output_type: 'stream', name: 'stdout', text }];
  const given = { cell_type: 'code', source, outputs, metadata: {} };
  return id === undefined ? given : { ...given, id };
}

function diff(then: nbformat.ICell[], now: nbformat.ICell[]): unknown[] {
  return cellDiffs(then, now).map(one => [one.then?.source, one.now?.source]);
}

describe('what differs between two notebooks', () => {
  it('is found by the cells’ ids, wherever they stand', () => {
    const then = [cell('a', '1'), cell('b', '2'), cell('c', '3')];
    const now = [cell('c', '3'), cell('B', '2'), cell('new', '4')];
    expect(diff(then, now)).toEqual([
      ['a', undefined],
      ['b', 'B'],
      [undefined, 'new']
    ]);
  });

  it('is found by sources and order where cells have no ids', () => {
    const then = [cell('a'), cell('b'), cell('c')];
    const now = [cell('a', 'x'), cell('B', 'y'), cell('c', 'z')];
    expect(diff(then, now)).toEqual([['b', 'B']]);
    expect(diff([cell('a'), cell('c')], now)).toEqual([[undefined, 'B']]);
    expect(pairsOf(then, now).get(then[2])).toBe(now[2]);
  });

  it('are outputs too, but not how they are written or counted', () => {
    const then = cell(['a\n', 'b'], '1', ['x\n', 'y\n']);
    expect(diff([then], [cell('a\nb', '1', 'x\ny\n')])).toEqual([]);
    expect(diff([then], [cell('a\nb', '1', 'z')])).toHaveLength(1);
  });

  it('is told line by line: what bringing back takes away and brings', () => {
    expect(linesOf('a\nnow\n', 'a\nthen\n')).toEqual([
      { sign: ' ', text: 'a\n' },
      { sign: '-', text: 'now\n' },
      { sign: '+', text: 'then\n' }
    ]);
  });
});
