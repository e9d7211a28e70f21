/**
 * What the chip says of a notebook's kernel: where it runs, as whom, and how it is.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import {
  clock,
  roleName,
  secondsSince,
  shortened,
  span,
  stopwatch
} from './components/words';
import type { Attachment, EMRKernel, KernelStart } from './tokens';

const MOST_CHARACTERS = 28;
/** After so many seconds a start says what is usual. */
const USUAL_AFTER_S = 15;

/** What the chip says. */
export interface IChipState {
  /** Compute and role, as short as the toolbar needs. */
  label: string;
  /** The state in words. */
  state: string;
  /** Everything, for the tooltip and to copy. */
  details: string;
}

/** What is known of a notebook and its kernel. */
export interface IChipFacts {
  attachment: Attachment | null;
  /** The kernel in the ledger. */
  kernel?: EMRKernel;
  /** The start or restart that is under way. */
  start?: KernelStart;
  /** JupyterLab's word for the kernel. */
  status: string;
  /** When the execution that runs now began, in milliseconds; null where none is known. */
  busySince?: number | null;
  /** Return a compute's name by its id. */
  nameOf: (compute: string) => string;
}

/** Return what to say of a notebook on EMR. */
export function chipState(
  facts: IChipFacts,
  trans: TranslationBundle
): IChipState {
  const { attachment, kernel, start, nameOf } = facts;
  const state = stateOf(facts, trans);
  if (!attachment && !kernel) {
    const text = trans.__('Not attached');
    return { label: text, state: start ? state : '', details: text };
  }
  const compute = nameOf(kernel?.compute ?? attachment!.compute);
  const role = (kernel ?? attachment!).runtime_role;
  const label = [compute, roleName(role)].filter(Boolean).join(' · ');
  const other = difference(attachment, kernel, nameOf, trans);
  const lines = [
    label,
    role ?? '',
    state,
    start ? usual(start, trans) : '',
    kernel?.reason ?? '',
    other ? trans.__('%1: restart to change', other.text) : '',
    attachment?.credentials_expire_at
      ? trans.__(
          'credentials until %1, renewed by themselves',
          clock(attachment.credentials_expire_at)
        )
      : '',
    attachment
      ? trans.__('attached: %1', attachment.path || '/')
      : trans.__('not attached any more'),
    kernel?.gateway_url ?? '',
    kernel ? trans.__('kernel %1', kernel.kernel_id) : ''
  ];
  return {
    label: shortened(label, MOST_CHARACTERS) + (other ? ' ≠' : ''),
    state: other ? `${state} · ${other.attached}` : state,
    details: lines.filter(Boolean).join('\n')
  };
}

/** What a kernel's restart would change. */
export interface IDifference {
  /** `runs as EMRAnalyst; attached as EMREngineer` */
  text: string;
  /** `attached as EMREngineer` */
  attached: string;
  /** `Restart under EMREngineer` */
  restart: string;
}

/** Return how a kernel runs otherwise than is attached; null where it does not, or there is no kernel or attachment. */
export function difference(
  attachment: Attachment | null,
  kernel: EMRKernel | undefined,
  nameOf: (compute: string) => string,
  trans: TranslationBundle
): IDifference | null {
  if (!attachment || !kernel) {
    return null;
  }
  const no = trans.__('no role');
  const role = roleName(attachment.runtime_role) || no;
  if (kernel.compute !== attachment.compute) {
    const compute = nameOf(attachment.compute);
    const attached = trans.__('attached to %1', compute);
    return {
      text: trans.__('runs on %1; %2', nameOf(kernel.compute), attached),
      attached,
      restart: trans.__('Restart on %1', compute)
    };
  }
  if (kernel.runtime_role === attachment.runtime_role) {
    return null;
  }
  const attached = trans.__('attached as %1', role);
  const runs = roleName(kernel.runtime_role) || no;
  return {
    text: trans.__('runs as %1; %2', runs, attached),
    attached,
    restart: attachment.runtime_role
      ? trans.__('Restart under %1', role)
      : trans.__('Restart without a role')
  };
}

function stateOf(facts: IChipFacts, trans: TranslationBundle): string {
  const { kernel, start, status, busySince } = facts;
  if (start) {
    return trans.__('Starting %1', progressOf(start, trans));
  }
  const since = span(secondsSince(kernel?.since ?? null));
  switch (kernel?.link) {
    case 'reconnecting':
      return trans.__('Reconnecting %1', since);
    case 'gone':
      return trans.__('Gone: %1', kernel.cause ?? trans.__('variables lost'));
    case 'starting':
      return kernel.since
        ? trans.__('Starting %1', since)
        : trans.__('Starting');
  }
  if (busySince) {
    return trans.__('Busy %1', stopwatch((Date.now() - busySince) / 1000));
  }
  const words: Record<string, string> = {
    idle: trans.__('Idle'),
    busy: trans.__('Busy'),
    starting: trans.__('Starting'),
    initializing: trans.__('Starting'),
    restarting: trans.__('Restarting'),
    autorestarting: trans.__('Restarting'),
    terminating: trans.__('Shutting down'),
    connecting: trans.__('Connecting'),
    disconnected: trans.__('Disconnected'),
    dead: trans.__('Dead')
  };
  return words[status] ?? trans.__('No kernel');
}

/** Return how far a start is: `2 of 4: gateway, 6 s`. */
export function progressOf(
  start: KernelStart,
  trans: TranslationBundle
): string {
  const now = stageOf(start, trans);
  return start.step === null
    ? now
    : trans.__('%1 of %2: %3', start.step, start.steps, now);
}

/** Return what a cell says that waits for its kernel; `seconds` is for how long, where nothing is known of a start. */
export function waitingText(
  start: KernelStart | undefined,
  seconds: number,
  trans: TranslationBundle
): string {
  const now = start ? stageOf(start, trans) : span(seconds);
  const text = trans.__('waits for the kernel: %1', now);
  const more = start ? usual(start, trans) : '';
  return more ? `${text}. ${more}` : text;
}

function stageOf(start: KernelStart, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    credentials: trans.__('credentials'),
    gateway: trans.__('gateway'),
    livy: 'Livy',
    'kernel requested': trans.__('kernel'),
    'kernel ready': trans.__('answer of the kernel'),
    'waiting for the connection': trans.__('connection')
  };
  const since = span(secondsSince(start.since));
  return `${names[start.stage] ?? start.stage}, ${since}`;
}

/** Return what EMR usually needs, for a start that has taken some time. */
function usual(start: KernelStart, trans: TranslationBundle): string {
  return secondsSince(start.began_at) < USUAL_AFTER_S
    ? ''
    : trans.__(
        'EMR usually needs 3 to 60 s for a kernel, on EKS a few minutes while pods start.'
      );
}
