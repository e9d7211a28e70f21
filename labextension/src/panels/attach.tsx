/**
 * The compute that was chosen: its details, the runtime role, and attaching.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef, useState } from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { roleName, span } from '../components/words';
import { HOPS } from '../models/attaching';
import type { AttachingModel, IFailed, ILogin } from '../models/attaching';
import { keyOf } from '../models/computes';
import type { Memory } from '../models/memory';
import { roleOf } from '../models/roles';
import type { RolesModel } from '../models/roles';
import type { TargetModel } from '../models/target';
import type { Compute, ComputeDetails, NewAttachment } from '../tokens';
import { ComputeHead, Details } from './details';

interface IProps {
  compute: Compute | null;
  attaching: AttachingModel;
  roles: RolesModel;
  target: TargetModel;
  memory: Memory;
  trans: TranslationBundle;
  onAttach: (what: NewAttachment) => void;
  onDetach: () => void;
  /** Ask for what the list does not tell of a compute. */
  describe: (compute: Compute) => Promise<ComputeDetails>;
  /** Return a compute's name by its id; `written` is the name it had when it was attached. */
  nameOf: (id: string, written?: string | null) => string;
}

/** What is attached here, and how to attach something else. */
export function AttachSection(props: IProps): JSX.Element {
  const { compute, target, attaching, roles, memory, trans } = props;
  useChanges(target.changed, attaching.changed, roles.changed, memory.changed);
  return (
    <div className="jp-EmrAttach">
      <Attached {...props} />
      {compute ? (
        <Chosen key={keyOf(compute)} {...props} compute={compute} />
      ) : (
        <>
          <Progress {...props} />
          <p className="jp-EmrDim">
            {trans.__('Choose a compute in the list above.')}
          </p>
        </>
      )}
    </div>
  );
}

function Attached(props: IProps): JSX.Element | null {
  const { target, trans } = props;
  const { attachment, path, problem } = target;
  if (problem) {
    return <Problem problem={problem} trans={trans} />;
  }
  const what = path ?? (target.folder || '/');
  if (target.busy) {
    return <p role="status">{trans.__('Looking what is attached …')}</p>;
  }
  if (!attachment) {
    return (
      <p className="jp-EmrDim">
        {trans.__(
          '%1 is not attached.',
          path === null ? trans.__('Folder %1', what) : what
        )}
      </p>
    );
  }
  const isOwn = attachment.path === (path ?? target.folder);
  const role = roleName(attachment.runtime_role);
  return (
    <div className="jp-EmrAttached">
      <div className="jp-EmrAttached-text">
        <bdi>{what}</bdi> →{' '}
        <b>{props.nameOf(attachment.compute, attachment.compute_name)}</b>
        {role && <> · {role}</>}
        {!isOwn && (
          <div className="jp-EmrDim">
            {attachment.path === null
              ? trans.__('from a folder above')
              : trans.__('from folder %1', attachment.path || '/')}
          </div>
        )}
      </div>
      <Button
        onClick={props.onDetach}
        title={
          isOwn ? '' : trans.__('Detaches the folder %1', attachment.path ?? '')
        }
        disabled={attachment.path === null}
      >
        {trans.__('Detach')}
      </Button>
    </div>
  );
}

