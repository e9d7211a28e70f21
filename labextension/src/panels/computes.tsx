/**
 * The list of computes with its filters.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import React, { useMemo, useRef, useState } from 'react';

import { useChanges, useSeconds } from '../components/hooks';
import { Button, Problem } from '../components/problem';
import { describe, kindName, secondsSince, span } from '../components/words';
import { keyOf } from '../models/computes';
import type { ComputesModel } from '../models/computes';
import { choicesOf, NO_FILTER, rowsOf } from '../models/filter';
import type { IFilter } from '../models/filter';
import type { Memory } from '../models/memory';
import type { Compute, PartialError } from '../tokens';

const ROW_HEIGHT = 42;

interface IProps {
  model: ComputesModel;
  memory: Memory;
  trans: TranslationBundle;
  /** The key of the chosen compute. */
  chosen: string | null;
  /** The id of the compute that the notebook in front is attached to. */
  attached: string | null;
  onChoose: (compute: Compute) => void;
}

/** Search, filters, errors of single services, and the list. */
export function ComputesSection(props: IProps): JSX.Element {
  const { model, memory, trans } = props;
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
  const shown = others ? [...rows.attachable, ...rows.others] : rows.attachable;
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
        trans={trans}
      />
      <Errors errors={model.list?.errors ?? []} model={model} trans={trans} />
      {model.problem && (
        <Problem problem={model.problem} trans={trans}>
          <Button accept onClick={() => void model.refresh()}>
            {trans.__('Try again')}
          </Button>
        </Problem>
      )}
      <List {...props} rows={shown} listRef={listRef} />
      {shown.length === 0 && !model.problem && (
        <Empty model={model} rows={rows.others.length} trans={trans} />
      )}
      <div className="jp-EmrComputes-foot">
        {rows.others.length > 0 && (
          <Button aria-expanded={others} onClick={() => setOthers(!others)}>
            {others
              ? trans.__('Hide what cannot be attached')
              : trans.__('Cannot be attached (%1)', rows.others.length)}
          </Button>
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
  trans: TranslationBundle;
}): JSX.Element {
  const { items, filter, setFilter, trans } = props;
  const labels = {
    kind: trans.__('Kind'),
    state: trans.__('State'),
    region: trans.__('Region'),
    account: trans.__('Account')
  };
  const fields = ['kind', 'state', 'region', 'account'] as const;
  const choices = useMemo(
    () =>
      fields.map(
        field => [field, choicesOf(items, field, filter[field])] as const
      ),
    [items, filter]
  );
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
                {field === 'kind' ? kindName(value, trans) : value}
              </option>
            ))}
          </select>
        ))}
    </div>
  );
}

function List(
  props: IProps & {
    rows: Compute[];
    listRef: React.RefObject<HTMLDivElement>;
  }
): JSX.Element {
  const { rows, listRef, trans, chosen } = props;
  const [active, setActive] = useState<string | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index => keyOf(rows[index]),
    getScrollElement: () => listRef.current,
    overscan: 8,
    useFlushSync: false // React says no to it while it renders
  });
  const at = rows.findIndex(row => keyOf(row) === (active ?? chosen));
  const move = (index: number): void => {
    const to = Math.min(Math.max(index, 0), rows.length - 1);
    if (rows[to]) {
      setActive(keyOf(rows[to]));
      virtual.scrollToIndex(to);
    }
  };
  const page = Math.max(
    1,
    Math.floor((listRef.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1
  );
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: rows.length - 1,
    PageDown: at + page,
    PageUp: at - page
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key in steps) {
      event.preventDefault();
      move(steps[event.key]);
    } else if ((event.key === 'Enter' || event.key === ' ') && rows[at]) {
      event.preventDefault();
      props.onChoose(rows[at]);
    }
  };
  // Out of sight there is no row that a screen reader could go to.
  const isThere = virtual.getVirtualItems().some(item => item.index === at);
  const choose = (compute: Compute): void => {
    setActive(keyOf(compute));
    props.onChoose(compute);
  };
  return (
    <div
      ref={listRef}
      className="jp-EmrComputes-list"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Computes')}
      aria-busy={props.model.busy}
      aria-activedescendant={isThere ? idOf(rows[at]) : undefined}
      onKeyDown={onKeyDown}
      onFocus={() => active ?? chosen ?? move(0)}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(item => (
          <Row
            {...props}
            key={item.key}
            compute={rows[item.index]}
            onChoose={choose}
            isActive={item.index === at}
            top={item.start}
            place={[item.index + 1, rows.length]}
          />
        ))}
      </div>
    </div>
  );
}

function Row(
  props: IProps & {
    compute: Compute;
    isActive: boolean;
    top: number;
    place: [number, number];
  }
): JSX.Element {
  const { compute, trans, memory } = props;
  const key = keyOf(compute);
  const id = idOf(compute);
  const classes = [
    'jp-EmrRow',
    compute.attachable ? '' : 'jp-mod-unattachable',
    props.isActive ? 'jp-mod-active' : ''
  ];
  return (
    <div
      id={id}
      role="option"
      className={classes.join(' ')}
      style={{ transform: `translateY(${props.top}px)`, height: ROW_HEIGHT }}
      aria-label={compute.name}
      aria-describedby={`${id}-text`}
      aria-selected={key === props.chosen}
      aria-posinset={props.place[0]}
      aria-setsize={props.place[1]}
      draggable={compute.attachable}
      onDragStart={event => event.dataTransfer.setData(MIME, key)}
      onClick={() => props.onChoose(compute)}
    >
      <div className="jp-EmrRow-name" title={`${compute.name}\n${compute.id}`}>
        <bdi>{compute.name}</bdi>
        {memory.isPinned(key) && <span aria-hidden="true"> ★</span>}
        {compute.id === props.attached && (
          <span className="jp-EmrBadge">{trans.__('attached here')}</span>
        )}
      </div>
      <div className="jp-EmrRow-text" aria-hidden="true">
        {compute.attachable
          ? [kindName(compute.kind, trans), compute.release, compute.state]
              .filter(Boolean)
              .join(' · ')
          : compute.reason}
      </div>
      <span id={`${id}-text`} hidden>
        {describe(compute, trans)}
      </span>
    </div>
  );
}

/** The type of what is dragged from the list: a compute's key. */
export const MIME = 'application/x-emr-compute';

function idOf(compute: Compute): string {
  return `jp-emr-compute-${encodeURIComponent(keyOf(compute))}`; // an id has no spaces
}

function Errors(props: {
  errors: PartialError[];
  model: ComputesModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { errors, model, trans } = props;
  return (
    <>
      {errors.map((error, index) => {
        const where = [error.kind && kindName(error.kind, trans), error.region];
        const place = where.filter(Boolean).join(', ');
        const problem = {
          ...error,
          message: place ? `${place}: ${error.message}` : error.message,
          fix: error.fix ?? ''
        };
        return (
          <Problem key={index} problem={problem} trans={trans}>
            <Button disabled={model.busy} onClick={() => void model.refresh()}>
              {trans.__('Try again')}
            </Button>
          </Problem>
        );
      })}
    </>
  );
}

function Empty(props: {
  model: ComputesModel;
  rows: number;
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
  return (
    <p role="status">
      {trans.__(
        'There is no EMR cluster, endpoint or application in this account and region. Change the profile above, or try the sandbox in a terminal: jupyter emr sandbox up'
      )}
    </p>
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
