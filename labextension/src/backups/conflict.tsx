/**
 * A file that was changed here and in S3: both sides, and how it can end.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Button } from '../components/problem';
import type { Choice, ICellConflict, IConflict } from './api';
import { sourceOf } from './cells';
import { bytes, Lines } from './versions';

interface IProps {
  conflict: IConflict;
  isBusy: boolean;
  onResolve: (choice: Choice) => void;
  trans: TranslationBundle;
}

/** The region "Conflict". */
export function ConflictSection(props: IProps): JSX.Element {
  const { conflict, isBusy, onResolve, trans } = props;
  const { mine, theirs, mergeable, diff } = conflict;
  const choices: [Choice, string, string][] = [
    ['mine', trans.__('Keep mine'), trans.__('Theirs stays as a version.')],
    ['theirs', trans.__('Take theirs'), trans.__('Mine is kept first.')],
    [
      'both',
      trans.__('Keep both'),
      trans.__('Theirs gets a file of its own beside mine.')
    ]
  ];
  if (mergeable) {
    choices.unshift([
      'merge',
      trans.__('Merge'),
      trans.__('The cells that each side changed; both are kept first.')
    ]);
  }
  return (
    <section
      className="jp-EmrProblem jp-EmrConflict"
      aria-label={trans.__('Conflict')}
    >
      <p className="jp-EmrProblem-cause" role="alert">
        {trans.__(
          'This notebook was changed here and in S3; nothing was overwritten.'
        )}
      </p>
      <dl>
        <dt>{trans.__('Mine')}</dt>
        <dd>{sideOf(mine.saved_at, mine.size, null)}</dd>
        <dt>{trans.__('Theirs')}</dt>
        <dd>{sideOf(theirs.saved_at, theirs.size, theirs.host)}</dd>
      </dl>
      <p>
        {mergeable
          ? trans.__('The two changed different cells: they can be merged.')
          : trans.__('Both changed the same cells: choose a side.')}
      </p>
      <div className="jp-EmrButtons">
        {choices.map(([choice, label, title], index) => (
          <Button
            key={choice}
            accept={index === 0 && mergeable}
            title={title}
            disabled={isBusy}
            onClick={() => onResolve(choice)}
          >
            {label}
          </Button>
        ))}
      </div>
      <ol
        className="jp-EmrDiff"
        aria-label={trans.__('Cells that differ between mine and theirs')}
      >
        {diff.map((cell, index) => (
          <li key={index}>
            <Sides cell={cell} trans={trans} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Sides(props: {
  cell: ICellConflict;
  trans: TranslationBundle;
}): JSX.Element {
  const { cell, trans } = props;
  const sides = [
    [trans.__('Mine'), cell.mine],
    [trans.__('Theirs'), cell.theirs]
  ] as const;
  return (
    <div className="jp-EmrSides">
      {sides.map(([name, side]) => (
        <div key={name}>
          <div className="jp-EmrDim">{name}</div>
          {side ? (
            <Lines now={sourceOf(cell.base)} then={sourceOf(side)} />
          ) : (
            <p className="jp-EmrDim">{trans.__('no such cell')}</p>
          )}
        </div>
      ))}
    </div>
  );
}

function sideOf(
  saved_at: string | null,
  size: number,
  host: string | null
): string {
  const time = saved_at ? new Date(saved_at).toLocaleString() : '';
  return [time, bytes(size), host].filter(Boolean).join(' · ');
}
