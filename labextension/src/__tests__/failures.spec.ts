/**
 * @jest-environment ./jest.browser.js
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, within } from '@testing-library/react';

import { problemOfStart, StartFailures } from '../failures';
import { hideBanner, showBanner } from '../banner';
import { FakeNotebook, settled, SPECS } from './fakes';

const trans = nullTranslator.load('jupyter_emr_connect');

describe('what JupyterLab was told of a start', () => {
  it.each([
    [
      'EMR cluster j-1 (emr-6.15.0) is terminated. Choose another.',
      'EMR cluster j-1 (emr-6.15.0) is terminated.',
      'Choose another.'
    ],
    [
      'Not attached. `jupyter emr attach`',
      'Not attached.',
      '`jupyter emr attach`'
    ],
    ['One cause alone', 'One cause alone', ''],
    ['  spaces.\n\nFix it.  ', 'spaces.', 'Fix it.'],
    ['', 'The kernel did not start.', ''],
    ['a.B c', 'a.B c', '']
  ])('%j is cause and fix', (message, cause, fix) => {
    expect(problemOfStart(message, trans)).toEqual({
      message: cause,
      fix,
      code: 'kernel-start-failed'
    });
  });
});

/** A notebook with the parts of JupyterLab that show its errors. */
class Notebook extends FakeNotebook {
  constructor(kernelspec: string) {
    super('a.ipynb', kernelspec);
    Object.assign(this.sessionContext, {
      _displayKernelError: (message: string) => {
        this.boxes.push(message);
        return Promise.resolve();
      }
    });
  }

  boxes: string[] = [];

  /** Let JupyterLab show an error. */
  async fail(message: string): Promise<void> {
    const session = this.sessionContext as unknown as {
      _displayKernelError: (message: string, trace: string) => Promise<void>;
    };
    await act(() => session._displayKernelError(message, ''));
    await render(this);
  }

  get notice(): HTMLElement | null {
    const shown = this.contentHeader.widgets.filter(one => !one.isDisposed);
    expect(shown.length).toBeLessThan(2);
    return shown[0]?.node ?? null;
  }
}

async function render(notebook: FakeNotebook): Promise<void> {
  await act(async () => {
    for (const widget of notebook.contentHeader
      .widgets as unknown as Widget[]) {
      if (!widget.isDisposed && !widget.isAttached) {
        Widget.attach(widget, document.body);
        MessageLoop.flush();
      }
    }
    await settled();
  });
}

describe('a start that fails', () => {
  let opened = 0;

  function watched(notebook: Notebook): StartFailures {
    opened = 0;
    const failures = new StartFailures(
      () => SPECS,
      () => () => void opened++,
      trans
    );
    failures.watch(notebook.self);
    return failures;
  }

  it('on EMR is told above the notebook, by cause and fix', async () => {
    const notebook = new Notebook('emr-pyspark');
    watched(notebook);
    await notebook.fail('Not attached. Attach it.');
    expect(notebook.boxes).toEqual([]);
    const notice = within(notebook.notice!);
    expect(notice.getByRole('alert').textContent).toContain('Not attached.');
    fireEvent.click(notice.getByRole('button', { name: 'Choose a compute …' }));
    expect([opened, notebook.notice]).toEqual([1, null]);
  });

  it('can be tried again', async () => {
    const notebook = new Notebook('emr-pyspark');
    watched(notebook);
    await notebook.fail('No.');
    const notice = within(notebook.notice!);
    fireEvent.click(notice.getByRole('button', { name: 'Try again' }));
    await settled();
    expect(notebook.sessionContext.changes).toEqual([{ name: 'emr-pyspark' }]);
    expect(notebook.notice).toBeNull();
  });

  it('again and fails again is told again, once', async () => {
    const notebook = new Notebook('emr-pyspark');
    watched(notebook);
    notebook.sessionContext.onChange = () => Promise.reject(new Error('no'));
    await notebook.fail('First.');
    await notebook.fail('Second.');
    expect(notebook.notice?.textContent).toContain('Second.');
    const notice = within(notebook.notice!);
    fireEvent.click(notice.getByRole('button', { name: 'Try again' }));
    await settled();
    expect(notebook.notice).toBeNull();
  });

  it('of a local kernel is JupyterLab’s own affair', async () => {
    const notebook = new Notebook('python3');
    watched(notebook);
    await notebook.fail('ipykernel is missing');
    expect(notebook.boxes).toEqual(['ipykernel is missing']);
    expect(notebook.notice).toBeNull();
  });

  it('of a change to EMR is told above the notebook', async () => {
    const notebook = new Notebook('python3');
    watched(notebook);
    Object.assign(notebook.sessionContext, {
      _pendingKernelName: 'emr-pyspark'
    });
    await notebook.fail('No.');
    expect([notebook.boxes, notebook.notice !== null]).toEqual([[], true]);
  });

  it('is told no more once a kernel is there', async () => {
    const notebook = new Notebook('emr-pyspark');
    watched(notebook);
    await notebook.fail('No.');
    notebook.sessionContext.kernelChanged.emit(null);
    expect(notebook.notice).not.toBeNull();
    act(() => notebook.sessionContext.give('emr-pyspark'));
    expect(notebook.notice).toBeNull();
  });

  it('with another JupyterLab is told by that', () => {
    const notebook = new FakeNotebook('a.ipynb', 'emr-pyspark');
    const failures = new StartFailures(
      () => SPECS,
      () => null,
      trans
    );
    failures.watch(notebook.self);
    expect(notebook.contentHeader.widgets).toEqual([]);
  });

  it('offers no panel where there is none', async () => {
    const notebook = new Notebook('emr-pyspark');
    new StartFailures(
      () => SPECS,
      () => null,
      trans
    ).watch(notebook.self);
    await notebook.fail('No.');
    const labels = within(notebook.notice!)
      .getAllByRole('button')
      .map(button => button.textContent);
    expect(labels).toEqual(['Try again', 'Close', 'Copy details']);
  });
});

