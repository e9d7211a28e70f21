/**
 * What stands around the panel: launcher, palette, status bar, and the panel of what runs.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DisposableSet } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';

import { kernelActions } from '../kernelactions';
import type { EMRModel } from '../models/emr';
import { StatusItem } from '../panels/status';
import { kernelspecsOn, offersOf } from '../remembered';
import { runningKernels } from '../runningkernels';
import { CommandIDs } from '../tokens';
import type { Attachment } from '../tokens';
import { IEMRModel } from './panel';

const CATEGORY = 'EMR';
const SETTLED_MS = 100;

/** Cards and palette entries for the computes that this user works with. */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:launcher',
  description:
    'Cards and palette entries for pinned, recent and attached computes.',
  autoStart: true,
  requires: [IEMRModel],
  optional: [ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: EMRModel,
    launcher: ILauncher | null,
    palette: ICommandPalette | null
  ): void => {
    let attachments: readonly Attachment[] = [];
    let shown = new DisposableSet();
    const show = (): void => {
      shown.dispose();
      shown = offer(app, model, attachments, launcher, palette);
    };
    // What is listed changes in bursts, and each card costs the launcher a rendering.
    const soon = new Debouncer(show, SETTLED_MS);
    const changed = (): void => void soon.invoke();
    const ask = async (): Promise<void> => {
      attachments = await model.attachments.all().catch(() => attachments);
      changed();
    };
    const { kernelspecs } = app.serviceManager;
    model.memory.changed.connect(changed);
    model.preferences.changed.connect(changed);
    model.computes.changed.connect(changed);
    kernelspecs.specsChanged.connect(changed);
    model.attachments.changed.connect(() => void ask());
    void Promise.all([app.restored, kernelspecs.ready]).then(ask);
  }
};

/** Add cards and entries; what is returned takes them away. */
function offer(
  app: JupyterFrontEnd,
  model: EMRModel,
  attachments: readonly Attachment[],
  launcher: ILauncher | null,
  palette: ICommandPalette | null
): DisposableSet {
  const { specs } = app.serviceManager.kernelspecs;
  const added = new DisposableSet();
  const most = model.preferences.values.launcherComputes;
  const find = (key: string): ReturnType<EMRModel['computes']['find']> =>
    model.computes.find(key);
  const offers = offersOf(model.memory, find, attachments, most);
  offers.forEach(({ compute, name, runtime_role, hasSpark }, place) => {
    const where = { compute, runtime_role, name };
    kernelspecsOn({ hasSpark }, specs).forEach((spec, index) => {
      const args = { ...where, kernelspec: spec.name, isLauncher: true };
      const card = {
        command: CommandIDs.newNotebook,
        args,
        category: CATEGORY,
        rank: place * 10 + index,
        kernelIconUrl:
          spec.resources['logo-svg'] ?? spec.resources['logo-64x64']
      };
      if (launcher) {
        added.add(launcher.add(card));
      }
    });
    if (palette) {
      const entry = { command: CommandIDs.attach, args: where };
      added.add(palette.addItem({ ...entry, category: CATEGORY }));
    }
  });
  if (offers.length === 0 && launcher) {
    const args = { isLauncher: true };
    const command = CommandIDs.openPanel;
    added.add(launcher.add({ command, args, category: CATEGORY }));
  }
  return added;
}

/** The item in the status bar, and our kernels in the panel of what runs. */
export const status: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:status',
  description:
    'Where the notebook in front runs, in the status bar; kernels on EMR in the panel of what runs.',
  autoStart: true,
  requires: [IEMRModel],
  optional: [IStatusBar, IRunningSessionManagers, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    model: EMRModel,
    bar: IStatusBar | null,
    running: IRunningSessionManagers | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_emr_connect');
    const open = (): void => void app.commands.execute(CommandIDs.openPanel);
    if (bar) {
      const item = new StatusItem(model, open, trans);
      bar.registerStatusItem('jupyter_emr_connect:status', {
        item,
        align: 'left',
        rank: 20
      });
    }
    running?.add(runningKernels(model, kernelActions(app, model), trans));
  }
};
