/**
 * The commands, for the palette, menus, shortcuts and other extensions.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type {
  ReadonlyJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';

import { roleName } from './components/words';
import { emrIcon } from './icons';
import type { Again, ILogin } from './models/attaching';
import type { EMRModel } from './models/emr';
import {
  hasKernel,
  isOnEMR,
  kernelspecFor,
  kernelspecOf,
  languageOf
} from './notebooks';
import { showBanner } from './banner';
import { difference } from './chipstate';
import { asProblem } from './request';
import { CommandIDs } from './tokens';
import type { Attachment, NewAttachment } from './tokens';

const TEXT = { type: 'string' };

function described(...names: string[]): { args: ReadonlyJSONObject } {
  const properties = Object.fromEntries(names.map(name => [name, TEXT]));
  return { args: { type: 'object', properties } };
}

/** The panel in the sidebar, as far as commands show it. */
export interface IPanel {
  readonly id: string;
  focusFilter(): Promise<void>;
  showKernels(): void;
}

/** Add the commands; `sidebar` is null where there is none. */
export function addCommands(
  app: JupyterFrontEnd,
  model: EMRModel,
  tracker: INotebookTracker | null,
  sidebar: IPanel | null,
  trans: TranslationBundle
): void {
  const { commands } = app;
  const current = (): NotebookPanel | null => tracker?.currentWidget ?? null;

  commands.addCommand(CommandIDs.openPanel, {
    label: args =>
      args.isLauncher
        ? trans.__('Choose a compute')
        : trans.__('EMR: Show Computes'),
    caption: trans.__('Clusters, endpoints and applications of EMR'),
    icon: args => (args.isLauncher ? emrIcon : undefined),
    describedBy: {
      args: { type: 'object', properties: { focus: { type: 'boolean' } } }
    },
    isEnabled: () => sidebar !== null,
    execute: async args => {
      if (sidebar) {
        app.shell.activateById(sidebar.id);
        if (args.focus !== false) {
          await sidebar.focusFilter();
        }
      }
    }
  });
  commands.addCommand(CommandIDs.showKernels, {
    label: trans.__('EMR: Show Kernels'),
    describedBy: described(),
    isEnabled: () => sidebar !== null,
    execute: async () => {
      await commands.execute(CommandIDs.openPanel, { focus: false });
      sidebar?.showKernels();
    }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('EMR: List Computes Anew'),
    describedBy: described(),
    execute: () => model.refresh()
  });
  commands.addCommand(CommandIDs.attach, {
    label: args =>
      args.compute
        ? trans.__('EMR: Attach Notebook to %1', placeOf(args))
        : trans.__('EMR: Attach Notebook …'),
    describedBy: described('compute', 'runtime_role', 'transport', 'path'),
    execute: async args => {
      const what = asked(args, model);
      if (what) {
        return attachOrSay(app, model, what, null); // the notebook follows by the signal
      }
      await commands.execute(CommandIDs.openPanel);
      return null;
    }
  });
  commands.addCommand(CommandIDs.detach, {
    label: trans.__('EMR: Detach Notebook'),
    describedBy: described('path'),
    isEnabled: args => Boolean(args.path) || model.target.attachment !== null,
    execute: async args => {
      const path = args.path as string | undefined;
      const attachment = path
        ? await model.attachments.of(model.contents.localPath(path))
        : model.target.attachment;
      if (attachment) {
        await model.attachments.detach(attachment);
      }
    }
  });
  commands.addCommand(CommandIDs.restartHere, {
    label: trans.__('EMR: Restart Kernel Under Its Attachment'),
    describedBy: described('path'),
    isEnabled: () => current() !== null,
    execute: async args => {
      const panel = args.path
        ? tracker?.find(one => isAt(one, args.path as string, model))
        : current();
      await panel?.sessionContext.restartKernel();
    }
  });
  commands.addCommand(CommandIDs.cancelStart, {
    label: trans.__('EMR: Cancel the Start of the Kernel'),
    describedBy: described('path'),
    isEnabled: () => current() !== null,
    execute: async args => {
      const panel = args.path
        ? tracker?.find(one => isAt(one, args.path as string, model))
        : current();
      if (panel) {
        await cancelStart(panel, model, trans);
      }
    }
  });
  commands.addCommand(CommandIDs.newNotebook, {
    label: args => {
      const { specs } = app.serviceManager.kernelspecs;
      const spec = specs?.kernelspecs[args.kernelspec as string];
      return args.compute
        ? `${spec?.display_name ?? 'EMR'} · ${placeOf(args)}`
        : trans.__('EMR: New Notebook on the Chosen Compute');
    },
    caption: args =>
      args.compute
        ? trans.__('A new notebook, attached to %1', placeOf(args))
        : '',
    icon: args => (args.isLauncher ? emrIcon : undefined),
    describedBy: described('compute', 'runtime_role', 'kernelspec', 'cwd'),
    execute: args => newNotebook(app, model, args, trans)
  });
  model.attached.connect((_, attachment) => {
    void switchKernel(app, model, tracker, attachment, trans);
  });
}