describe('the dialog that asks for a kernel', () => {
  function dialogs(failures: StartFailures): {
    asked: () => number;
    select: (notebook: Notebook) => Promise<void>;
  } {
    let asked = 0;
    const shown = {
      selectKernel: () => Promise.resolve(void asked++)
    } as unknown as ISessionContext.IDialogs;
    failures.quieten(shown);
    return {
      asked: () => asked,
      select: notebook => shown.selectKernel(notebook.sessionContext.self)
    };
  }

  it('does not follow a notice, but comes to who asks for it', async () => {
    const failures = new StartFailures(
      () => SPECS,
      () => null,
      trans
    );
    const { asked, select } = dialogs(failures);
    const notebook = new Notebook('emr-pyspark');
    failures.watch(notebook.self);
    await notebook.fail('No.');
    await select(notebook);
    expect(asked()).toBe(0);
    await select(notebook);
    expect(asked()).toBe(1);
  });

  it('follows what is no failure, and local ones', async () => {
    const failures = new StartFailures(
      () => SPECS,
      () => null,
      trans
    );
    const { asked, select } = dialogs(failures);
    const notebook = new Notebook('python3');
    failures.watch(notebook.self);
    await select(notebook);
    await notebook.fail('No.');
    await select(notebook);
    expect(asked()).toBe(2);
  });

  it('comes at once where a kernel came after the failure', async () => {
    const failures = new StartFailures(
      () => SPECS,
      () => null,
      trans
    );
    const { asked, select } = dialogs(failures);
    const notebook = new Notebook('emr-pyspark');
    failures.watch(notebook.self);
    await notebook.fail('No.');
    act(() => notebook.sessionContext.give('emr-pyspark'));
    await select(notebook);
    expect(asked()).toBe(1);
  });

  it('comes at once where the notice was taken away', async () => {
    const failures = new StartFailures(
      () => SPECS,
      () => null,
      trans
    );
    const { asked, select } = dialogs(failures);
    const notebook = new Notebook('emr-pyspark');
    failures.watch(notebook.self);
    await notebook.fail('No.');
    const notice = within(notebook.notice!);
    fireEvent.click(notice.getByRole('button', { name: 'Close' }));
    await select(notebook);
    expect(asked()).toBe(1);
  });
});

describe('a notice', () => {
  it('takes the place of the one before, and no HTML', async () => {
    const notebook = new FakeNotebook('a.ipynb');
    const problem = { message: '<img src=x onerror=1>', fix: '', code: 'c' };
    showBanner(notebook.self, { ...problem, message: 'first' }, [], trans);
    showBanner(notebook.self, problem, [], trans);
    await render(notebook);
    const shown = notebook.contentHeader.widgets.filter(w => !w.isDisposed);
    expect(shown).toHaveLength(1);
    expect(shown[0].node.textContent).toContain('<img src=x onerror=1>');
    expect(shown[0].node.querySelector('img')).toBeNull();
    act(() => {
      hideBanner(notebook.self);
      hideBanner(notebook.self);
    });
    expect(shown[0].isDisposed).toBe(true);
  });
});
