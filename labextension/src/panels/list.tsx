/**
 * The list of computes itself: a listbox that has elements for the rows in sight alone, however many there are.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import React, { useCallback, useMemo, useState } from 'react';

import { describe, kindName, shortKind, stateName } from '../components/words';
import { COMPUTE_MIME } from '../dropping';
import { keyOf } from '../models/computes';
import type { ComputesModel } from '../models/computes';
import type { Field } from '../models/filter';
import type { IGroup } from '../models/groups';
import type { Memory } from '../models/memory';
import type { SandboxModel } from '../models/sandbox';
import type { IProblem } from '../request';
import type { Compute } from '../tokens';

/** Pixels; the style sheet draws two lines of text in it. */
const ROW_HEIGHT = 44;
const HEADING_HEIGHT = 26;

/** What the list of computes shows, and of what it marks its rows. */
export interface IComputesProps {
  model: ComputesModel;
  memory: Memory;
  trans: TranslationBundle;
  /** The key of the chosen compute. */
  chosen: string | null;
  /** The id of the compute that the notebook in front is attached to. */
  attached: string | null;
  /** The caller's account; what is of another gets a badge. */
  account: string | null;
  /** Why the caller is not known, as it stands above this list. */
  notKnown: IProblem | null;
  /** Return how many kernels of mine run on a compute, by its id. */
  kernelsOn: (id: string) => number;
  onChoose: (compute: Compute) => void;
  sandbox: SandboxModel;
  onTrySandbox: () => void;
}

/** What stands in one line of the list: the heading of a group, or a compute with its place among all computes. */
type Line = { group: IGroup } & ({ compute: null } | ILineOfCompute);

interface ILineOfCompute {
  compute: Compute;
  place: number;
}

/** The rows under the headings of their groups; arrows move, Enter chooses. */
export function List(
  props: IComputesProps & {
    groups: readonly IGroup[];
    listRef: React.RefObject<HTMLDivElement>;
  }
): JSX.Element {
  const { groups, listRef, trans, chosen } = props;
  const [active, setActive] = useState<string | null>(null);
  const { lines, rows, parts } = useMemo(() => linesOf(groups), [groups]);
  const headed = groups.some(group => group.kind !== 'all');
  const headingHeight = headed ? HEADING_HEIGHT : 0;
  const virtual = useVirtualizer({
    count: lines.length,
    estimateSize: index => (lines[index].compute ? ROW_HEIGHT : HEADING_HEIGHT),
    getItemKey: useCallback((index: number) => lineKey(lines[index]), [lines]),
    getScrollElement: () => listRef.current,
    overscan: 8,
    scrollPaddingStart: headingHeight, // a heading covers what is above
    useFlushSync: false // React says no to it while it renders
  });
  const at = rows.findIndex(row => keyOf(row.compute) === (active ?? chosen));
  const move = (index: number): void => {
    const to = Math.min(Math.max(index, 0), rows.length - 1);
    if (rows[to]) {
      setActive(keyOf(rows[to].compute));
      // The first one's heading comes into sight with it.
      virtual.scrollToIndex(to === 0 ? 0 : lines.indexOf(rows[to]));
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
  const choose = (compute: Compute): void => {
    setActive(keyOf(compute));
    props.onChoose(compute);
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key in steps) {
      event.preventDefault();
      move(steps[event.key]);
    } else if ((event.key === 'Enter' || event.key === ' ') && rows[at]) {
      event.preventDefault();
      props.onChoose(rows[at].compute);
    }
  };
  // Nothing is scrolled on focus: a row that a click has just pressed would move away from under it.
  const firstInSight = (): string | null => {
    const top = (listRef.current?.scrollTop ?? 0) + headingHeight;
    const line = virtual
      .getVirtualItems()
      .find(item => item.start >= top && lines[item.index].compute);
    return line ? lineKey(lines[line.index]) : null;
  };
  const items = virtual.getVirtualItems();
  // Out of sight there is no row that a screen reader could go to.
  const isThere = items.some(item => lines[item.index] === rows[at]);
  const inSight = parts
    .map(part => ({
      ...part,
      items: items.filter(item => lines[item.index].group === part.group)
    }))
    .filter(part => part.items.length > 0);
  return (
    <div
      ref={listRef}
      className={`jp-EmrComputes-list${rows.length ? '' : ' jp-mod-empty'}`}
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Computes')}
      aria-busy={props.model.busy}
      aria-activedescendant={isThere ? idOf(rows[at].compute) : undefined}
      onKeyDown={onKeyDown}
      onFocus={() => active ?? chosen ?? setActive(firstInSight())}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize() }}>
        {inSight.map(({ group, start, height, items }) => (
          <Group
            key={groupKey(group)}
            {...props}
            group={group}
            start={start}
            height={height}
          >
            {items.map(item => {
              const line = lines[item.index];
              return (
                line.compute && (
                  <Row
                    {...props}
                    key={item.key}
                    compute={line.compute}
                    onChoose={choose}
                    isActive={line === rows[at]}
                    top={item.start - start}
                    place={[line.place, rows.length]}
                  />
                )
              );
            })}
          </Group>
        ))}
      </div>
    </div>
  );
}

