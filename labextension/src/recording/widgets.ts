/**
 * Widgets that the kernel has closed, such as sparkmagic's progress bars: their outputs show nothing any more, and an
 * error once the notebook is opened again.
 */
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { IOutput } from '@jupyterlab/nbformat';

export const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';

/**
 * Remove the outputs of a cell that show one of the widgets `closed`, by the ids of their models; return the new place
 * of each former output, or null where there is none to remove.
 *
 * All outputs are put back, not some removed: JupyterLab (4.6) notes the place of a stream that may grow, and loses
 * what comes to it when an output before it is removed. So this is for cells that do not run (any more).
 */
export function removeViews(
  cell: ICodeCellModel,
  closed: ReadonlySet<string>
): (number | undefined)[] | null {
  const { outputs } = cell;
  const isClosed: boolean[] = [];
  for (let at = 0; at < outputs.length; at++) {
    const output = outputs.get(at);
    // The text of a stream may be long, and is no mime bundle.
    const data = output.type === 'stream' ? {} : output.data;
    const view = data[WIDGET_VIEW] as { model_id?: string } | undefined;
    isClosed.push(closed.has(view?.model_id ?? ''));
  }
  if (!isClosed.includes(true)) {
    return null;
  }
  const shown = outputs.toJSON();
  outputs.fromJSON(shown.filter((_, at) => !isClosed[at]));
  return places(shown, isClosed);
}

/** Return where outputs are once some are left out; streams of one name that meet are one then. */
function places(
  shown: IOutput[],
  isLeftOut: boolean[]
): (number | undefined)[] {
  let last = -1;
  let stream: unknown;
  return shown.map((output, at) => {
    if (isLeftOut[at]) {
      return undefined;
    }
    const name = output.output_type === 'stream' ? output.name : undefined;
    if (name === undefined || name !== stream) {
      last++;
    }
    stream = name;
    return last;
  });
}