/** Return where a command's arguments lead: `analytics · EMRAnalyst`. */
function placeOf(args: ReadonlyPartialJSONObject): string {
  const name = (args.name ?? args.compute) as string;
  const role = roleName(args.runtime_role as string | null | undefined);
  return [name, role].filter(Boolean).join(' · ');
}

/** Make a notebook, attach it, and open it with a kernel there; where attaching fails, no notebook is left behind. */
async function newNotebook(
  app: JupyterFrontEnd,
  model: EMRModel,
  args: ReadonlyPartialJSONObject,
  trans: TranslationBundle,
  login: ILogin = {}
): Promise<unknown> {
  const { commands } = app;
  const { specs } = app.serviceManager.kernelspecs;
  const chosen = model.chosenCompute;
  const name =
    (args.kernelspec as string | undefined) ??
    kernelspecFor('python', chosen, specs);
  const what = asked(args, model);
  if (!what) {
    return commands.execute('notebook:create-new', {
      ...args,
      kernelName: name ?? undefined
    });
  }
  const { path } = await model.contents.newUntitled({
    path: (args.cwd as string | undefined) ?? '',
    type: 'notebook'
  });
  const said = Notification.emit(
    trans.__('Attaching a notebook to %1 …', placeOf(args)),
    'in-progress',
    { autoClose: false }
  );
  const here = { ...what, ...login, path: model.contents.localPath(path) };
  // Not by the command: who listens to commands hears their arguments.
  const again: Again = typed => newNotebook(app, model, args, trans, typed);
  const attached = await attachOrSay(app, model, here, again);
  Notification.dismiss(said);
  if (!attached) {
    // Nobody has seen it yet. Where it cannot be deleted, the file browser shows it.
    await model.contents.delete(path).catch(() => undefined);
    return null;
  }
  return commands.execute('docmanager:open', {
    path,
    factory: 'Notebook',
    kernel: { name }
  });
}

/** Attach; where it fails, the panel says why, or a notice where there is none. */
async function attachOrSay(
  app: JupyterFrontEnd,
  model: EMRModel,
  what: NewAttachment,
  again: Again | null
): Promise<Attachment | null> {
  const compute = model.computes.find(what.compute);
  if (compute) {
    model.choose(compute);
  }
  const attached = await model.attach(what, again);
  const { failed } = model.attaching;
  if (!attached && failed) {
    if (app.commands.isEnabled(CommandIDs.openPanel)) {
      // Much later than the gesture, when the user may type elsewhere.
      await app.commands.execute(CommandIDs.openPanel, { focus: false });
    } else {
      const { message, fix } = failed.problem;
      Notification.error(`${message} ${fix}`.trim(), { autoClose: false });
    }
  }
  return attached;
}

/** Return what a command's arguments ask to attach; null where they leave the compute open. */
function asked(
  args: ReadonlyPartialJSONObject,
  model: EMRModel
): NewAttachment | null {
  const compute = args.compute as string | undefined;
  if (!compute) {
    return null;
  }
  return {
    compute,
    runtime_role: (args.runtime_role as string | undefined) ?? null,
    transport: (args.transport ?? 'auto') as NewAttachment['transport'],
    path:
      (args.path as string | undefined) ??
      model.target.path ??
      model.target.folder
  };
}

