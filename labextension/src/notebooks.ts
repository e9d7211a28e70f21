/**
 * Notebooks and their kernels, as far as attaching concerns them.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';

import type { Compute } from './tokens';

/** The name of our kernel provisioner in a kernelspec. */
const PROVISIONER = 'emr-connect';

/** Whether a kernelspec starts kernels on computes. */
export function isEMRKernelspec(
  spec: KernelSpec.ISpecModel | undefined
): boolean {
  const provisioner = spec?.metadata?.['kernel_provisioner'] as
    { provisioner_name?: string } | undefined;
  return provisioner?.provisioner_name === PROVISIONER;
}

/** Return the name of a notebook's kernelspec: that of its session, or what it would start; empty without one. */
export function kernelspecOf(session: ISessionContext): string {
  return session.session?.kernel?.name ?? session.kernelPreference.name ?? '';
}

/** What a session context of JupyterLab (4.6) has beyond its interface. */
interface IChanges {
  _isChangingKernel?: boolean;
  _pendingKernelName?: string;
}

/** Whether a notebook has a kernel; `hasNoKernel` says so of one whose first kernel starts, too. */
export function hasKernel(session: ISessionContext): boolean {
  return Boolean(session.session?.kernel);
}

/** Whether a notebook's kernel is exchanged for another now. */
export function isChanging(session: ISessionContext): boolean {
  return (session as unknown as IChanges)._isChangingKernel === true;
}

/** Whether the kernel that a notebook asked for last is on a compute, be it there or not. */
export function isMeantForEMR(
  session: ISessionContext,
  specs: KernelSpec.ISpecModels | null
): boolean {
  const meant = (session as unknown as IChanges)._pendingKernelName ?? '';
  return isEMRKernelspec(specs?.kernelspecs[meant]);
}

/** Whether a notebook's kernel is, or would be, on a compute. */
export function isOnEMR(
  session: ISessionContext,
  specs: KernelSpec.ISpecModels | null
): boolean {
  return isEMRKernelspec(specs?.kernelspecs[kernelspecOf(session)]);
}

/** Languages by the names that notebooks give them; sparkmagic's kernels have names of their own. */
const LANGUAGES: Record<string, string> = {
  ipython: 'python',
  pyspark: 'python',
  sparkr: 'r'
};

/**
 * Return the kernelspec for a notebook of a language on a compute: Spark's where the compute has Spark; null for a
 * language that no kernel of ours has.
 */
export function kernelspecFor(
  language: string,
  compute: Pick<Compute, 'applications' | 'kind'> | null,
  specs: KernelSpec.ISpecModels | null
): string | null {
  const hasSpark =
    !compute ||
    compute.kind !== 'ec2' ||
    compute.applications.includes('Spark');
  const names: Record<string, string | undefined> = {
    python: hasSpark ? 'emr-pyspark' : 'emr-python',
    scala: 'emr-spark',
    r: 'emr-sparkr'
  };
  const lower = language.toLowerCase();
  const name = names[LANGUAGES[lower] ?? lower];
  return name && specs?.kernelspecs[name] ? name : null;
}

/** Return the language of a notebook's kernel, as its file says it. */
export function languageOf(panel: NotebookPanel): string {
  const info = panel.model?.getMetadata('language_info') as
    { name?: string } | undefined;
  const spec = panel.model?.getMetadata('kernelspec') as
    { language?: string } | undefined;
  return spec?.language || info?.name || 'python';
}