function Chosen(props: IProps & { compute: Compute }): JSX.Element {
  const { compute, roles, memory, target, attaching, trans } = props;
  const remembered = memory.roleOn(keyOf(compute));
  const [typed, setTyped] = useState<string | null>(null);
  const [transport, setTransport] = useState<Transport>('auto');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  useEffect(() => void roles.show(compute), [compute]);
  const offered = roles.list?.items ?? [];
  const takesRole = compute.runtime_role !== 'unsupported';
  const proposed =
    remembered ??
    (compute.runtime_role === 'required'
      ? offered.find(role => role.usable !== false)?.arn
      : '') ??
    '';
  const text = typed ?? nameOf(proposed, offered);
  const role = takesRole ? roleOf(text, offered) : null;
  const lacksRole = compute.runtime_role === 'required' && !role;
  const disabled =
    !compute.attachable || attaching.current !== null || lacksRole;
  /** Return what was typed, once: the field of the password is empty then. */
  const takeLogin = (): ILogin => {
    setPassword('');
    return takesLogin(compute) && username && password
      ? { username, password }
      : {};
  };
  const attach = (path: string): void =>
    props.onAttach({
      compute: compute.arn || compute.id,
      runtime_role: role,
      transport,
      path,
      ...takeLogin()
    });
  return (
    <>
      <ComputeHead compute={compute} />
      <Progress {...props} takeLogin={takeLogin} />
      {takesRole && (
        <RoleChoice
          {...props}
          compute={compute}
          text={text}
          onType={setTyped}
          required={compute.runtime_role === 'required'}
        />
      )}
      {takesLogin(compute) && (
        <section className="jp-EmrRole" aria-label={trans.__('Login')}>
          <label>
            <span>{trans.__('User name')}</span>
            <input
              type="text"
              className="jp-EmrInput"
              autoComplete="off"
              value={username}
              onChange={event => setUsername(event.target.value)}
            />
          </label>
          <label>
            <span>{trans.__('Password')}</span>
            <input
              type="password"
              className="jp-EmrInput"
              autoComplete="off"
              value={password}
              onChange={event => setPassword(event.target.value)}
            />
          </label>
          <p className="jp-EmrDim">
            {trans.__(
              'Kept in the memory of the Jupyter server alone, until it ends.'
            )}
          </p>
        </section>
      )}
      <div className="jp-EmrButtons">
        <Button
          accept
          disabled={disabled || target.path === null}
          title={target.path ?? trans.__('Open a notebook first.')}
          onClick={() => attach(target.path ?? '')}
        >
          {trans.__('Attach to this notebook')}
        </Button>
        <Button
          disabled={disabled}
          title={target.folder || '/'}
          onClick={() => attach(target.folder)}
        >
          {trans.__('Attach to this folder')}
        </Button>
      </div>
      {lacksRole && (
        <p role="status">
          {trans.__('This compute wants a runtime role: choose one above.')}
        </p>
      )}
      <Details
        compute={compute}
        memory={memory}
        trans={trans}
        describe={props.describe}
      />
      <details className="jp-EmrMore">
        <summary>{trans.__('More')}</summary>
        <label>
          {trans.__('Transport')}{' '}
          <select
            className="jp-EmrSelect"
            value={transport}
            onChange={event => setTransport(event.target.value as Transport)}
          >
            <option value="auto">{trans.__('automatic')}</option>
            {compute.transports.map(name => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </details>
    </>
  );
}

/** Whether a compute's Livy has users of its own, who log in by a password. */
function takesLogin(compute: Compute): boolean {
  return (
    compute.auth === 'ldap' ||
    (compute.kind === 'eks' && compute.auth === 'basic')
  );
}

type Transport = NonNullable<NewAttachment['transport']>;

/** Return a role's name where that is unambiguous, else its ARN. */
function nameOf(
  arn: string,
  roles: readonly { arn: string; name: string }[]
): string {
  const role = roles.find(one => one.arn === arn);
  const isUnique =
    role && roles.filter(one => one.name === role.name).length === 1;
  return isUnique ? role.name : arn;
}

function RoleChoice(
  props: IProps & {
    compute: Compute;
    text: string;
    onType: (text: string) => void;
    required: boolean;
  }
): JSX.Element {
  const { roles, trans, text } = props;
  const listId = useId(); // two panels in one page do not share their roles
  const offered = roles.list?.items ?? [];
  const chosen = offered.find(role => role.name === text || role.arn === text);
  return (
    <section className="jp-EmrRole" aria-label={trans.__('Runtime role')}>
      <div className="jp-EmrRole-head">
        <label htmlFor={`${listId}-role`}>{trans.__('Runtime role')}</label>
        {/* Beside it, so that no button moves under the pointer when the answer comes. */}
        {!roles.list && !roles.problem && (
          <span role="status" className="jp-EmrDim">
            {trans.__('asking for the roles …')}
          </span>
        )}
      </div>
      {/* A search can be emptied by a click: browsers offer only what contains the text that is there. */}
      <input
        type="search"
        id={`${listId}-role`}
        className="jp-EmrInput"
        list={listId}
        required={props.required}
        placeholder={
          props.required
            ? trans.__('name or ARN')
            : trans.__('none: the compute’s own')
        }
        value={text}
        onChange={event => props.onType(event.target.value)}
      />
      <datalist id={listId}>
        {offered.map(role => (
          <option
            key={role.arn}
            value={nameOf(role.arn, offered)}
            label={
              role.usable === false
                ? trans.__('%1 – you may not take it', role.name)
                : role.arn
            }
          />
        ))}
      </datalist>
      {roles.problem && (
        <Problem problem={roles.problem} trans={trans}>
          <Button accept onClick={() => void roles.show(props.compute)}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      )}
      {chosen?.usable === false && (
        <Problem
          trans={trans}
          problem={{
            message: trans.__('You may not take %1.', chosen.name),
            fix: chosen.missing ?? '',
            code: 'role-not-usable'
          }}
        />
      )}
    </section>
  );
}

interface IProgressProps extends IProps {
  /** Return the login that was typed for the chosen compute. */
  takeLogin?: () => ILogin;
}

function Progress(props: IProgressProps): JSX.Element | null {
  const { attaching, trans } = props;
  useSeconds(attaching.current !== null);
  const { current, failed, done } = attaching;
  if (current) {
    return (
      <div role="status" className="jp-EmrProgress">
        <span className="jp-EmrSpinner" aria-hidden="true" />
        <span>
          {trans.__(
            'Attaching %1: credentials, address, gateway … %2',
            current.path || '/',
            span(attaching.seconds)
          )}
        </span>
        <Button onClick={() => attaching.cancel()}>{trans.__('Cancel')}</Button>
      </div>
    );
  }
  if (failed) {
    return <Failed {...props} failed={failed} />;
  }
  if (done) {
    return (
      <p role="status" className="jp-EmrDone">
        ✓ {trans.__('%1 is attached.', done.path || '/')}
      </p>
    );
  }
  return null;
}

/** What failed, brought into sight once. */
function Failed(props: IProgressProps & { failed: IFailed }): JSX.Element {
  const { compute, failed, trans } = props;
  const retry = (): void => {
    // A password for one compute is never sent to another.
    const isChosen =
      failed.what.compute === compute?.id ||
      failed.what.compute === compute?.arn;
    const login = (isChosen && props.takeLogin?.()) || {};
    if (failed.again) {
      void failed.again(login);
    } else {
      props.onAttach({ ...failed.what, ...login });
    }
  };
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Newer browsers return a promise, which is no clean-up.
    void node.current?.scrollIntoView?.({ block: 'nearest' });
  }, [failed]);
  return (
    <div className="jp-EmrFailed" ref={node}>
      <Steps hop={failed.problem.hop} trans={trans} />
      <Problem problem={failed.problem} trans={trans}>
        <Button accept onClick={retry}>
          {trans.__('Try again')}
        </Button>
      </Problem>
    </div>
  );
}

/** What went well on the way to the compute, and what did not. */
function Steps(props: {
  hop?: string;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { hop, trans } = props;
  const at = HOPS.indexOf(hop === 'livy' ? 'gateway' : (hop ?? ''));
  if (at < 0) {
    return null;
  }
  const names = [
    trans.__('Compute'),
    trans.__('Credentials'),
    trans.__('Address'),
    hop === 'livy' ? 'Livy' : trans.__('Gateway'),
    trans.__('Kept')
  ];
  return (
    <ol className="jp-EmrSteps">
      {names.slice(0, at + 1).map((name, index) => (
        <li key={name} className={index === at ? 'jp-mod-failed' : ''}>
          {index === at ? '✗' : '✓'} {name}
        </li>
      ))}
    </ol>
  );
}