/** A group with its place in the list, in pixels. */
interface IPart {
  group: IGroup;
  start: number;
  height: number;
}

/** Return the lines of a list, those of them that are computes, and where the groups are. */
function linesOf(groups: readonly IGroup[]): {
  lines: Line[];
  rows: (Line & ILineOfCompute)[];
  parts: IPart[];
} {
  const lines: Line[] = [];
  const rows: (Line & ILineOfCompute)[] = [];
  const parts: IPart[] = [];
  let start = 0;
  for (const group of groups) {
    const height =
      group.rows.length * ROW_HEIGHT +
      (group.kind === 'all' ? 0 : HEADING_HEIGHT);
    parts.push({ group, start, height });
    start += height;
    if (group.kind !== 'all') {
      lines.push({ group, compute: null });
    }
    for (const compute of group.rows) {
      const row = { group, compute, place: rows.length + 1 };
      rows.push(row);
      lines.push(row);
    }
  }
  return { lines, rows, parts };
}

interface IGroupProps {
  group: IGroup;
  trans: TranslationBundle;
}

/** The rows of a group that are in sight, under its heading, which stays in sight with them. */
function Group(
  props: IGroupProps & Omit<IPart, 'group'> & { children: React.ReactNode }
): JSX.Element {
  const { group, start, height } = props;
  const place = { top: start, height };
  if (group.kind === 'all') {
    return (
      <div className="jp-EmrGroup" role="presentation" style={place}>
        {props.children}
      </div>
    );
  }
  const name = headingOf(props);
  return (
    <div className="jp-EmrGroup" role="group" aria-label={name} style={place}>
      <div
        className="jp-EmrComputes-heading"
        role="presentation"
        aria-hidden="true" // it is the group's name
        style={{ height: HEADING_HEIGHT }}
      >
        <bdi>{name}</bdi>
      </div>
      {props.children}
    </div>
  );
}

/** Return what stands over a group: `EMR on EC2 (12)`. */
function headingOf({ group, trans }: IGroupProps): string {
  const count = group.rows.length;
  switch (group.kind) {
    case 'first':
      return trans.__('Pinned and recent (%1)', count);
    case 'others':
      return trans.__('Cannot be attached (%1)', count);
    default: {
      const name = valueName(group.field, group.value, trans);
      return trans.__('%1 (%2)', name || trans.__('Not known'), count);
    }
  }
}

/** Return how a value is shown by which computes are narrowed or divided. */
export function valueName(
  field: Field | null,
  value: string,
  trans: TranslationBundle
): string {
  switch (field) {
    case 'kind':
      return kindName(value, trans);
    case 'state':
      return stateName(value);
    default:
      return value;
  }
}

function groupKey({ kind, value }: IGroup): string {
  return `${kind}:${value}`;
}

function lineKey(line: Line): string {
  return line.compute ? keyOf(line.compute) : groupKey(line.group);
}

function Row(
  props: IComputesProps & {
    compute: Compute;
    isActive: boolean;
    top: number;
    place: [number, number];
  }
): JSX.Element {
  const { compute, trans, memory } = props;
  const key = keyOf(compute);
  const id = idOf(compute);
  const state = stateName(compute.state);
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
      onDragStart={event => event.dataTransfer.setData(COMPUTE_MIME, key)}
      onClick={() => props.onChoose(compute)}
    >
      <div className="jp-EmrRow-head">
        <span
          className="jp-EmrRow-name"
          title={`${compute.name}\n${compute.id}`}
        >
          <bdi>{compute.name}</bdi>
        </span>
        {memory.isPinned(key) && (
          <span className="jp-EmrRow-pin" aria-hidden="true">
            ★
          </span>
        )}
        <Badges {...props} />
      </div>
      <div className="jp-EmrRow-text" aria-hidden="true">
        {compute.attachable
          ? [shortKind(compute.kind, trans), compute.release, state]
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

function Badges(props: IComputesProps & { compute: Compute }): JSX.Element {
  const { compute, trans, account } = props;
  const kernels = props.kernelsOn(compute.id);
  return (
    <>
      {account && compute.account && compute.account !== account && (
        <span
          className="jp-EmrBadge"
          title={trans.__('In account %1', compute.account)}
        >
          {trans.__('other account')}
        </span>
      )}
      {kernels > 0 && (
        <span className="jp-EmrBadge">
          {trans._n('%1 kernel', '%1 kernels', kernels)}
        </span>
      )}
      {compute.id === props.attached && (
        <span className="jp-EmrBadge jp-mod-attached">
          {trans.__('attached here')}
        </span>
      )}
    </>
  );
}

function idOf(compute: Compute): string {
  return `jp-emr-compute-${encodeURIComponent(keyOf(compute))}`; // an id has no spaces
}
