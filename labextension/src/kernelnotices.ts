/**
 * What a user must be told of a kernel on a compute after its start: JupyterLab itself says it to the browser's
 * console alone, or wrongly ("appears to have died. It will restart automatically").
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { bannerOf, hideBanner, showBanner } from './banner';
import type { IAction } from './banner';
import { clock, secondsSince } from './components/words';
import type { KernelsModel } from './models/kernels';
import type { IProblem } from './request';

/** Seconds for which a connection is opened anew without a word. */
const QUIET_S = 5;

/** The content of the kernel's message `emr_connect_status`. */
export interface IKernelStatus {
  state: string;
  cause: string;
  reason: string;
  fix: string;
  since: string;
}

/** Return what a message says of a kernel's connection; null for all other messages. */
export function statusIn(msg: KernelMessage.IMessage): IKernelStatus | null {
  const type: string = msg.header.msg_type;
  return type === 'emr_connect_status'
    ? (msg.content as unknown as IKernelStatus)
    : null;
}

/** Return what to say above the notebook; null where nothing is wrong, or where it is said for all notebooks at once. */
export function problemOf(
  status: IKernelStatus,
  trans: TranslationBundle
): IProblem | null {
  const { state, cause, reason, fix } = status;
  if (cause === 'restart') {
    const message = trans.__('The kernel could not be restarted: %1', reason);
    return { message, fix, code: 'restart-failed' };
  }
  if (state === 'gone') {
    const at = clock(status.since);
    return {
      message: trans.__('The kernel is gone since %1: %2', at, reason),
      fix: `${fix} ${trans.__('Its variables are lost; what the cells show is kept.')}`.trim(),
      code: 'kernel-gone'
    };
  }
  if (state === 'connected' && cause === 'credentials') {
    const message = trans.__('The credentials are not renewed: %1', reason);
    return { message, fix, code: 'not-renewed' };
  }
  return null;
}

/** Return what to say of a kernel that was gone, once Jupyter has started it again. */
function startedAgain(
  { reason, since }: IKernelStatus,
  trans: TranslationBundle
): IProblem {
  return {
    message: trans.__('The kernel was gone at %1: %2', clock(since), reason),
    fix: trans.__(
      'It was started again; its variables are lost, what the cells show is kept.'
    ),
    code: 'kernel-started-again'
  };
}

/** The states of a kernel that Jupyter starts again. */
const COMING_BACK = ['autorestarting', 'restarting', 'starting'];

/** Whether a status ends what a banner says: a restart that failed is so until the next, lost variables stay lost. */
function isOver(code: string, { cause }: IKernelStatus): boolean {
  return code === 'not-renewed' && cause !== 'credentials';
}

/** What a notebook of JupyterLab (4.6) has beyond its interface: whether it has said already that its kernel died. */
interface ISaysKernelDied {
  _autorestarting?: boolean;
}

/** Shows banners above the notebooks whose kernel is gone, could not be restarted or lacks credentials. */
export class KernelNotices {
  /** `panel` returns what opens the panel; null while there is none, as in Notebook 7. */
  constructor(
    private _panel: () => (() => void) | null,
    private _runAbove: () => void,
    private _trans: TranslationBundle
  ) {}

