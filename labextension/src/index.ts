/**
 * The plugins of jupyter_emr_connect.
 */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { catchUp } from './plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [catchUp];

export default plugins;
