/**
 * @jest-environment ./jest.browser.js
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import { COMPUTE_MIME, takeComputes } from '../dropping';
import { factsOf } from '../models/computes';
import type { EMRModel } from '../models/emr';
import {
  ANALYST,
  attachment,
  compute,
  FakeNotebook,
  FakeServer,
  FakeTracker,
  itemsOf,
  json,
  listOf,
  modelOf,
  settled
} from './fakes';

let chosen: NotebookPanel[];
let model: EMRModel;
let notebook: FakeNotebook;
let node: HTMLElement;
let server: FakeServer;

beforeEach(async () => {
  server = new FakeServer({
    'GET attachments': () => itemsOf(),
    'GET compute': () =>
      listOf([
        compute({ runtime_role: 'required' }),
        compute({ id: 'j-2', runtime_role: 'unsupported' })
      ]),
    'POST attachments': () => json(attachment(), 201)
  });
  model = modelOf(server, new FakeTracker());
  await model.computes.refresh();
  chosen = [];
  node = document.createElement('div');
  notebook = Object.assign(new FakeNotebook('RTC:work/a.ipynb'), { node });
  takeComputes(notebook.self, model, panel => chosen.push(panel));
});

afterEach(() => {
  model.computes.dispose();
  model.kernels.dispose();
});

/** Drag something over the notebook, or drop it there; return whether the notebook takes it. */
function drag(
  type: 'dragover' | 'dragleave' | 'drop',
  key: string,
  mime = COMPUTE_MIME
): boolean {
  const event = new Event(type, { bubbles: true, cancelable: true });
  const dataTransfer = { types: [mime], getData: () => key };
  Object.assign(event, { dataTransfer });
  node.dispatchEvent(event);
  return event.defaultPrevented;
}

const sent = (): unknown =>
  server.seen.find(one => one.what === 'POST attachments')?.body;

it('a compute is attached as the role that was taken there last', async () => {
  await model.memory.attached('ec2/j-1', ANALYST, factsOf(compute()));
  expect(drag('dragover', 'ec2/j-1')).toBe(true);
  expect(node.classList.contains('jp-mod-emrDrop')).toBe(true);
  expect(drag('drop', 'ec2/j-1')).toBe(true);
  expect(node.classList.contains('jp-mod-emrDrop')).toBe(false);
  await settled();
  expect(sent()).toEqual({
    compute: compute().arn,
    runtime_role: ANALYST,
    transport: 'auto',
    path: 'work/a.ipynb'
  });
  expect(chosen).toEqual([]);
});

it('a compute whose role is not remembered is chosen, not attached', async () => {
  drag('drop', 'ec2/j-1');
  await settled();
  expect(sent()).toBeUndefined();
  expect(model.chosen).toBe('ec2/j-1');
  expect(chosen).toEqual([notebook.self]);
});

it('a compute that takes no role is attached at once', async () => {
  drag('drop', 'ec2/j-2');
  await settled();
  expect(sent()).toMatchObject({ runtime_role: null });
});

it('what is no compute, or none any more, is left alone', async () => {
  expect(drag('dragover', 'text', 'text/plain')).toBe(false);
  expect(drag('drop', 'text', 'text/plain')).toBe(false);
  expect(drag('drop', 'ec2/ended')).toBe(true);
  drag('dragover', 'ec2/j-1');
  drag('dragleave', 'ec2/j-1');
  await settled();
  expect(node.className).toBe('');
  expect(sent()).toBeUndefined();
});
