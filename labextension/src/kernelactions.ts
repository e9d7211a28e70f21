/**
 * What the buttons at a kernel do.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';

import type { EMRModel } from './models/emr';
import type { IKernelActions } from './panels/kernels';

/** Return the actions; a kernel that Jupyter has is ended through Jupyter, so that its notebooks hear of it. */
export function kernelActions(
  app: JupyterFrontEnd,
  model: EMRModel
): IKernelActions {
  const { kernels, sessions } = app.serviceManager;
  const open = (path: string): Promise<unknown> =>
    app.commands.execute('docmanager:open', { path });
  return {
    open: kernel => {
      if (kernel.notebook) {
        void open(kernel.notebook);
      }
    },
    interrupt: async kernel => {
      const id = kernel.local_id ?? '';
      const running = await kernels.findById(id);
      if (running) {
        const connection = kernels.connectTo({ model: running });
        try {
          await connection.interrupt();
        } finally {
          connection.dispose();
        }
      }
    },
    shutDown: async gone => {
      const others: string[] = [];
      for (const kernel of gone) {
        const id = kernel.local_id ?? '';
        const session = [...sessions.running()].find(
          one => one.kernel?.id === id
        );
        if (session) {
          await sessions.shutdown(session.id);
        } else {
          others.push(kernel.kernel_id);
        }
      }
      await model.kernels.shutDown(others);
    },
    lastActivity: kernel => {
      const mine = [...sessions.running()].find(
        one => one.kernel?.id === kernel.local_id
      );
      const { execution_state, last_activity } = mine?.kernel ?? {};
      return execution_state === 'idle' ? (last_activity ?? null) : null;
    },
    adopt: async kernel => {
      await model.client.adoptKernel(kernel.kernel_id, null);
      await model.kernels.refresh();
      if (kernel.notebook) {
        await open(kernel.notebook);
      }
    }
  };
}
