/**
 * The list of computes with its filters.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo, useRef, useState } from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { actionsMissing, Button, Problem } from '../components/problem';
import { kindName, secondsSince, span } from '../components/words';
import type { ComputesModel } from '../models/computes';
import { choicesOf, FIELDS, NO_FILTER, rowsOf } from '../models/filter';
import type { Field, IFilter } from '../models/filter';
import { groupsOf } from '../models/groups';
import type { IProblem } from '../request';
import type { Compute, PartialError } from '../tokens';
import { List, valueName } from './list';
import type { IComputesProps } from './list';
import { TrySandbox } from './sandbox';

/** What is to be set up before anything can be listed, by the code of the failure. */
const FIRST_STEPS = ['no-credentials', 'no-region'];

/** Search, filters, errors of single services, and the list. */
export function ComputesSection(props: IComputesProps): JSX.Element {
  const { model, memory, trans } = props;
  const sandbox = { model: props.sandbox, onTry: props.onTrySandbox, trans };
  useChanges(model.changed, memory.changed);
  const [filter, setFilter] = useState<IFilter>(NO_FILTER);
  const [others, setOthers] = useState(false);
  const listRef = useRef<HTMLDivElement>(null);
  const items = model.items;
  const first = memory.first;
  const rows = useMemo(
    () => rowsOf(items, filter, first),
    [items, filter, first.join()]
  );
  const by = memory.groupBy;
  const groups = useMemo(() => {
    const shown = others ? rows : { ...rows, others: [] };
    return groupsOf(shown, by, first);
  }, [rows, others, by]);
  // One profile that is not set up is told as the error of a source, in a list that is empty.
  const failures = [model.problem, ...(model.list?.errors ?? [])];
  const lacksSetup = failures.some(one =>
    FIRST_STEPS.includes(one?.code ?? '')
  );
  // What is said of the caller above is not said here once more.
  const isSaid = ({ code, message }: PartialError | IProblem): boolean =>
    code === props.notKnown?.code &&
    (FIRST_STEPS.includes(code) || message === props.notKnown.message);
  const errors = (model.list?.errors ?? []).filter(one => !isSaid(one));
  const problem = model.problem && isSaid(model.problem) ? null : model.problem;
  const isEmpty = groups.every(group => group.rows.length === 0);
  return (
    <div className="jp-EmrComputes">
      <input
        type="search"
        className="jp-EmrInput"
        aria-label={trans.__('Filter computes')}
        placeholder={trans.__('Filter by name, id, tag …')}
        value={filter.text}
        onChange={event => setFilter({ ...filter, text: event.target.value })}
        onKeyDown={event => {
          if (event.key === 'ArrowDown') {
            event.preventDefault();
            listRef.current?.focus();
          }
        }}
      />
      <Choices
        items={items}
        filter={filter}
        setFilter={setFilter}
        groupBy={by}
        setGroupBy={field => void memory.setGroupBy(field)}
        trans={trans}
      />
      <Errors errors={errors} model={model} trans={trans} />
      {problem && (
        <Problem problem={problem} trans={trans}>
          <Button accept onClick={() => void model.refresh()}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      )}
      {items.length === 0 && lacksSetup && <TrySandbox {...sandbox} />}
      <List {...props} groups={groups} listRef={listRef} />
      {isEmpty && !problem && (
        <Empty
          model={model}
          rows={rows.others.length}
          sandbox={sandbox}
          trans={trans}
        />
      )}
      <div className="jp-EmrComputes-foot">
        {rows.others.length > 0 && (
          <button
            type="button"
            className="jp-EmrFold"
            aria-expanded={others}
            onClick={() => setOthers(!others)}
          >
            {trans.__('Cannot be attached (%1)', rows.others.length)}
          </button>
        )}
        <Age model={model} trans={trans} />
      </div>
    </div>
  );
}

