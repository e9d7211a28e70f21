/**
 * My kernels on computes: where they run, in which state, and what can be done with them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import { progressOf } from '../chipstate';
import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { roleName, secondsSince, span } from '../components/words';
import type { ComputesModel } from '../models/computes';
import type { KernelsModel } from '../models/kernels';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { EMRKernel, KernelStart } from '../tokens';

/** What a kernel's buttons do. */
export interface IKernelActions {
  open: (kernel: EMRKernel) => void;
  interrupt: (kernel: EMRKernel) => Promise<void>;
  shutDown: (kernels: readonly EMRKernel[]) => Promise<void>;
  adopt: (kernel: EMRKernel) => Promise<void>;
  /** Return since when a kernel has been idle, ISO 8601; null where it is not, or nobody here knows. */
  lastActivity: (kernel: EMRKernel) => string | null;
}

interface IProps {
  model: KernelsModel;
  computes: ComputesModel;
  actions: IKernelActions;
  /** Why the caller is not known, said above; null where it is. */
  notKnown: IProblem | null;
  /** Hours after which an idle kernel is warned of; 0 for never. */
  warnIdleHours: number;
  trans: TranslationBundle;
}

/** The region "Kernels". */
export function KernelsSection(props: IProps): JSX.Element {
  const { model, computes, trans, actions } = props;
  useChanges(model.changed, computes.changed);
  useSeconds(true);
  const [failed, setFailed] = useState<IProblem | null>(null);
  const attempt = (action: Promise<void>): void => {
    setFailed(null);
    action.catch(error => setFailed(asProblem(error)));
  };
  const items = model.items ?? [];
  const gone = items.filter(kernel => isGone(kernel));
  // What several computes have in common, such as a login that is over, is said once.
  const messages = [props.notKnown, ...model.errors].map(one => one?.message);
  const errors = model.errors.filter(
    ({ message }, index) => messages.indexOf(message) === index + 1
  );
  return (
    <section className="jp-EmrKernels" aria-label={trans.__('Kernels')}>
      {(failed ?? model.problem) && (
        <Problem problem={(failed ?? model.problem)!} trans={trans}>
          <Button
            onClick={() => {
              setFailed(null);
              void model.refresh();
            }}
          >
            {trans.__('Refresh')}
          </Button>
        </Problem>
      )}
      {errors.map((error, index) => (
        <Problem
          key={index}
          problem={{ ...error, fix: error.fix ?? '' }}
          trans={trans}
        />
      ))}
      {model.items?.length === 0 && model.starts.length === 0 && (
        <p role="status" className="jp-EmrDim">
          {trans.__('No kernel runs on a compute.')}
        </p>
      )}
      <ul>
        {model.starts
          .filter(start => !items.some(one => one.local_id === start.local_id))
          .map(start => (
            <Start
              key={start.local_id}
              {...props}
              start={start}
              attempt={attempt}
            />
          ))}
        {items.map(kernel => (
          <Item
            key={kernel.kernel_id}
            {...props}
            kernel={kernel}
            attempt={attempt}
          />
        ))}
      </ul>
      {gone.length > 0 && (
        <Button
          title={gone
            .map(kernel => nameOf(kernel) ?? kernel.kernel_id)
            .join('\n')}
          onClick={() => attempt(actions.shutDown(gone))}
        >
          {trans.__('Prune (%1)', gone.length)}
        </Button>
      )}
    </section>
  );
}

/** A kernel that was not requested yet. */
function Start(
  props: IProps & {
    start: KernelStart;
    attempt: (action: Promise<void>) => void;
  }
): JSX.Element {
  const { start, trans, model, attempt } = props;
  return (
    <li className="jp-EmrKernel">
      <div className="jp-EmrKernel-name" title={start.path ?? ''}>
        <bdi>{start.notebook ?? start.path ?? trans.__('no notebook')}</bdi>
      </div>
      <div className="jp-EmrDim">{start.kernelspec}</div>
      <div className="jp-EmrDim">
        {trans.__('starting %1', progressOf(start, trans))}
      </div>
      {start.can_cancel && (
        <div className="jp-EmrButtons">
          <Button onClick={() => attempt(model.cancel(start))}>
            {trans.__('Cancel start')}
          </Button>
        </div>
      )}
    </li>
  );
}

