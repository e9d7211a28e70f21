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

/** Return an IAM policy that allows these actions, to be copied. */
export function policyFor(actions: readonly string[]): string {
  const Statement = [{ Effect: 'Allow', Action: actions, Resource: '*' }];
  return JSON.stringify({ Version: '2012-10-17', Statement }, null, 2);
}

/** Return the IAM actions that a refusal of AWS names, which may be several; none for any other failure. */
export function actionsMissing(problem: IProblem): string[] {
  return /denied/i.test(problem.code)
    ? (problem.iam_action ?? '').split(/[\s,]+/).filter(Boolean)
    : [];
}

/** A fix, in which what stands between backquotes is shown as code. */
function Fix(props: { text: string }): JSX.Element {
  const parts = props.text.split('`');
  return (
    <>
      {parts.map((part, index) =>
        index % 2 === 1 && index < parts.length - 1 ? (
          <code key={index}>{part}</code>
        ) : (
          part
        )
      )}
    </>
  );
}

/** A notice with cause and fix; the fix's command and the details can be copied. */
export function Problem(props: {
  problem: IProblem;
  trans: TranslationBundle;
  /** A note is no failure: a screen reader is not interrupted for it, and there is nothing to report. */
  kind?: 'failure' | 'note';
  /** Buttons that mend it. */
  children?: React.ReactNode;
}): JSX.Element {
  const { problem, trans } = props;
  const command = commandIn(problem.fix);
  const actions = actionsMissing(problem);
  const isNote = props.kind === 'note';
  return (
    <div
      className={`jp-EmrProblem${isNote ? ' jp-mod-note' : ''}`}
      role={isNote ? 'note' : 'alert'}
    >
      <p className="jp-EmrProblem-cause">{problem.message}</p>
      {problem.fix && (
        <p className="jp-EmrProblem-fix">
          <Fix text={problem.fix} />
        </p>
      )}
      <div className="jp-EmrButtons">
        {props.children}
        {command && (
          <Button onClick={() => Clipboard.copyToSystem(command)}>
            {trans.__('Copy command')}
          </Button>
        )}
        {actions.length > 0 && (
          <Button
            title={actions.join('\n')}
            onClick={() => Clipboard.copyToSystem(policyFor(actions))}
          >
            {trans.__('Copy policy')}
          </Button>
        )}
        {!isNote && (
          <Button onClick={() => Clipboard.copyToSystem(detailsOf(problem))}>
            {trans.__('Copy details')}
          </Button>
        )}
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