/**
 * Give the notebook that was attached a kernel on its compute: at once where it has none there; where one runs, its
 * variables would be lost, so the user is asked.
 */
async function switchKernel(
  app: JupyterFrontEnd,
  model: EMRModel,
  tracker: INotebookTracker | null,
  attachment: Attachment,
  trans: TranslationBundle
): Promise<void> {
  const { path } = attachment;
  const panel =
    path === null ? null : tracker?.find(one => isAt(one, path, model));
  if (!panel) {
    return; // a folder, or a notebook that was closed meanwhile
  }
  const session = panel.sessionContext;
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  await model.whenMoved(session); // Jupyter fails where two changes of a session meet
  const compute = model.computes.find(attachment.compute) ?? null;
  const isOn = isOnEMR(session, kernelspecs.specs);
  const name = isOn
    ? kernelspecOf(session)
    : kernelspecFor(languageOf(panel), compute, kernelspecs.specs);
  if (!name) {
    sayNoKernel(panel, trans);
    return;
  }
  if (!isOn || !hasKernel(session)) {
    const wasDirty = panel.context.model.dirty;
    const move = session.changeKernel({ name });
    model.announce({ session, move });
    await move.catch(() => undefined); // the notebook says why
    if (!wasDirty && !panel.isDisposed && kernelspecOf(session) === name) {
      // So that it opens there again; JupyterLab says why it cannot be saved.
      await panel.context.save().catch(() => undefined);
    }
  } else {
    await offerRestart(panel, model, attachment, trans);
  }
}

/** Cancel the start of a notebook's kernel, also on the server. */
async function cancelStart(
  panel: NotebookPanel,
  model: EMRModel,
  trans: TranslationBundle
): Promise<void> {
  const { kernels, contents } = model;
  const session = panel.sessionContext;
  await kernels.refresh();
  const id = model.isMoving(session) ? '' : session.session?.kernel?.id;
  const start = kernels.startOf(id, contents.localPath(panel.context.path));
  if (start) {
    await kernels.cancel(start).catch(error => {
      const close = { label: trans.__('Close') };
      showBanner(panel, asProblem(error), [close], trans);
    });
  }
}

/** Whether a notebook is the one of a path; both may name the drive that it is on. */
function isAt(panel: NotebookPanel, path: string, model: EMRModel): boolean {
  const { contents } = model;
  return contents.localPath(panel.context.path) === contents.localPath(path);
}

function sayNoKernel(panel: NotebookPanel, trans: TranslationBundle): void {
  const problem = {
    message: trans.__(
      'This notebook is attached, but no EMR kernel runs its language (%1).',
      languageOf(panel)
    ),
    fix: trans.__('Choose a kernel in the notebook’s toolbar.'),
    code: 'no-kernel-for-language'
  };
  showBanner(panel, problem, [{ label: trans.__('Close') }], trans);
}

/** Where a notebook's kernel runs elsewhere, or under another role, than is attached now, offer its restart. */
async function offerRestart(
  panel: NotebookPanel,
  model: EMRModel,
  attachment: Attachment,
  trans: TranslationBundle
): Promise<void> {
  await model.kernels.refresh(); // the panel may not have asked yet
  const id = panel.sessionContext.session?.kernel?.id ?? '';
  const kernel = model.kernels.ofJupyter(id);
  const nameOf = (compute: string): string =>
    model.computes.find(compute)?.name ?? compute;
  const other = difference(attachment, kernel, nameOf, trans);
  if (!other) {
    return;
  }
  const problem = {
    message: trans.__('The kernel %1.', other.text),
    fix: trans.__(
      'Its next restart moves it to what is attached now; its variables are lost then.'
    ),
    code: 'kernel-elsewhere'
  };
  const restart = (): void => void panel.sessionContext.restartKernel();
  showBanner(
    panel,
    problem,
    [
      { label: other.restart, execute: restart, accept: true },
      { label: trans.__('Later') }
    ],
    trans
  );
}
