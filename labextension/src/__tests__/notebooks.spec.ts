import {
  isEMRKernelspec,
  isOnEMR,
  kernelspecFor,
  kernelspecOf,
  languageOf
} from '../notebooks';
import { compute, FakeNotebook, FakeSession, SPECS } from './fakes';

describe('a kernelspec', () => {
  it('is EMR’s by its provisioner', () => {
    expect(isEMRKernelspec(SPECS.kernelspecs['emr-pyspark'])).toBe(true);
    expect(isEMRKernelspec(SPECS.kernelspecs['python3'])).toBe(false);
    expect(isEMRKernelspec(undefined)).toBe(false);
  });

  it('of a notebook is that of its kernel, else what it would start', () => {
    const session = new FakeSession({ name: 'emr-pyspark' });
    expect(kernelspecOf(session.self)).toBe('emr-pyspark');
    expect(isOnEMR(session.self, SPECS)).toBe(true);
    session.give('python3');
    expect(kernelspecOf(session.self)).toBe('python3');
    expect(isOnEMR(session.self, SPECS)).toBe(false);
    expect(kernelspecOf(new FakeSession().self)).toBe('');
    expect(isOnEMR(new FakeSession().self, SPECS)).toBe(false);
    expect(isOnEMR(new FakeSession({ name: 'emr-pyspark' }).self, null)).toBe(
      false
    );
  });

  const noSpark = compute({ applications: ['JupyterEnterpriseGateway'] });

  it.each([
    ['python', compute(), 'emr-pyspark'],
    ['python', noSpark, 'emr-python'],
    ['python', { ...noSpark, kind: 'serverless' as const }, 'emr-pyspark'],
    ['python', null, 'emr-pyspark'],
    ['Scala', compute(), 'emr-spark'],
    ['R', compute(), 'emr-sparkr'],
    ['r', compute(), 'emr-sparkr'],
    ['pyspark', compute(), 'emr-pyspark'], // as sparkmagic's kernels call it
    ['sparkR', compute(), 'emr-sparkr'],
    ['julia', compute(), null],
    ['', compute(), null]
  ])('for %s', (language, on, name) => {
    expect(kernelspecFor(language, on, SPECS)).toBe(name);
  });

  it('is none where the server has none', () => {
    expect(kernelspecFor('python', compute(), null)).toBeNull();
    const none = { default: '', kernelspecs: {} };
    expect(kernelspecFor('python', compute(), none)).toBeNull();
  });
});

describe('the language of a notebook', () => {
  it.each([
    [{}, 'python'],
    [{ language_info: { name: 'scala' } }, 'scala'],
    [{ kernelspec: { language: 'R' }, language_info: { name: 'x' } }, 'R'],
    [{ kernelspec: { name: 'x' }, language_info: { name: 'R' } }, 'R'],
    [{ kernelspec: { language: '' }, language_info: { name: 'R' } }, 'R'],
    [{ kernelspec: null, language_info: null }, 'python']
  ])('of %j', (metadata, language) => {
    const notebook = new FakeNotebook('a.ipynb');
    notebook.metadata = metadata;
    expect(languageOf(notebook.self)).toBe(language);
  });
});