  /** Watch a notebook that was opened. */
  watch(panel: NotebookPanel): void {
    let heard: Kernel.IKernelConnection | null = null;
    let gone: IKernelStatus | null = null;
    let comesBack = false;
    const onProgress = (): void => {
      const isIdle = panel.sessionContext.kernelDisplayStatus === 'idle';
      if (gone && comesBack && isIdle && bannerOf(panel) === 'kernel-gone') {
        this._say(panel, startedAgain(gone, this._trans));
      }
    };
    const onMessage = (_: unknown, args: Kernel.IAnyMessageArgs): void => {
      const status = args.direction === 'recv' ? statusIn(args.msg) : null;
      if (status) {
        if (status.state === 'gone') {
          gone = status;
          comesBack = false;
        }
        this._show(panel, status);
        comesBack ||= status.state === 'connected';
        onProgress();
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
    // JupyterLab's own dialog would say less, and take the keyboard: it is said to have been there.
    panel.sessionContext.statusChanged.connect((_, status) => {
      // A restart that fails leaves the kernel "restarting"; idle is one that was restarted after all.
      if (status === 'idle' && bannerOf(panel) === 'restart-failed') {
        hideBanner(panel);
      }
      if (bannerOf(panel) === 'kernel-gone') {
        (panel as unknown as ISaysKernelDied)._autorestarting = true;
      }
      comesBack ||= COMING_BACK.includes(status);
      onProgress();
    });
    panel.disposed.connect(() => {
      heard?.anyMessage.disconnect(onMessage);
    });
    onKernel();
  }

  private _show(panel: NotebookPanel, status: IKernelStatus): void {
    const problem = problemOf(status, this._trans);
    if (problem) {
      this._say(panel, problem);
      (panel as unknown as ISaysKernelDied)._autorestarting = true;
    } else if (isOver(bannerOf(panel) ?? '', status)) {
      hideBanner(panel);
    }
  }

  private _say(panel: NotebookPanel, problem: IProblem): void {
    showBanner(panel, problem, this._actions(panel, problem), this._trans);
  }

  private _actions(panel: NotebookPanel, problem: IProblem): IAction[] {
    const trans = this._trans;
    const close = { label: trans.__('Close') };
    const open = this._panel();
    const choose = open
      ? [{ label: trans.__('Other compute …'), execute: open }]
      : [];
    const restart = (): void => {
      // What is wrong with it then is said above the notebook again.
      panel.sessionContext.restartKernel().catch(() => undefined);
    };
    const runAbove = {
      label: trans.__('Run all above'),
      execute: this._runAbove
    };
    switch (problem.code) {
      case 'restart-failed':
        return [
          { label: trans.__('Try again'), execute: restart, accept: true },
          ...choose,
          close
        ];
      case 'kernel-started-again':
        return [runAbove, close];
      case 'kernel-gone':
        return [
          runAbove,
          { label: trans.__('Restart'), execute: restart },
          ...choose,
          close
        ];
      default:
        return [close];
    }
  }
}

/**
 * Says of each compute that does not answer how many kernels wait for it: one notice, however many notebooks there are,
 * that takes no keyboard and goes by itself.
 */
export class ReconnectingNotices {
  constructor(
    private _kernels: KernelsModel,
    private _nameOf: (compute: string, written: string | null) => string,
    private _trans: TranslationBundle,
    private _notices: Pick<
      typeof Notification,
      'dismiss' | 'update' | 'warning'
    > = Notification
  ) {
    _kernels.changed.connect(this._update, this);
  }

  private _update(): void {
    const texts = this._texts();
    for (const [compute, text] of texts) {
      const shown = this._shown.get(compute);
      if (!shown) {
        const id = this._notices.warning(text, { autoClose: false });
        this._shown.set(compute, { id, text });
      } else if (shown.text !== text) {
        shown.text = text; // one that the user closed stays closed
        this._notices.update({ id: shown.id, message: text });
      }
    }
    for (const [compute, { id }] of this._shown) {
      if (!texts.has(compute)) {
        this._notices.dismiss(id);
        this._shown.delete(compute);
      }
    }
  }

  /** Return what to say, by compute. */
  private _texts(): Map<string, string> {
    const waiting = (this._kernels.items ?? []).filter(
      kernel =>
        kernel.link === 'reconnecting' && secondsSince(kernel.since) >= QUIET_S
    );
    const computes = new Set(waiting.map(kernel => kernel.compute));
    return new Map(
      [...computes].map(compute => {
        const kernels = waiting.filter(kernel => kernel.compute === compute);
        const since = kernels.map(kernel => kernel.since ?? '').sort()[0];
        const [{ compute_name, reason }] = kernels;
        const text = this._trans._n(
          '%2 has not answered since %3; %1 kernel waits, its output is kept there.',
          '%2 has not answered since %3; %1 kernels wait, their output is kept there.',
          kernels.length,
          this._nameOf(compute, compute_name),
          clock(since)
        );
        return [compute, reason ? `${text} ${reason}` : text];
      })
    );
  }

  private _shown = new Map<string, { id: string; text: string }>();
}
