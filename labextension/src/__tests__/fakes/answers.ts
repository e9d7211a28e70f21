/**
 * What the server says in tests of computes, attachments, kernels and the caller.
 */
import type {
  Attachment,
  Compute,
  ComputeList,
  EMRKernel,
  Identity,
  KernelStart
} from '../../tokens';

/** Return a compute as the server gives it. */
export function compute(change: Partial<Compute> = {}): Compute {
  const id = change.id ?? 'j-1';
  return {
    id,
    kind: 'ec2',
    name: 'analytics',
    arn: `arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/${id}`,
    region: 'us-east-1',
    account: '123456789012',
    state: 'WAITING',
    state_reason: null,
    release: 'emr-7.2.0',
    applications: ['Spark', 'JupyterEnterpriseGateway'],
    tags: {},
    created_at: null,
    attachable: true,
    reason: null,
    transports: ['gateway', 'livy'],
    runtime_role: 'optional',
    auth: 'none',
    ...change
  };
}

/** Return an answer of the list. */
export function listOf(
  items: Compute[],
  change: Partial<ComputeList> = {}
): ComputeList {
  return {
    items,
    errors: [],
    as_of: new Date().toISOString(),
    complete: true,
    refreshing: false,
    stored: false,
    version: 'v1',
    total: items.length,
    next_offset: null,
    waiting: [],
    to_describe: 0,
    changes: null,
    ...change
  };
}

/** Return an answer of other lists. */
export function itemsOf(...items: unknown[]): object {
  return { items, errors: [], as_of: '' };
}

/** What nobody should name a thing, and somebody will. */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '\u202Eevil\u202C right to left \u05D0\u05D1',
  'x'.repeat(10_000),
  '👩‍💻🚀 emoji',
  '{{constructor}} ${7*7} %1 %s',
  ' '
];

export const ANALYST = 'arn:aws:iam::123456789012:role/EMRAnalyst';
export const ENGINEER = 'arn:aws:iam::123456789012:role/EMREngineer';

/** Return an attachment. */
export function attachment(change: Partial<Attachment> = {}): Attachment {
  return {
    id: 'a1',
    compute: 'j-1',
    compute_name: 'analytics',
    runtime_role: ANALYST,
    transport: 'gateway',
    path: 'work/report.ipynb',
    profile: null,
    region: 'us-east-1',
    access_role: null,
    created_at: '2026-01-01T00:00:00Z',
    credentials_expire_at: null,
    ...change
  };
}

/** Return a kernel of the ledger. */
export function kernel(change: Partial<EMRKernel> = {}): EMRKernel {
  return {
    kernel_id: 'k1',
    compute: 'j-1',
    compute_name: 'analytics',
    kernelspec: 'emr-pyspark',
    transport: 'gateway',
    gateway_url: 'https://10.0.0.1:18888',
    runtime_role: ANALYST,
    path: '/home/ann/work/report.ipynb',
    notebook: 'work/report.ipynb',
    profile: null,
    region: 'us-east-1',
    access_role: null,
    state: 'idle',
    started_at: null,
    local_id: 'local-1',
    link: 'connected',
    since: null,
    cause: null,
    reason: null,
    owner: null,
    ...change
  };
}

/** Return the start of that notebook's kernel. */
export function start(change: Partial<KernelStart> = {}): KernelStart {
  const now = new Date().toISOString();
  return {
    local_id: 'local-1',
    kernelspec: 'emr-pyspark',
    path: '/home/ann/work/report.ipynb',
    notebook: 'work/report.ipynb',
    stage: 'gateway',
    step: 2,
    steps: 4,
    since: now,
    began_at: now,
    can_cancel: true,
    ...change
  };
}

/** Return the caller. */
export function identity(change: Partial<Identity> = {}): Identity {
  return {
    arn: 'arn:aws:iam::123456789012:user/developer',
    account: '123456789012',
    region: 'us-east-1',
    profile: null,
    expires_at: null,
    profiles: ['analyst', 'developer'],
    sso_session: null,
    ...change
  };
}
