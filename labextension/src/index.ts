/**
 * The plugins of jupyter_emr_connect.
 */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { catchUp } from './plugins/recording';
import { launcher, status } from './plugins/around';
import { backups } from './plugins/backups';
import { executor, notebook } from './plugins/notebook';
import { connect, model, panel } from './plugins/panel';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  catchUp,
  model,
  connect,
  panel,
  executor,
  notebook,
  launcher,
  status,
  backups
];

export default plugins;
