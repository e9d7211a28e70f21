/**
 * How to have an EMR of one's own, for who has none: by a button, or by two commands where the server cannot start it.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect } from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { secondsSince, span } from '../components/words';
import type { SandboxModel } from '../models/sandbox';

/**
 * Installs and starts the sandbox, and a JupyterLab that uses it. A server that runs already keeps the AWS settings that
 * it was started with.
 */
const COMMANDS = [
  'pip install "jupyter_emr_connect[sandbox]" && jupyter emr sandbox up',
  'eval "$(jupyter emr sandbox env)" && jupyter lab'
];

interface IProps {
  model: SandboxModel;
  /** Starts it, and attaches the notebook in front. */
  onTry: () => void;
  trans: TranslationBundle;
}

/** What is shown in place of computes where there are none. */
export function TrySandbox(props: IProps): JSX.Element {
  const { model, trans } = props;
  useChanges(model.changed);
  useEffect(() => void model.look(), [model]);
  if (!model.status?.offered) {
    return <Commands trans={trans} />;
  }
  if (model.isStarting) {
    return <Starting {...props} />;
  }
  return (
    <>
      <div className="jp-EmrProblem jp-mod-note" role="note">
        <p>
          {trans.__(
            'To try it without AWS: an EMR on this machine. This JupyterLab uses it in place of AWS then, until it is started anew.'
          )}
        </p>
        <div className="jp-EmrButtons">
          <Button accept onClick={props.onTry}>
            {trans.__('Try it on the sandbox')}
          </Button>
        </div>
      </div>
      {model.problem && <Problem problem={model.problem} trans={trans} />}
    </>
  );
}

function Starting({ model, trans }: IProps): JSX.Element {
  useSeconds(true);
  const seconds = secondsSince(model.status?.since ?? null);
  return (
    <div role="status" className="jp-EmrProgress">
      <span className="jp-EmrSpinner" aria-hidden="true" />
      <span>
        {trans.__(
          'Starting the sandbox, %1: %2',
          span(seconds),
          model.status?.stage ?? '…'
        )}
      </span>
      <Button onClick={() => void model.cancel()}>{trans.__('Cancel')}</Button>
    </div>
  );
}

function Commands({ trans }: { trans: TranslationBundle }): JSX.Element {
  return (
    <div className="jp-EmrProblem jp-mod-note" role="note">
      <p>
        {trans.__(
          'To try it without AWS: an EMR on this machine. In a terminal, start it, then a JupyterLab that uses it.'
        )}
      </p>
      <ol className="jp-EmrCommands">
        {COMMANDS.map(command => (
          <li key={command}>
            <code>{command}</code>
            <Button
              aria-label={trans.__('Copy: %1', command)}
              onClick={() => Clipboard.copyToSystem(command)}
            >
              {trans.__('Copy')}
            </Button>
          </li>
        ))}
      </ol>
    </div>
  );
}
