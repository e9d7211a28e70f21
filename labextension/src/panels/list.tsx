/**
 * The list of computes itself: a listbox that has elements for the rows in sight alone, however many there are.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import React, { useState } from 'react';

import { describe, shortKind, stateName } from '../components/words';
import { COMPUTE_MIME } from '../dropping';
import { keyOf } from '../models/computes';
import type { ComputesModel } from '../models/computes';
import type { Memory } from '../models/memory';
import type { Compute } from '../tokens';

/** Pixels; the style sheet draws two lines of text in it. */
const ROW_HEIGHT = 44;

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
  /** Return how many kernels of mine run on a compute, by its id. */
  kernelsOn: (id: string) => number;
  onChoose: (compute: Compute) => void;
}

/** The rows; arrows move, Enter chooses. */
export function List(
  props: IComputesProps & {
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
  // Nothing is scrolled on focus: a row that a click has just pressed would move away from under it.
  const firstInSight = (): string | null => {
    const top = Math.ceil((listRef.current?.scrollTop ?? 0) / ROW_HEIGHT);
    return rows[top] ? keyOf(rows[top]) : null;
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
      className={`jp-EmrComputes-list${rows.length ? '' : ' jp-mod-empty'}`}
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Computes')}
      aria-busy={props.model.busy}
      aria-activedescendant={isThere ? idOf(rows[at]) : undefined}
      onKeyDown={onKeyDown}
      onFocus={() => active ?? chosen ?? setActive(firstInSight())}
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
