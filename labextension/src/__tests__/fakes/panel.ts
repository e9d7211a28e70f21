/**
 * What the tests of the panel's parts share: the models on a server that lists one compute, and how they wait.
 */
import { MessageLoop } from '@lumino/messaging';
import { act } from '@testing-library/react';

import type { EMRModel } from '../../models/emr';
import { compute, identity, itemsOf, listOf } from './answers';
import { modelOf } from './models';
import { FakeTracker } from './notebooks';
import { FakeServer } from './server';
import { settled } from './waiting';

/** The models, and what they look at. */
export interface IPanel {
  model: EMRModel;
  server: FakeServer;
  tracker: FakeTracker;
}

/** Make the models, without a notebook; `routes` are further answers of the server, or others. */
export function newPanel(routes: FakeServer['routes'] = {}): IPanel {
  const server = new FakeServer({
    'GET attachments': () => itemsOf(),
    'GET compute': () => listOf([compute()]),
    'GET identity': () => identity(),
    'GET kernels': () => itemsOf(),
    'GET runtime-roles': () => itemsOf(),
    ...routes
  });
  const tracker = new FakeTracker();
  return { model: modelOf(server, tracker), server, tracker };
}

/** End what the models do by themselves. */
export function endPanel(model: EMRModel): void {
  model.computes.dispose();
  model.kernels.dispose();
}

/** Let something happen, and all that follows. */
export async function after(happen: () => unknown): Promise<void> {
  await act(async () => {
    await happen();
    await settled();
  });
}

/** Let something happen, and all that follows in Lumino's widgets too. */
export async function afterWidgets(happen: () => unknown): Promise<void> {
  await act(async () => {
    await happen();
    for (let turn = 0; turn < 3; turn++) {
      MessageLoop.flush();
      await new Promise(resolve => setTimeout(resolve, 10));
      await settled();
    }
  });
}
