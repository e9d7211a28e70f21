/**
 * Computes that are dragged from the list onto a notebook.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { EMRModel } from './models/emr';
import { keyOf } from './models/computes';

/** The type of what is dragged from the list: a compute's key. */
export const COMPUTE_MIME = 'application/x-emr-compute';

const OVER = 'jp-mod-emrDrop';

/**
 * Let a notebook take a compute: it is attached as the role that was taken there last; where none is remembered,
 * `choose` lets the user choose one.
 */
export function takeComputes(
  panel: NotebookPanel,
  model: EMRModel,
  choose: (panel: NotebookPanel) => void
): void {
  const { node } = panel;
  const isCompute = (event: DragEvent): boolean =>
    event.dataTransfer?.types.includes(COMPUTE_MIME) ?? false;
  // In the capturing phase: editors take what is dropped for text.
  node.addEventListener(
    'dragover',
    event => {
      if (isCompute(event)) {
        event.preventDefault();
        event.stopPropagation();
        event.dataTransfer!.dropEffect = 'copy';
        node.classList.add(OVER);
      }
    },
    true
  );
  node.addEventListener('dragleave', () => node.classList.remove(OVER), true);
  node.addEventListener(
    'drop',
    event => {
      node.classList.remove(OVER);
      if (isCompute(event)) {
        event.preventDefault();
        event.stopPropagation();
        const key = event.dataTransfer!.getData(COMPUTE_MIME);
        void attachDropped(panel, model, key, choose);
      }
    },
    true
  );
}

async function attachDropped(
  panel: NotebookPanel,
  model: EMRModel,
  key: string,
  choose: (panel: NotebookPanel) => void
): Promise<void> {
  const compute = model.computes.find(key);
  if (!compute) {
    return; // it ended while it was dragged
  }
  model.choose(compute);
  const role = model.memory.roleOn(keyOf(compute));
  if (role === undefined && compute.runtime_role !== 'unsupported') {
    choose(panel);
    return;
  }
  await model.attach({
    compute: compute.arn || compute.id,
    runtime_role: role || null,
    transport: 'auto',
    path: model.contents.localPath(panel.context.path)
  });
}
