/**
 * Kernels that do not start: the notebook says why and what to do, in place of JupyterLab's dialogs.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { isMeantForEMR, isOnEMR } from './notebooks';
import { bannerOf, hideBanner, showBanner } from './banner';
import type { IProblem } from './request';

/** What a session context of JupyterLab (4.6) has beyond its interface. */
interface IShowsErrors {
  _displayKernelError?: (message: string, traceback: string) => Promise<void>;
}

/** The banners that a kernel takes away: not those that say what became of the one before. */
const ENDED_BY_KERNEL = [
  'kernel-start-failed',
  'kernel-elsewhere',
  'no-kernel-for-language'
];

const failing = new WeakSet<ISessionContext>();

/** Shows a notice above a notebook while its kernel on EMR could not be started. */
export class StartFailures {
  /** `panel` returns what opens the panel; null while there is none, as in Notebook 7. */
  constructor(
    private _specs: () => KernelSpec.ISpecModels | null,
    private _panel: () => (() => void) | null,
    private _trans: TranslationBundle
  ) {}

  /** Watch a notebook that was opened. */
  watch(panel: NotebookPanel): void {
    const session = panel.sessionContext;
    const shows = session as unknown as IShowsErrors;
    const original = shows._displayKernelError;
    if (!original) {
      return; // another JupyterLab: its own dialog stands
    }
    shows._displayKernelError = async (message, traceback) => {
      // After a failed change the name of the kernel that was meant stands in the preference alone.
      const specs = this._specs();
      if (isOnEMR(session, specs) || isMeantForEMR(session, specs)) {
        failing.add(session);
        this._show(panel, problemOfStart(message, this._trans));
      } else {
        await original.call(session, message, traceback);
      }
    };
    session.kernelChanged.connect(() => {
      if (session.session?.kernel) {
        failing.delete(session);
        if (ENDED_BY_KERNEL.includes(bannerOf(panel) ?? '')) {
          hideBanner(panel);
        }
      }
    });
  }

  /** Keep JupyterLab from asking for another kernel where our notice stands. */
  quieten(dialogs: ISessionContext.IDialogs): void {
    const select = dialogs.selectKernel.bind(dialogs);
    dialogs.selectKernel = async session => {
      if (failing.delete(session)) {
        return; // once: whoever asks for the dialog himself gets it
      }
      await select(session);
    };
  }

  private _show(panel: NotebookPanel, problem: IProblem): void {
    const trans = this._trans;
    const session = panel.sessionContext;
    const retry = (): void => {
      failing.delete(session);
      const name = session.kernelPreference.name;
      void session.changeKernel(name ? { name } : {}).catch(() => undefined);
    };
    const actions = [
      { label: trans.__('Try again'), execute: retry },
      { label: trans.__('Close'), execute: () => failing.delete(session) }
    ];
    const open = this._panel();
    showBanner(
      panel,
      problem,
      open
        ? [
            {
              label: trans.__('Choose a compute …'),
              execute: open,
              accept: true
            },
            ...actions
          ]
        : actions,
      trans
    );
  }
}

/** Return cause and fix of what JupyterLab was told of a start: one text, whose first sentence is the cause. */
export function problemOfStart(
  message: string,
  trans: TranslationBundle
): IProblem {
  const text = message.trim();
  const end = text.search(/\.\s+(?=[A-Z`])/);
  return {
    message:
      (end < 0 ? text : text.slice(0, end + 1)) ||
      trans.__('The kernel did not start.'),
    fix: end < 0 ? '' : text.slice(end + 1).trim(),
    code: 'kernel-start-failed'
  };
}
