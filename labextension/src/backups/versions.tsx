/**
 * The list of versions, and what differs in the one that is compared.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Button, Problem } from '../components/problem';
import { roleName, secondsSince, span } from '../components/words';
import type { IVersion } from './api';
import { cellDiffs, linesOf, sourceOf } from './cells';
import type { ICellDiff } from './cells';
import type { TimelineModel } from './timeline';

interface IProps {
  model: TimelineModel;
  /** Return the present cells. */
  cells: () => nbformat.ICell[];
  onRestore: (version: IVersion) => void;
  onRestoreCell: (
    cell: nbformat.ICell,
    then: readonly nbformat.ICell[]
  ) => void;
  trans: TranslationBundle;
}

/** The list "Versions". */
export function VersionsSection(props: IProps): JSX.Element {
  const { model, trans } = props;
  return (
    <section aria-label={trans.__('Versions')}>
      {model.errors.map((error, index) => (
        <Problem
          key={index}
          problem={{ ...error, fix: error.fix ?? '' }}
          kind="note"
          trans={trans}
        />
      ))}
      {model.items?.length === 0 && (
        <p className="jp-EmrDim">{trans.__('There are no versions yet.')}</p>
      )}
      <ul aria-label={trans.__('Versions')}>
        {model.items?.map(version => (
          <Version key={version.version_id} {...props} version={version} />
        ))}
      </ul>
    </section>
  );
}

function Version(props: IProps & { version: IVersion }): JSX.Element {
  const { model, version, trans } = props;
  const isChosen = model.chosen?.version_id === version.version_id;
  const where = [version.compute, roleName(version.runtime_role), version.host];
  const time = new Date(version.saved_at).toLocaleString();
  return (
    <li className="jp-EmrVersion">
      <div className="jp-EmrVersion-head">
        <time dateTime={version.saved_at}>{time}</time>
        {version.latest && (
          <span className="jp-EmrBadge">{trans.__('latest')}</span>
        )}
        {version.deleted && (
          <span className="jp-EmrBadge">{trans.__('deleted')}</span>
        )}
      </div>
      <div className="jp-EmrDim">
        {[
          trans.__('%1 ago', span(secondsSince(version.saved_at))),
          ...where,
          version.deleted ? '' : bytes(version.size)
        ]
          .filter(Boolean)
          .join(' · ')}
      </div>
      {!version.deleted && (
        <div className="jp-EmrButtons">
          <Button
            aria-expanded={isChosen}
            aria-label={trans.__('Compare with %1', time)}
            onClick={() => model.choose(isChosen ? null : version)}
          >
            {trans.__('Compare')}
          </Button>
          <Button
            aria-label={trans.__('Restore %1', time)}
            title={trans.__('What is here now is kept first.')}
            disabled={model.isBusy}
            onClick={() => props.onRestore(version)}
          >
            {trans.__('Restore')}
          </Button>
        </div>
      )}
      {isChosen && model.content && <Diff {...props} content={model.content} />}
    </li>
  );
}

function Diff(
  props: IProps & { content: nbformat.INotebookContent }
): JSX.Element {
  const { cells, content, onRestoreCell, trans } = props;
  const then = content.cells ?? [];
  const diffs = cellDiffs(then, cells());
  return diffs.length === 0 ? (
    <p role="status">{trans.__('No cell differs from now.')}</p>
  ) : (
    <ol
      className="jp-EmrDiff"
      aria-label={trans.__('Cells that differ from now')}
    >
      {diffs.map((diff, index) => (
        <li key={index}>
          <div>{changeOf(diff, trans)}</div>
          <Lines now={sourceOf(diff.now)} then={sourceOf(diff.then)} />
          {diff.then && (
            <Button
              className="jp-EmrDiff-restore"
              onClick={() => onRestoreCell(diff.then!, then)}
            >
              {trans.__('Restore this cell')}
            </Button>
          )}
        </li>
      ))}
    </ol>
  );
}

function changeOf({ then, now }: ICellDiff, trans: TranslationBundle): string {
  if (!now) {
    return trans.__('Cell that is gone');
  }
  if (!then) {
    return trans.__('Cell that is new since');
  }
  return sourceOf(then) === sourceOf(now)
    ? trans.__('Cell with other outputs')
    : trans.__('Changed cell');
}

/** Two sources as one, each line that only one has marked by sign and colour. */
export function Lines(props: { now: string; then: string }): JSX.Element {
  const { now, then } = props;
  const parts = now === then ? [{ sign: ' ', text: now }] : linesOf(now, then);
  return (
    <pre className="jp-EmrLines" tabIndex={0}>
      {parts.map(({ sign, text }, index) => (
        <Part key={index} sign={sign} text={text} />
      ))}
    </pre>
  );
}

function Part(props: { sign: string; text: string }): JSX.Element {
  const { sign } = props;
  const text = props.text.replace(/\n$/, '').replace(/^/gm, `${sign} `) + '\n';
  if (sign === '+') {
    return <ins>{text}</ins>;
  }
  return sign === '-' ? <del>{text}</del> : <span>{text}</span>;
}

/** Return a size: `312 B`, `4.1 kB`, `2.0 MB`. */
export function bytes(size: number): string {
  if (size < 1000) {
    return `${size} B`;
  }
  return size < 1_000_000
    ? `${(size / 1000).toFixed(1)} kB`
    : `${(size / 1_000_000).toFixed(1)} MB`;
}
