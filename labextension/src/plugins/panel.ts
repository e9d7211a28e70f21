/**
 * The sidebar, its commands, and the models that all plugins share.
 */
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';

import { addCommands } from '../commands';
import { EMRModel } from '../models/emr';
import { EMRSidebar } from '../panels/sidebar';
import { kernelActions } from '../kernelactions';
import { CommandIDs, IEMRConnect } from '../tokens';
import type { Attachment, Compute } from '../tokens';

/** The models, for our own plugins. */
export const IEMRModel = new Token<EMRModel>(
  'jupyter_emr_connect:IEMRModel',
  'The models of jupyter_emr_connect; use IEMRConnect from other extensions.'
);

/** Makes the models. */
export const model: JupyterFrontEndPlugin<EMRModel> = {
  id: 'jupyter_emr_connect:model',
  description: 'What is known of computes, roles, attachments and kernels.',
  autoStart: true,
  provides: IEMRModel,
  optional: [INotebookTracker, IStateDB, IDefaultFileBrowser, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    store: IStateDB | null,
    browser: IDefaultFileBrowser | null,
    settings: ISettingRegistry | null
  ): EMRModel => {
    const models = new EMRModel({
      settings: app.serviceManager.serverSettings,
      contents: app.serviceManager.contents,
      tracker,
      store,
      folder: () => browser?.model.path ?? ''
    });
    browser?.model.pathChanged.connect(() => models.target.onFolder());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        models.attachments.invalidate(); // another tab may have attached meanwhile
      }
    });
    settings?.load('jupyter_emr_connect:panel').then(
      loaded => models.preferences.follow(loaded),
      error => console.warn('The settings of EMR are not known.', error)
    );
    return models;
  }
};

class Connect implements IEMRConnect {
  constructor(private _model: EMRModel) {
    _model.changed.connect(() => this.changed.emit());
  }

  readonly changed = new Signal<this, void>(this);

  get computes(): readonly Compute[] {
    return this._model.computes.items;
  }

  attachmentOf(path: string): Promise<Attachment | null> {
    return this._model.attachments.of(path);
  }
}

/** What other extensions may use. */
export const connect: JupyterFrontEndPlugin<IEMRConnect> = {
  id: 'jupyter_emr_connect:connect',
  description: 'The list of computes and the attachment of a path, for others.',
  autoStart: true,
  provides: IEMRConnect,
  requires: [IEMRModel],
  activate: (_: JupyterFrontEnd, model: EMRModel) => new Connect(model)
};

/** Adds the sidebar and the commands. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_emr_connect:panel',
  description: 'The EMR tab: computes, runtime roles, attaching, kernels.',
  autoStart: true,
  requires: [IEMRModel],
  optional: [
    INotebookTracker,
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    model: EMRModel,
    tracker: INotebookTracker | null,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_emr_connect');
    let sidebar: EMRSidebar | null = null;
    if (shell) {
      sidebar = new EMRSidebar(model, kernelActions(app, model), trans);
      shell.add(sidebar, 'left', { rank: 450, type: 'EMR' });
      restorer?.add(sidebar, sidebar.id);
    }
    addCommands(app, model, tracker, sidebar, trans);
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: 'EMR' });
    }
  }
};
