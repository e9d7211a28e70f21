/**
 * The models on a server and notebooks of tests, and JupyterLab's store.
 */
import type { IStateDB } from '@jupyterlab/statedb';

import { EMRModel } from '../../models/emr';
import { contents } from './notebooks';
import type { FakeTracker } from './notebooks';
import type { FakeServer } from './server';

/** Return all models, on a server and its notebooks. */
export function modelOf(server: FakeServer, tracker: FakeTracker): EMRModel {
  return new EMRModel({
    settings: server.settings,
    contents,
    tracker: tracker.self,
    store: null,
    folder: () => ''
  });
}

/** JupyterLab's store, with what was kept before. */
export function storeOf(kept: unknown): IStateDB & { kept: unknown } {
  const store = {
    kept,
    fetch: () => Promise.resolve(store.kept),
    save: (_: string, value: unknown) => {
      store.kept = JSON.parse(JSON.stringify(value));
      return Promise.resolve();
    }
  };
  return store as unknown as IStateDB & { kept: unknown };
}
