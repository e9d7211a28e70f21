import type { ICodeCellModel } from '@jupyterlab/cells';
import type { IOutput } from '@jupyterlab/nbformat';

import { WIDGET_VIEW, removeViews } from '../../recording/widgets';

/** What is looked at of a cell's model. */
function cellWith(shown: IOutput[]): ICodeCellModel {
  const outputs = {
    length: shown.length,
    get: (at: number): unknown => ({
      type: shown[at].output_type,
      data: shown[at].data ?? {}
    }),
    toJSON: (): IOutput[] => [...shown],
    fromJSON: (values: IOutput[]): void => {
      shown.splice(0, shown.length, ...values);
    }
  };
  return { outputs } as unknown as ICodeCellModel;
}

const view = (model: string): IOutput => ({
  output_type: 'display_data',
  metadata: {},
  data: {
    'text/plain': 'FloatProgress(value=0.0)',
    [WIDGET_VIEW]: { version_major: 2, version_minor: 0, model_id: model }
  }
});
const stream = (name: string): IOutput => ({
  output_type: 'stream',
  name,
  text: 'out'
});

describe('removeViews', () => {
  it('removes all that shows a closed widget and says where the rest is', () => {
    const shown = [
      view('a'),
      stream('stdout'),
      view('a'),
      stream('stdout'),
      stream('stderr'),
      view('b'),
      view('c')
    ];
    const moved = removeViews(cellWith(shown), new Set(['a', 'c']));
    expect(moved).toEqual([undefined, 0, undefined, 0, 1, 2, undefined]);
    expect(shown).toHaveLength(4);
    expect(shown).toContainEqual(view('b'));
  });

  it('leaves a cell alone that shows none', () => {
    const shown = [stream('stdout'), view('b')];
    expect(removeViews(cellWith(shown), new Set(['a']))).toBeNull();
    expect(shown).toHaveLength(2);
  });
});
