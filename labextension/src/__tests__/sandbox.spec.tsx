/**
 * @jest-environment ./jest.browser.js
 */
import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { EMRModel } from '../models/emr';
import { SandboxModel } from '../models/sandbox';
import { TrySandbox } from '../panels/sandbox';
import type { SandboxStatus } from '../tokens';
import type { FakeServer, FakeTracker } from './fakes';
import {
  ANALYST,
  attachment,
  compute,
  failure,
  FakeNotebook,
  identity,
  json,
  listOf
} from './fakes';
import { after, endPanel, newPanel } from './fakes/panel';

const trans = nullTranslator.load('jupyter_emr_connect');
const TRY = { name: 'Try it on the sandbox' };

function status(change: Partial<SandboxStatus> = {}): SandboxStatus {
  return {
    offered: true,
    state: 'none',
    stage: null,
    since: null,
    problem: null,
    proposal: null,
    ...change
  };
}

const STARTING = status({
  state: 'starting',
  stage: 'gateway of analytics',
  since: new Date().toISOString()
});
const USED = status({
  state: 'used',
  proposal: { compute: 'j-1', runtime_role: ANALYST }
});

let server: FakeServer;
let model: EMRModel;
let tracker: FakeTracker;
let sandbox: SandboxModel;

beforeEach(() => {
  ({ model, server, tracker } = newPanel({
    'GET compute': () => listOf([]),
    'GET identity': () => failure('No.', 424, { code: 'no-credentials' }),
    'GET sandbox': () => status()
  }));
  sandbox = new SandboxModel(server.client, 10);
  Object.assign(model, { sandbox });
});

afterEach(() => endPanel(model));

/** Wait until the server was asked so often. */
async function asked(what: string, times: number): Promise<void> {
  while (server.count(what) < times) {
    await after(() => new Promise(resolve => setTimeout(resolve, 5)));
  }
}

async function show(): Promise<void> {
  render(
    <TrySandbox
      model={sandbox}
      onTry={() => void model.trySandbox()}
      trans={trans}
    />
  );
  await after(() => undefined);
}

describe('the sandbox', () => {
  it('is two commands where the server cannot start it, or is older', async () => {
    server.routes['GET sandbox'] = () => status({ offered: false });
    await show();
    expect(screen.getAllByRole('button')).toHaveLength(2);
    delete server.routes['GET sandbox'];
    await after(() => sandbox.look());
    expect(screen.queryByRole('button', TRY)).toBeNull();
  });

  it('starts by one button, and the notebook in front is attached there', async () => {
    tracker.show(new FakeNotebook('work/report.ipynb'));
    server.routes['POST sandbox'] = () => json(STARTING, 202);
    server.routes['GET sandbox'] = () =>
      server.count('POST sandbox') ? STARTING : status();
    server.routes['GET compute'] = () => listOf([compute()]);
    server.routes['POST attachments'] = () => json(attachment(), 201);
    await show();
    await after(() => fireEvent.click(screen.getByRole('button', TRY)));
    expect(screen.getByRole('status').textContent).toContain(
      'gateway of analytics'
    );
    server.routes['GET identity'] = () => identity();
    server.routes['GET sandbox'] = () => USED;
    await asked('POST attachments', 1);
    await after(() => undefined);
    expect(model.chosenCompute?.id).toBe('j-1');
    expect(model.identity.identity).not.toBeNull();
    const sent = server.seen.find(one => one.what === 'POST attachments');
    expect(sent?.body).toMatchObject({
      compute: 'j-1',
      runtime_role: ANALYST,
      path: 'work/report.ipynb'
    });
  });

  it('attaches no folder unasked where no notebook is open', async () => {
    server.routes['POST sandbox'] = () => json(USED, 202);
    await after(() => model.trySandbox());
    expect(model.chosen).toBe('ec2/j-1');
    expect(server.count('POST attachments')).toBe(0);
  });

  it('can be cancelled while it starts, also one that another tab began', async () => {
    server.routes['GET sandbox'] = () => STARTING;
    server.routes['DELETE sandbox'] = () => status();
    await show();
    await after(() =>
      fireEvent.click(screen.getByRole('button', { name: 'Cancel' }))
    );
    expect(screen.getByRole('button', TRY)).toBeTruthy();
  });

  it('says why it did not start, and tries again', async () => {
    const problem = { message: 'Full.', reason: '', code: 'x', fix: 'Clean.' };
    server.routes['POST sandbox'] = () => json(status({ problem }), 202);
    await show();
    await after(() => fireEvent.click(screen.getByRole('button', TRY)));
    expect(screen.getByRole('alert').textContent).toContain('Full.');
    server.routes['POST sandbox'] = () => failure('Kernels run.', 409);
    await after(() => fireEvent.click(screen.getByRole('button', TRY)));
    expect(screen.getByRole('alert').textContent).toContain('Kernels run.');
    expect(model.chosen).toBeNull();
  });
});
