/**
 * What a user must be told of a gateway kernel that JupyterLab itself says only to the browser's console.
 */
import { showErrorMessage } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';

/** The text to show for a message of a kernel: why it could not be restarted; null for all other messages. */
export function noticeOf(msg: KernelMessage.IMessage): string | null {
  const told = msg.content as { cause?: string; reason?: string; fix?: string };
  const type: string = msg.header.msg_type;
  if (type !== 'emr_connect_status' || told.cause !== 'restart') {
    return null;
  }
  return `${told.reason} ${told.fix}`.trim();
}

/** Tell the user of a notebook; JupyterLab (4.6) writes why a restart failed to the console alone. */
export function notify(panel: NotebookPanel): void {
  let heard: Kernel.IKernelConnection | null = null;
  const onMessage = (_: unknown, args: Kernel.IAnyMessageArgs): void => {
    const text = args.direction === 'recv' ? noticeOf(args.msg) : null;
    if (text) {
      // As JupyterLab tells why a kernel did not start; a notification would cut the text.
      void showErrorMessage('The kernel could not be restarted', text);
    }
  };
  const onKernel = (): void => {
    const kernel = panel.sessionContext.session?.kernel ?? null;
    if (kernel !== heard) {
      heard?.anyMessage.disconnect(onMessage);
      kernel?.anyMessage.connect(onMessage);
      heard = kernel;
    }
  };
  panel.sessionContext.kernelChanged.connect(onKernel);
  panel.disposed.connect(() => {
    heard?.anyMessage.disconnect(onMessage);
  });
  onKernel();
}
