/**
 * What failed, why, and what to do.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IProblem } from '../request';

/** Return the command that a fix names between backquotes, to be copied. */
export function commandIn(fix: string): string | null {
  return /`([^`]+)`/.exec(fix)?.[1] ?? null;
}

/** Return all that is known of a problem as text, for an administrator. */
export function detailsOf(problem: IProblem): string {
  const lines = [
    problem.message,
    problem.fix,
    `code: ${problem.code}`,
    problem.hop ? `hop: ${problem.hop}` : '',
    problem.iam_action ? `IAM action: ${problem.iam_action}` : ''
  ];
  return lines.filter(Boolean).join('\n');
}

/** A notice with cause and fix; the fix's command and the details can be copied. */
export function Problem(props: {
  problem: IProblem;
  trans: TranslationBundle;
  /** Buttons that mend it. */
  children?: React.ReactNode;
}): JSX.Element {
  const { problem, trans } = props;
  const command = commandIn(problem.fix);
  return (
    <div className="jp-EmrProblem" role="alert">
      <p className="jp-EmrProblem-cause">{problem.message}</p>
      {problem.fix && <p className="jp-EmrProblem-fix">{problem.fix}</p>}
      <div className="jp-EmrButtons">
        {props.children}
        {command && (
          <Button onClick={() => Clipboard.copyToSystem(command)}>
            {trans.__('Copy command')}
          </Button>
        )}
        <Button onClick={() => Clipboard.copyToSystem(detailsOf(problem))}>
          {trans.__('Copy details')}
        </Button>
      </div>
    </div>
  );
}

/** A button in JupyterLab's style. */
export function Button(
  props: React.ButtonHTMLAttributes<HTMLButtonElement> & { accept?: boolean }
): JSX.Element {
  const { accept, className, ...rest } = props;
  const classes = [
    'jp-Button jp-mod-styled jp-mod-small',
    accept ? 'jp-mod-accept' : '',
    className ?? ''
  ];
  return <button type="button" className={classes.join(' ')} {...rest} />;
}
