/**
 * Our kernels in JupyterLab's panel of what runs: with compute and role, and those too that no tab has.
 */
import type { IRunningSessions } from '@jupyterlab/running';
import type { TranslationBundle } from '@jupyterlab/translation';

import { roleName } from './components/words';
import { emrIcon } from './icons';
import type { EMRModel } from './models/emr';
import { isGone } from './panels/kernels';
import type { IKernelActions } from './panels/kernels';
import type { EMRKernel } from './tokens';

/** Return the section of that panel. */
export function runningKernels(
  model: EMRModel,
  actions: IKernelActions,
  trans: TranslationBundle
): IRunningSessions.IManager {
  const { kernels } = model;
  const items = (): EMRKernel[] =>
    (kernels.items ?? []).filter(kernel => !isGone(kernel));
  const shutDown = (ended: readonly EMRKernel[]): void =>
    void actions
      .shutDown(ended)
      .catch(error => console.warn('A kernel could not be shut down.', error));
  const labelOf = (kernel: EMRKernel): string => {
    const compute =
      model.computes.find(kernel.compute)?.name ??
      kernel.compute_name ??
      kernel.compute;
    const what = kernel.notebook?.split('/').pop() ?? kernel.kernelspec;
    const role = roleName(kernel.runtime_role);
    return [what, compute, role].filter(Boolean).join(' · ');
  };
  return {
    name: trans.__('EMR Kernels'),
    running: () =>
      items().map(kernel => ({
        icon: () => emrIcon,
        label: () => labelOf(kernel),
        labelTitle: () => kernel.path ?? kernel.kernel_id,
        detail: () => kernel.link,
        open: () => actions.open(kernel),
        shutdown: () => shutDown([kernel])
      })),
    refreshRunning: () => void kernels.refresh(),
    runningChanged: kernels.changed,
    shutdownAll: () => shutDown(items()),
    shutdownLabel: trans.__('Shut down, with its variables'),
    shutdownAllLabel: trans.__('Shut Down All'),
    shutdownAllConfirmationText: trans.__(
      'Shut down all kernels on EMR? Their variables are lost.'
    )
  };
}
