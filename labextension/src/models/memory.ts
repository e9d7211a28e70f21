/**
 * What the panel remembers of this user's choices, in JupyterLab's own store.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { IComputeFacts } from './computes';
import { FIELDS } from './filter';
import type { Field } from './filter';

const KEY = 'jupyter_emr_connect:choices';

interface IChoices {
  pins: string[];
  recents: string[];
  /** Compute's key → ARN of the role taken there last; empty for none. */
  roles: Record<string, string>;
  /** Compute's key → what launcher and palette need of it. */
  facts: Record<string, IComputeFacts>;
  /** What the list of computes is divided by. */
  groupBy: Field | null;
}

/** Pinned and recent computes (by key), and the role taken last on each. */
export class Memory {
  /** `mostRecents` says how many recent computes are kept. */
  constructor(
    private _store: IStateDB | null,
    private _mostRecents: () => number = () => 8
  ) {}

  /** Emitted when a choice has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Keys of pinned computes, then of recent ones, the latest first. */
  get first(): readonly string[] {
    const { pins, recents } = this._choices;
    return [...pins, ...recents.filter(key => !pins.includes(key))];
  }

  /** What the list of computes is divided by; null for nothing. */
  get groupBy(): Field | null {
    return this._choices.groupBy;
  }

  /** Read what was kept; called once. */
  load(): Promise<void> {
    return (this._loaded = this._load());
  }

  /** Whether a compute is pinned. */
  isPinned(key: string): boolean {
    return this._choices.pins.includes(key);
  }

  /** Return the role taken last on a compute: an ARN, empty for none, undefined when none was ever chosen. */
  roleOn(key: string): string | undefined {
    return this._choices.roles[key];
  }

  /** Return what is kept of a compute that is pinned or recent. */
  factsOf(key: string): IComputeFacts | undefined {
    return this._choices.facts[key];
  }

  /** Pin a compute, or take the pin away. */
  async togglePin(key: string, facts?: IComputeFacts): Promise<void> {
    await this._loaded;
    this._keep(key, facts);
    const { pins } = this._choices;
    this._choices.pins = pins.includes(key)
      ? pins.filter(pin => pin !== key)
      : [...pins, key];
    await this._save();
  }

  /** Divide the list of computes by a field; null for not at all. */
  async setGroupBy(field: Field | null): Promise<void> {
    await this._loaded;
    this._choices.groupBy = field;
    await this._save();
  }

  /** Remember what was attached. */
  async attached(
    key: string,
    role: string | null,
    facts?: IComputeFacts
  ): Promise<void> {
    await this._loaded;
    this._keep(key, facts);
    const recents = this._choices.recents.filter(recent => recent !== key);
    this._choices.recents = [key, ...recents].slice(0, this._mostRecents());
    this._choices.roles[key] = role ?? '';
    await this._save();
  }

  private async _load(): Promise<void> {
    const kept = (await this._store?.fetch(KEY).catch(() => undefined)) as
      Partial<IChoices> | undefined;
    this._choices = {
      pins: strings(kept?.pins),
      recents: strings(kept?.recents),
      roles: rolesOf(kept?.roles),
      facts: factsOf(kept?.facts),
      groupBy: FIELDS.find(field => field === kept?.groupBy) ?? null
    };
    this._changed.emit();
  }

  private _keep(key: string, facts: IComputeFacts | undefined): void {
    if (facts) {
      this._choices.facts[key] = facts;
    }
  }

  private async _save(): Promise<void> {
    const { facts } = this._choices;
    this._choices.facts = Object.fromEntries(
      this.first.filter(key => facts[key]).map(key => [key, facts[key]])
    );

    this._changed.emit();
    const choices = this._choices as unknown as ReadonlyPartialJSONObject;
    await this._store
      ?.save(KEY, choices)
      .catch(error => console.warn('The choice is not kept.', error));
  }

  private _changed = new Signal<this, void>(this);
  private _choices: IChoices = {
    pins: [],
    recents: [],
    roles: {},
    facts: {},
    groupBy: null
  };
  private _loaded = Promise.resolve();
}

function strings(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((one): one is string => typeof one === 'string')
    : [];
}

function factsOf(value: unknown): Record<string, IComputeFacts> {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, IComputeFacts] => {
      const facts = entry[1] as Partial<IComputeFacts> | null;
      return (
        typeof facts?.compute === 'string' &&
        typeof facts.name === 'string' &&
        typeof facts.hasSpark === 'boolean'
      );
    })
  );
}

function rolesOf(value: unknown): Record<string, string> {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string'
    )
  );
}
