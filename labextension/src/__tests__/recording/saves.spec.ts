import { Saves } from '../../recording/saves';

function saves(fails = false): [Saves, string[][]] {
  const told: string[][] = [];
  const tell = (runs: string[]): Promise<void> => {
    told.push(runs);
    return fails ? Promise.reject(new Error('no server')) : Promise.resolve();
  };
  return [new Saves(tell), told];
}

describe('saves', () => {
  it('settle the runs that had ended as they began', async () => {
    const [saves_, told] = saves();
    saves_.ended('a');
    saves_.onSave('started');
    saves_.ended('b');
    saves_.onSave('completed');
    expect(told).toEqual([['a']]);
    await Promise.resolve();
    saves_.onSave('started');
    saves_.onSave('completed');
    expect(told).toEqual([['a'], ['b']]);
  });

  it('settle nothing when they fail', () => {
    const [saves_, told] = saves();
    saves_.ended('a');
    saves_.onSave('started');
    saves_.onSave('failed');
    expect(told).toEqual([]);
  });

  it('are told again when the server was not reached', async () => {
    jest.spyOn(console, 'warn').mockImplementation();
    const [saves_, told] = saves(true);
    saves_.ended('a');
    for (let turn = 0; turn < 2; turn++) {
      saves_.onSave('started');
      saves_.onSave('completed');
      await new Promise(resolve => setTimeout(resolve));
    }
    expect(told).toEqual([['a'], ['a']]);
  });

  it('say nothing of another kernel', () => {
    const [saves_, told] = saves();
    saves_.ended('a');
    saves_.clear();
    saves_.onSave('started');
    saves_.onSave('completed');
    expect(told).toEqual([]);
  });
});