function Choices(props: {
  items: readonly Compute[];
  filter: IFilter;
  setFilter: (filter: IFilter) => void;
  groupBy: Field | null;
  setGroupBy: (field: Field | null) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { items, filter, setFilter, groupBy, trans } = props;
  const labels = {
    kind: trans.__('Kind'),
    state: trans.__('State'),
    region: trans.__('Region'),
    account: trans.__('Account')
  };
  const groupings = {
    kind: trans.__('Group by kind'),
    state: trans.__('Group by state'),
    region: trans.__('Group by region'),
    account: trans.__('Group by account')
  };
  const choices = useMemo(
    () =>
      FIELDS.map(
        field => [field, choicesOf(items, field, filter[field])] as const
      ),
    [items, filter]
  );
  const groupable = choices
    .filter(([field, values]) => values.length > 0 || field === groupBy)
    .map(([field]) => field);
  return (
    <div className="jp-EmrChoices">
      {choices
        .filter(([, values]) => values.length > 0)
        .map(([field, values]) => (
          <select
            key={field}
            className="jp-EmrSelect"
            aria-label={labels[field]}
            value={filter[field]}
            onChange={event =>
              setFilter({ ...filter, [field]: event.target.value })
            }
          >
            <option value="">{labels[field]}</option>
            {values.map(value => (
              <option key={value} value={value}>
                {valueName(field, value, trans)}
              </option>
            ))}
          </select>
        ))}
      {groupable.length > 0 && (
        <select
          className="jp-EmrSelect"
          aria-label={trans.__('Group computes')}
          value={groupBy ?? ''}
          onChange={event =>
            props.setGroupBy(
              FIELDS.find(field => field === event.target.value) ?? null
            )
          }
        >
          <option value="">{trans.__('No groups')}</option>
          {groupable.map(field => (
            <option key={field} value={field}>
              {groupings[field]}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

function Errors(props: {
  errors: PartialError[];
  model: ComputesModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { errors, model, trans } = props;
  return (
    <>
      {problemsOf(errors, trans).map((problem, index) => (
        <Problem key={index} problem={problem} trans={trans}>
          <Button disabled={model.busy} onClick={() => void model.refresh()}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      ))}
    </>
  );
}

/** Return what to show of services that could not be listed; the refusals of AWS as one, with all that is missing. */
export function problemsOf(
  errors: readonly PartialError[],
  trans: TranslationBundle
): IProblem[] {
  const placeOf = ({ kind, region }: PartialError): string =>
    [kind && kindName(kind, trans), region].filter(Boolean).join(', ');
  const problems = errors.map(error => {
    const place = placeOf(error);
    const message = place ? `${place}: ${error.message}` : error.message;
    return { ...error, message, fix: error.fix ?? '' };
  });
  // An account's access role that may not be assumed has no place in the list.
  const denied = problems.filter(
    (problem, index) =>
      actionsMissing(problem).length > 0 && placeOf(errors[index])
  );
  if (denied.length < 2) {
    return problems;
  }
  const places = errors.filter((_, index) => denied.includes(problems[index]));
  const actions = [...new Set(denied.flatMap(actionsMissing))];
  const together = {
    message: trans.__(
      'AWS does not let you list %1.',
      [...new Set(places.map(placeOf))].join('; ')
    ),
    fix: trans.__(
      'Ask your administrator to allow %1, or choose another profile.',
      actions.join(', ')
    ),
    code: denied[0].code,
    iam_action: actions.join(', ')
  };
  return [together, ...problems.filter(problem => !denied.includes(problem))];
}

function Empty(props: {
  model: ComputesModel;
  rows: number;
  sandbox: React.ComponentProps<typeof TrySandbox>;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  if (model.busy || model.list?.complete === false) {
    return <p role="status">{trans.__('Listing computes …')}</p>;
  }
  if (model.items.length > 0) {
    return (
      <p role="status">
        {props.rows > 0
          ? trans.__('None that can be attached to.')
          : trans.__('Nothing matches the filter.')}
      </p>
    );
  }
  if (model.problem || (model.list?.errors.length ?? 0) > 0) {
    return <p role="status">{trans.__('No computes could be listed.')}</p>;
  }
  return (
    <div role="status">
      <Problem
        kind="note"
        trans={trans}
        problem={{
          message: trans.__('There are no computes here.'),
          fix: trans.__(
            'This account and region have no EMR cluster, EMR on EKS endpoint or EMR Serverless application. Choose another profile above.'
          ),
          code: 'no-computes'
        }}
      />
      <TrySandbox {...props.sandbox} />
    </div>
  );
}

function Age(props: {
  model: ComputesModel;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, trans } = props;
  useSeconds(true);
  const list = model.list;
  if (!list) {
    return null;
  }
  const slow = list.waiting[0];
  let text = list.as_of
    ? trans.__('as of %1 ago', span(secondsSince(list.as_of)))
    : '';
  if (slow) {
    const where = [slow.kind && kindName(slow.kind, trans), slow.region];
    text = trans.__('waiting for %1 …', where.filter(Boolean).join(', '));
  } else if (!list.complete || list.refreshing) {
    text = trans.__('%1 so far …', list.total);
  }
  return <span className="jp-EmrAge">{text}</span>;
}
