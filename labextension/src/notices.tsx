/**
 * Notices above a notebook: they take no keyboard from its cells.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { Button, Problem } from './components/problem';
import type { IProblem } from './request';

/** A button of a notice; it takes the notice away, then acts. */
export interface IAction {
  label: string;
  execute?: () => void;
  accept?: boolean;
}

const shown = new WeakMap<NotebookPanel, ReactWidget>();

/** Show a notice above a notebook, in place of the one that stands there. */
export function showNotice(
  panel: NotebookPanel,
  problem: IProblem,
  actions: readonly IAction[],
  trans: TranslationBundle
): void {
  hideNotice(panel);
  const notice = ReactWidget.create(
    <Problem problem={problem} trans={trans}>
      {actions.map(({ label, execute, accept }) => (
        <Button
          key={label}
          accept={accept}
          onClick={() => {
            hideNotice(panel);
            execute?.();
          }}
        >
          {label}
        </Button>
      ))}
    </Problem>
  );
  notice.addClass('jp-EmrNotice');
  panel.contentHeader.addWidget(notice);
  shown.set(panel, notice);
}

/** Take the notice above a notebook away. */
export function hideNotice(panel: NotebookPanel): void {
  shown.get(panel)?.dispose();
  shown.delete(panel);
}