/** Whether a kernel is known to be there no more. */
export function isGone(kernel: EMRKernel): boolean {
  return kernel.link === 'gone' || kernel.state === 'gone';
}

function Item(
  props: IProps & {
    kernel: EMRKernel;
    attempt: (action: Promise<void>) => void;
  }
): JSX.Element {
  const { kernel, computes, trans, actions, attempt } = props;
  const compute =
    computes.find(kernel.compute)?.name ??
    kernel.compute_name ??
    kernel.compute;
  const where = [compute, roleName(kernel.runtime_role), kernel.kernelspec];
  const start = kernel.local_id
    ? props.model.startOf(kernel.local_id, '')
    : undefined;
  const hours = props.warnIdleHours;
  const idle = secondsSince(actions.lastActivity(kernel));
  const [sure, setSure] = useState(false);
  return (
    <li className="jp-EmrKernel">
      <div className="jp-EmrKernel-name" title={kernel.path ?? ''}>
        <bdi>{nameOf(kernel) ?? ownerless(kernel, trans)}</bdi>
      </div>
      <div className="jp-EmrDim">{where.filter(Boolean).join(' · ')}</div>
      <div className="jp-EmrDim">
        {start
          ? trans.__('starting %1', progressOf(start, trans))
          : stateOf(kernel, trans)}
      </div>
      {hours > 0 && idle > hours * 3600 && (
        <div className="jp-EmrSoon">
          {trans.__(
            'idle for %1: shut it down if you are done, it holds resources there',
            span(idle)
          )}
        </div>
      )}
      {kernel.reason && kernel.cause !== 'restarted' && (
        <div>{kernel.reason}</div>
      )}
      <div className="jp-EmrButtons">
        {kernel.notebook && (
          <Button onClick={() => actions.open(kernel)}>
            {trans.__('Open')}
          </Button>
        )}
        {kernel.link === 'connected' && kernel.local_id && !start && (
          <Button onClick={() => attempt(actions.interrupt(kernel))}>
            {trans.__('Interrupt')}
          </Button>
        )}
        {kernel.link === 'detached' && (
          <Button onClick={() => attempt(actions.adopt(kernel))}>
            {trans.__('Adopt')}
          </Button>
        )}
        {!isGone(kernel) && (
          <Button
            className={sure ? 'jp-mod-warn' : ''}
            onBlur={() => setSure(false)}
            onClick={() => {
              if (sure) {
                attempt(actions.shutDown([kernel]));
              }
              setSure(!sure);
            }}
          >
            {sure ? trans.__('Lose its variables?') : trans.__('Shut down')}
          </Button>
        )}
      </div>
    </li>
  );
}

function stateOf(kernel: EMRKernel, trans: TranslationBundle): string {
  const age = kernel.since ? span(secondsSince(kernel.since)) : '';
  if (kernel.link === 'connected') {
    const words = age && trans.__('connected for %1', age); // whatever it did meanwhile
    return kernel.state === 'connected'
      ? words || trans.__('connected')
      : [kernel.state, words].filter(Boolean).join(' · ');
  }
  const links: Record<string, string> = {
    starting: trans.__('starting'),
    reconnecting: trans.__('reconnecting'),
    detached: trans.__('detached: no server has it'),
    gone: trans.__('gone')
  };
  return [links[kernel.link] ?? kernel.link, age].filter(Boolean).join(' · ');
}

/** Return what stands in for the notebook of a kernel that has none, or of a session that a cell has attached. */
function ownerless(kernel: EMRKernel, trans: TranslationBundle): string {
  return kernel.kernelspec === '%emr'
    ? trans.__('attached in a cell')
    : trans.__('no notebook');
}

/** Return what a kernel was started for: its notebook here, else the path in the file system. */
function nameOf(kernel: EMRKernel): string | null {
  return kernel.notebook ?? kernel.path;
}
