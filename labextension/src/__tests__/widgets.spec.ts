import type { ICodeCellModel } from '@jupyterlab/cells';

import { WIDGET_VIEW, removeViews } from '../widgets';

type Data = Record<string, unknown>;

/** What is looked at of a cell's model: removing in what is saved removes what is shown, as in JupyterLab. */
function cellWith(shown: Data[]): ICodeCellModel {
  const outputs = {
    get length(): number {
      return shown.length;
    },
    get: (index: number): { type: string; data: Data } => ({
      type: shown[index] === text ? 'stream' : 'display_data',
      data: shown[index]
    })
  };
  const sharedModel = {
    updateOutputs: (start: number, end: number): void => {
      shown.splice(start, end - start);
    }
  };
  return { outputs, sharedModel } as unknown as ICodeCellModel;
}

const view = (model: string): Data => ({
  'text/plain': 'FloatProgress(value=0.0)',
  [WIDGET_VIEW]: { version_major: 2, version_minor: 0, model_id: model }
});
const text = { 'application/vnd.jupyter.stdout': 'out' };

describe('removeViews', () => {
  it('removes all that shows the widget and leaves the rest', () => {
    const shown = [view('a'), text, view('b'), view('a')];
    expect(removeViews(cellWith(shown), 'a')).toEqual([3, 0]);
    expect(shown).toEqual([text, view('b')]);
  });

  it('removes nothing for a widget that is not shown', () => {
    const shown = [text, view('b'), { [WIDGET_VIEW]: null }];
    expect(removeViews(cellWith(shown), 'a')).toEqual([]);
    expect(shown).toHaveLength(3);
  });
});
