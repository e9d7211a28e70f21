/**
 * The top of the panel: who the server is to AWS.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { callerName, clock, secondsSince, span } from '../components/words';
import type { IdentityModel } from '../models/identity';
import type { IProblem } from '../request';
import type { Identity } from '../tokens';

const SOON_S = 15 * 60;

/** The region "Identity". */
export function IdentitySection(props: {
  model: IdentityModel;
  trans: TranslationBundle;
  onRefresh: () => void;
  onProfile: (profile: string | null) => void;
}): JSX.Element {
  const { model, trans } = props;
  useChanges(model.changed);
  const { identity, problem } = model;
  useSeconds(Boolean(identity?.expires_at) && !problem);
  return (
    <section
      className="jp-EmrIdentity"
      aria-label={trans.__('Identity')}
      aria-busy={model.busy}
    >
      <div className="jp-EmrIdentity-line">
        {identity && !problem ? (
          <b className="jp-EmrIdentity-who" title={identity.arn}>
            {callerName(identity.arn)}
          </b>
        ) : (
          <span className="jp-EmrIdentity-who">
            {problem
              ? trans.__('Not logged in to AWS')
              : trans.__('Asking AWS who you are …')}
          </span>
        )}
        <button
          type="button"
          className="jp-EmrIconButton"
          title={trans.__('Ask AWS again')}
          aria-label={trans.__('Refresh')}
          onClick={props.onRefresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </div>
      {identity && !problem && (
        <div className="jp-EmrIdentity-line jp-EmrDim">
          <span>
            {identity.account} · {identity.region}
          </span>
          <Expiry identity={identity} trans={trans} />
        </div>
      )}
      {identity && !problem && model.isOver && (
        <Problem problem={loginOver(identity, trans)} trans={trans}>
          <Button accept disabled={model.busy} onClick={props.onRefresh}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      )}
      {problem && (
        <Problem problem={problem} trans={trans}>
          <Button accept disabled={model.busy} onClick={props.onRefresh}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      )}
      <Profile {...props} />
    </section>
  );
}

function Profile(props: {
  model: IdentityModel;
  trans: TranslationBundle;
  onProfile: (profile: string | null) => void;
}): JSX.Element | null {
  const { model, trans } = props;
  if (model.profiles.length === 0) {
    return null;
  }
  return (
    <select
      className="jp-EmrSelect"
      aria-label={trans.__('AWS profile')}
      disabled={model.busy}
      value={model.identity?.profile ?? ''}
      onChange={event => props.onProfile(event.target.value || null)}
    >
      <option value="">{trans.__('default credentials')}</option>
      {model.profiles.map(profile => (
        <option key={profile} value={profile}>
          {profile}
        </option>
      ))}
    </select>
  );
}

function Expiry(props: {
  identity: Identity;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { identity, trans } = props;
  const left = -secondsSince(identity.expires_at);
  useSeconds(identity.expires_at !== null && left < SOON_S);
  if (!identity.expires_at) {
    return null;
  }
  if (left <= 0) {
    return null; // said in words below
  }
  const text =
    left < SOON_S
      ? trans.__('expires in %1', span(left))
      : trans.__('until %1', clock(identity.expires_at));
  return <span className={left < SOON_S ? 'jp-EmrSoon' : ''}>{text}</span>;
}

/** Return what to say, and to do, once the caller's login is over. */
function loginOver(identity: Identity, trans: TranslationBundle): IProblem {
  const profile = identity.profile ? ` --profile ${identity.profile}` : '';
  const fix = identity.sso_session
    ? trans.__('Log in again: `aws sso login%1`', profile)
    : trans.__('Get new credentials, then try again.');
  const message = trans.__('The AWS login has expired.');
  return { message, fix, code: 'login-expired' };
}
