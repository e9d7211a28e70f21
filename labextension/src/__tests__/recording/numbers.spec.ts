import { isEarlier } from '../../recording/file';
import { isKnown, split } from '../../recording/numbers';

describe('numbers of messages', () => {
  it('are what stands behind the last underscore of an id', () => {
    expect(split('a-b_12_7')).toEqual(['a-b_12', 7]);
    expect(split('plain')).toEqual(['plain', 0]);
    expect(split('x_')).toEqual(['x_', 0]);
  });

  it('tell what the recording has', () => {
    const last = { k_1: 5 };
    expect(isKnown('k_1_5', last)).toBe(true);
    expect(isKnown('k_1_6', last)).toBe(false);
    expect(isKnown('k_2_1', last)).toBe(false);
    expect(isKnown('plain', { plain: 9 })).toBe(false);
  });
});

describe('versions of a file', () => {
  const versions = ['2026-01-01T10:00:00Z', '2026-01-01T10:00:05.250000Z'];

  it('are followed only by what the recorder wrote', () => {
    expect(isEarlier('2026-01-01T10:00:00.000Z', versions)).toBe(true);
    expect(isEarlier('2026-01-01T10:00:05.250Z', versions)).toBe(false);
    expect(isEarlier('2026-01-01T09:59:59Z', versions)).toBe(false);
    expect(isEarlier('2026-01-01T10:00:00Z', [])).toBe(false);
  });
});
