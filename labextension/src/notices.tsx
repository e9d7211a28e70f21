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
  const notice = new Notice(
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

/** As high as what it shows: the layout above a notebook wants to be told. */
class Notice extends ReactWidget {
  constructor(private _content: JSX.Element) {
    super();
  }

  dispose(): void {
    this._observer.disconnect();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <div ref={element => this._watch(element)}>{this._content}</div>;
  }

  private _watch(element: HTMLDivElement | null): void {
    this._observer.disconnect();
    if (element) {
      this._observer.observe(element);
    }
  }

  private _observer = new ResizeObserver(([entry]) => {
    const { height } = entry.target.getBoundingClientRect();
    this.node.style.minHeight = `${Math.ceil(height)}px`;
    this.parent?.fit();
  });
}

/** Take the notice above a notebook away. */
export function hideNotice(panel: NotebookPanel): void {
  shown.get(panel)?.dispose();
  shown.delete(panel);
}
