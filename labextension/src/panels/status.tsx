/**
 * The item in the status bar: where the notebook in front runs, or what runs at all.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { useChanges } from '../components/hooks';
import { roleName, secondsSince, span } from '../components/words';
import type { EMRModel } from '../models/emr';
import { isGone } from './kernels';

/** From when on the end of a login is said, in seconds. */
const SOON_S = 15 * 60;

/** Return what the status bar says; empty where nothing is known. Names with a colon are those of chips. */
export function statusText(model: EMRModel, trans: TranslationBundle): string {
  const { identity, kernels, target } = model;
  const { attachment } = target;
  const parts: string[] = [];
  if (target.path !== null && attachment) {
    const compute =
      model.computes.find(attachment.compute)?.name ??
      attachment.compute_name ??
      attachment.compute;
    const role = roleName(attachment.runtime_role);
    const where = [compute, role, attachment.region ?? ''];
    parts.push(where.filter(Boolean).join(' · '));
  } else {
    const items = (kernels.items ?? []).filter(kernel => !isGone(kernel));
    const lost = items.filter(kernel => kernel.link === 'reconnecting').length;
    if (items.length) {
      parts.push(
        trans._n('%1 kernel', '%1 kernels', items.length, items.length)
      );
    }
    if (lost) {
      parts.push(trans.__('%1 reconnecting', lost));
    }
  }
  const end = identity.identity?.expires_at ?? null;
  const left = -secondsSince(end);
  if (parts.length && end && left < SOON_S) {
    parts.push(
      left > 0
        ? trans.__('login expires in %1', span(left))
        : trans.__('login expired')
    );
  }
  return parts.length ? `EMR ${parts.join(', ')}` : '';
}

/** A button that opens the panel. */
export class StatusItem extends ReactWidget {
  constructor(
    private _model: EMRModel,
    private _open: () => void,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-mod-highlighted');
  }

  protected render(): JSX.Element {
    return <Status model={this._model} open={this._open} trans={this._trans} />;
  }
}

function Status(props: {
  model: EMRModel;
  open: () => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, open, trans } = props;
  useChanges(
    model.changed,
    model.target.changed,
    model.kernels.changed,
    model.identity.changed
  );
  const text = statusText(model, trans);
  return text ? (
    <button type="button" className="jp-EmrStatus" onClick={open}>
      <bdi>{text}</bdi>
    </button>
  ) : null;
}
