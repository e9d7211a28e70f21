/**
 * What is known of the chosen compute.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import { Button, Problem } from '../components/problem';
import { kindName, secondsSince, span, stateName } from '../components/words';
import { factsOf, keyOf } from '../models/computes';
import type { Memory } from '../models/memory';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Compute, ComputeDetails } from '../tokens';

/** Name, state, and why it cannot be attached to; brought into sight when it is chosen. */
export function ComputeHead(props: { compute: Compute }): JSX.Element {
  const { compute } = props;
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Newer browsers return a promise, which is no clean-up.
    void node.current?.scrollIntoView?.({ block: 'nearest' });
  }, []);
  return (
    <div className="jp-EmrHead" ref={node}>
      <h3>
        <bdi>{compute.name}</bdi> <span>{stateName(compute.state)}</span>
      </h3>
      {!compute.attachable && (
        <p className="jp-EmrProblem-cause" role="note">
          {compute.reason}
        </p>
      )}
    </div>
  );
}

/** The rest, folded: facts, tags, a pin. What the list does not tell is asked for when it is first opened. */
export function Details(props: {
  compute: Compute;
  memory: Memory;
  trans: TranslationBundle;
  describe: (compute: Compute) => Promise<ComputeDetails>;
}): JSX.Element {
  const { compute, memory, trans } = props;
  const [close, setClose] = useState<ComputeDetails | null>(null);
  const [problem, setProblem] = useState<IProblem | null>(null);
  const [busy, setBusy] = useState(false);
  const asked = useRef(false);
  const look = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      setClose(await props.describe(compute));
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  const onToggle = (event: React.SyntheticEvent<HTMLDetailsElement>): void => {
    if (event.currentTarget.open && !asked.current) {
      asked.current = true;
      void look();
    }
  };
  const key = keyOf(compute);
  const age = compute.created_at
    ? trans.__('%1 ago', span(secondsSince(compute.created_at)))
    : '';
  const tags = Object.entries(compute.tags ?? {});
  const link = consoleLink(compute);
  const facts: [string, string | null][] = [
    [trans.__('Id'), compute.id],
    [trans.__('Kind'), kindName(compute.kind, trans)],
    [trans.__('Release'), compute.release],
    [trans.__('Applications'), compute.applications.join(', ')],
    [trans.__('Account'), compute.account],
    [trans.__('Region'), compute.region],
    [trans.__('Created'), age],
    [trans.__('Sign-in'), compute.auth],
    [trans.__('Transports'), compute.transports.join(', ')],
    ...(close ? closeFacts(close, trans) : []),
    [
      trans.__('Tags'),
      tags.map(([name, value]) => `${name}=${value}`).join('\n')
    ]
  ];
  return (
    <div className="jp-EmrDetails">
      <details onToggle={onToggle}>
        <summary>{trans.__('Details')}</summary>
        <dl>
          {facts
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <React.Fragment key={name}>
                <dt>{name}</dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </React.Fragment>
            ))}
        </dl>
        {busy && <p role="status">{trans.__('Asking AWS for more …')}</p>}
        {problem && (
          <Problem problem={problem} trans={trans}>
            <Button accept onClick={() => void look()}>
              {trans.__('Try again')}
            </Button>
          </Problem>
        )}
        {compute.state_reason && <p>{compute.state_reason}</p>}
        <div className="jp-EmrButtons">
          <Button
            aria-pressed={memory.isPinned(key)}
            onClick={() => void memory.togglePin(key, factsOf(compute))}
          >
            {memory.isPinned(key)
              ? trans.__('Unpin')
              : trans.__('Pin to the top')}
          </Button>
          <Button onClick={() => Clipboard.copyToSystem(compute.id)}>
            {trans.__('Copy id')}
          </Button>
          {link && (
            <a
              className="jp-Button jp-mod-styled jp-mod-small"
              href={link}
              target="_blank"
              rel="noopener noreferrer"
            >
              {trans.__('Open in AWS’s console')}
            </a>
          )}
        </div>
      </details>
    </div>
  );
}

/** Return what only a close look tells: its address, where it is in its network, and when AWS ends it by itself. */
function closeFacts(
  { details, kind, attachable }: ComputeDetails,
  trans: TranslationBundle
): [string, string | null][] {
  const { network = {}, auto_termination_idle_s: idle, made_by } = details;
  const subnets = network.subnet ?? network.subnets ?? '';
  const zone = network.availability_zone;
  const none = kind === 'ec2' && attachable ? trans.__('none') : null;
  return [
    [trans.__('Address'), details.url ?? null],
    [
      trans.__('Subnet'),
      zone && subnets ? trans.__('%1 in %2', subnets, zone) : subnets
    ],
    [trans.__('VPC'), network.vpc ?? network.vpc_note ?? null],
    [
      trans.__('Auto-termination'),
      idle === undefined
        ? (details.auto_termination_note ?? none)
        : trans.__('after %1 without work', span(idle))
    ],
    [
      trans.__('Made by'),
      made_by ? trans.__('%1 (tag %2)', made_by.name, made_by.tag) : null
    ]
  ];
}

/** AWS's partitions and where their consoles are (AWS's list of "service endpoints", China and GovCloud). */
const CONSOLES: Record<string, string> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com'
};

/** Return a cluster's page in AWS's console; null for other kinds, whose pages hang on an EMR Studio. */
export function consoleLink(compute: Compute): string | null {
  const host = CONSOLES[compute.arn.split(':')[1]];
  const { kind, region } = compute;
  return kind === 'ec2' && host && /^[a-z0-9-]+$/.test(region)
    ? `https://${region}.${host}/emr/home?region=${region}#/clusterDetails/${encodeURIComponent(compute.id)}`
    : null;
}
