/**
 * Widgets that the kernel has closed, such as sparkmagic's progress bars: their outputs show nothing any more, and an
 * error once the notebook is opened again.
 */
import type { ICodeCellModel } from '@jupyterlab/cells';

export const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';

/** Remove the outputs of a cell that show the widget of a model; return where they were, the last one first. */
export function removeViews(cell: ICodeCellModel, model: string): number[] {
  const places: number[] = [];
  for (let at = cell.outputs.length - 1; at >= 0; at--) {
    const output = cell.outputs.get(at);
    if (output.type === 'stream') {
      continue; // its text may be long, and is no mime bundle
    }
    const view = output.data[WIDGET_VIEW] as { model_id?: unknown } | undefined;
    if (view?.model_id === model) {
      // In what is saved; the outputs that are shown follow. (The other way round does not work in JupyterLab 4.6.)
      cell.sharedModel.updateOutputs(at, at + 1, []);
      places.push(at);
    }
  }
  return places;
}
