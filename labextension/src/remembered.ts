/**
 * The computes that launcher and palette offer: pinned and recent ones, and those that something is attached to.
 */
import type { KernelSpec } from '@jupyterlab/services';

import { factsOf } from './models/computes';
import type { Memory } from './models/memory';
import { isEMRKernelspec, kernelspecFor } from './notebooks';
import type { Attachment, Compute } from './tokens';

const LANGUAGES = ['python', 'scala', 'r'];

/** A compute with the role to take there. */
export interface IOffer {
  /** Its id. */
  compute: string;
  name: string;
  runtime_role: string | null;
  hasSpark: boolean;
}

/** Return the computes to offer, the first first, `most` at most; those of which nothing is known are left out. */
export function offersOf(
  memory: Memory,
  find: (key: string) => Compute | undefined,
  attachments: readonly Attachment[],
  most: number
): IOffer[] {
  const offers: IOffer[] = [];
  for (const key of memory.first) {
    const compute = find(key);
    const known = compute ? factsOf(compute) : memory.factsOf(key);
    const role = memory.roleOn(key);
    if (known && compute?.attachable !== false) {
      offers.push({ ...known, runtime_role: role || null });
    }
  }
  for (const { compute, compute_name, runtime_role } of attachments) {
    const name = compute_name ?? compute;
    const found = find(compute);
    const hasSpark = found ? factsOf(found).hasSpark : true;
    offers.push({ compute, name, runtime_role, hasSpark });
  }
  const isFirst = (offer: IOffer, index: number): boolean =>
    offers.findIndex(one => one.compute === offer.compute) === index;
  return offers.filter(isFirst).slice(0, most);
}

/** Return the kernelspecs that a compute can run, Python's first. */
export function kernelspecsOn(
  offer: Pick<IOffer, 'hasSpark'>,
  specs: KernelSpec.ISpecModels | null
): KernelSpec.ISpecModel[] {
  const applications = offer.hasSpark ? ['Spark'] : [];
  const on = { applications, kind: 'ec2' as const };
  const names = offer.hasSpark
    ? [...LANGUAGES.map(one => kernelspecFor(one, on, specs)), 'emr-python']
    : [kernelspecFor('python', on, specs)];
  return names
    .map(name => specs?.kernelspecs[name ?? ''])
    .filter(
      (spec): spec is KernelSpec.ISpecModel =>
        spec !== undefined && isEMRKernelspec(spec)
    );
}
