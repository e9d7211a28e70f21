/**
 * The banner above a notebook: it takes no keyboard from its cells.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { Button, Problem } from './components/problem';
import type { IProblem } from './request';

/** A button of a banner; it takes the banner away, then acts. */
export interface IAction {
  label: string;
  execute?: () => unknown;
  accept?: boolean;
}

const shown = new WeakMap<
  NotebookPanel,
  { banner: ReactWidget; code: string }
>();

/** Show a banner above a notebook, in place of the one that stands there. */
export function showBanner(
  panel: NotebookPanel,
  problem: IProblem,
  actions: readonly IAction[],
  trans: TranslationBundle
): void {
  hideBanner(panel);
  const banner = new Banner(
    <Problem problem={problem} trans={trans}>
      {actions.map(({ label, execute, accept }) => (
        <Button
          key={label}
          accept={accept}
          onClick={() => {
            hideBanner(panel);
            execute?.();
          }}
        >
          {label}
        </Button>
      ))}
    </Problem>
  );
  banner.addClass('jp-EmrNotice');
  panel.contentHeader.addWidget(banner);
  shown.set(panel, { banner, code: problem.code });
}

/** As high as what it shows: the layout above a notebook wants to be told. */
class Banner extends ReactWidget {
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

/** Take the banner above a notebook away. */
export function hideBanner(panel: NotebookPanel): void {
  shown.get(panel)?.banner.dispose();
  shown.delete(panel);
}

/** Return the code of the problem that stands above a notebook; null where none does. */
export function bannerOf(panel: NotebookPanel): string | null {
  return shown.get(panel)?.code ?? null;
}
