/**
 * The EMR tab in the left sidebar.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, SidePanel } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import type { AccordionPanel } from '@lumino/widgets';
import React from 'react';

import { useChanges } from '../components/hooks';
import { emrIcon } from '../icons';
import type { EMRModel } from '../models/emr';
import type { Compute } from '../tokens';
import { AttachSection } from './attach';
import { ComputesSection } from './computes';
import { IdentitySection } from './identity';
import { isGone, KernelsSection } from './kernels';
import type { IKernelActions } from './kernels';

/** How the height is shared by computes, attaching and kernels: while no compute is chosen, and then. */
const SIZES_AT_FIRST = [0.6, 0.22, 0.18];
const SIZES = [0.37, 0.45, 0.18];

/** Identity on top; below it the list of computes, attaching, and kernels. */
export class EMRSidebar extends SidePanel {
  constructor(
    private _model: EMRModel,
    actions: IKernelActions,
    trans: TranslationBundle
  ) {
    super({ header: new Panel() });
    this.id = 'jp-emr-sidebar';
    this.addClass('jp-EmrSidebar');
    this.title.icon = emrIcon;
    this.title.caption = 'EMR';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'EMR');
    const identity = new Section(trans.__('Identity'), () => (
      <IdentitySection
        model={_model.identity}
        trans={trans}
        onRefresh={() => void _model.refresh()}
        onProfile={profile => void _model.chooseProfile(profile)}
      />
    ));
    this.header.addWidget(identity);
    this._computes = new Section(trans.__('Computes'), () => (
      <Computes model={_model} trans={trans} />
    ));
    this.addWidget(this._computes);
    this.addWidget(
      new Section(trans.__('Attach'), () => (
        <Attach model={_model} trans={trans} />
      ))
    );
    this._kernels = new Section(trans.__('Kernels'), () => (
      <Kernels model={_model} actions={actions} trans={trans} />
    ));
    this._kernels.node.tabIndex = -1;
    this.addWidget(this._kernels);
    const content = this.content as AccordionPanel;
    content.handleMoved.connect(this._onShared, this);
    content.expansionToggled.connect(this._onShared, this);
    _model.changed.connect(this._onChanged, this);
  }

  /** Bring the keyboard to the filter of computes, unless the user goes elsewhere before it is there. */
  async focusFilter(): Promise<void> {
    const before = document.activeElement;
    const content = this.content as AccordionPanel;
    content.expand(content.widgets.indexOf(this._computes));
    MessageLoop.sendMessage(this._computes, Widget.Msg.UpdateRequest); // it may be seen for the first time
    await this._computes.renderPromise;
    if (document.activeElement === before) {
      this._computes.node.querySelector('input')?.focus();
    }
  }

  /** Open the section of kernels and bring the keyboard there. */
  showKernels(): void {
    const content = this.content as AccordionPanel;
    const index = content.widgets.indexOf(this._kernels);
    content.expand(index);
    this._kernels.node.focus(); // which scrolls it into sight
  }

  dispose(): void {
    this._observer.disconnect();
    this._model.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._observer.observe(this.content.node);
    this._share(this._model.chosen === null ? SIZES_AT_FIRST : SIZES);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._model.start();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._model.stop();
  }

  /** Make room for what is said of a compute once one is chosen, where the user has not shared the room already. */
  private _onChanged(): void {
    const { chosen } = this._model;
    if (this._sizes === SIZES_AT_FIRST && chosen !== null && !this._isShared) {
      this._share(SIZES);
    }
  }

  /** Take note that the user has moved a border, or folded a section. */
  private _onShared(): void {
    this._isShared = true;
  }

  private _share(sizes: number[]): void {
    this._sizes = sizes;
    (this.content as AccordionPanel).setRelativeSizes(sizes);
  }

  private _computes: Section;
  private _isShared = false;
  private _kernels: Section;
  private _sizes = SIZES_AT_FIRST;
  // The identity above grows with what it says, and the sections would keep their height, the last one out of reach.
  private _observer = new ResizeObserver(() => this.content.update());
}

/** A part of the sidebar, which costs nothing before it is seen. */
class Section extends ReactWidget {
  constructor(
    title: string,
    private _content: () => JSX.Element
  ) {
    super();
    this.addClass('jp-EmrSection');
    this.title.label = title;
  }

  protected render(): JSX.Element | null {
    return this._wasSeen ? this._content() : null;
  }

  protected onAfterAttach(message: Message): void {
    this._wasSeen ||= this.isVisible;
    super.onAfterAttach(message); // which renders
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    if (!this._wasSeen) {
      this._wasSeen = true;
      this.update();
    }
  }

  private _wasSeen = false;
}

function Computes(props: {
  model: EMRModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  useChanges(
    model.changed,
    model.target.changed,
    model.identity.changed,
    model.kernels.changed
  );
  const kernels = model.kernels.items ?? [];
  return (
    <ComputesSection
      model={model.computes}
      memory={model.memory}
      trans={trans}
      chosen={model.chosen}
      attached={model.target.attachment?.compute ?? null}
      account={model.identity.identity?.account ?? null}
      notKnown={model.identity.problem}
      kernelsOn={id =>
        kernels.filter(kernel => kernel.compute === id && !isGone(kernel))
          .length
      }
      onChoose={(compute: Compute) => model.choose(compute)}
      sandbox={model.sandbox}
      onTrySandbox={() => void model.trySandbox()}
    />
  );
}

function Kernels(props: {
  model: EMRModel;
  actions: IKernelActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, actions, trans } = props;
  useChanges(model.preferences.changed, model.identity.changed);
  return (
    <KernelsSection
      notKnown={model.identity.problem}
      model={model.kernels}
      computes={model.computes}
      actions={actions}
      warnIdleHours={model.preferences.values.warnIdleHours}
      trans={trans}
    />
  );
}

function Attach(props: {
  model: EMRModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  useChanges(model.changed, model.computes.changed);
  return (
    <AttachSection
      compute={model.chosenCompute}
      attaching={model.attaching}
      roles={model.roles}
      target={model.target}
      memory={model.memory}
      trans={trans}
      onAttach={what => void model.attach(what)}
      onDetach={() => void model.detach()}
      describe={({ kind, id }) => model.client.getCompute(kind, id)}
      nameOf={(id, written) => model.computes.find(id)?.name ?? written ?? id}
    />
  );
}
