/**
 * What the user has set (`schema/panel.json`), with the same defaults where nothing can be set.
 */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

/** The settings by their names in the schema. */
export interface IPreferences {
  refreshWhileShown: boolean;
  showChip: boolean;
  /** Hours after which an idle kernel is warned of; 0 for never. */
  warnIdleHours: number;
  mostRecents: number;
  launcherComputes: number;
}

/** What is asked of JupyterLab's settings. */
export interface ISettings {
  readonly composite: { readonly [name: string]: unknown };
  readonly changed: ISignal<unknown, unknown>;
}

const DEFAULTS: IPreferences = {
  refreshWhileShown: true,
  showChip: true,
  warnIdleHours: 2,
  mostRecents: 8,
  launcherComputes: 2
};

/** The settings as they are now. */
export class Preferences {
  /** Emitted when one has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get values(): Readonly<IPreferences> {
    return this._values;
  }

  /** Follow JupyterLab's settings, from when they are loaded. */
  follow(settings: ISettings): void {
    const take = (): void => {
      this._values = { ...DEFAULTS, ...settings.composite };
      this._changed.emit();
    };
    settings.changed.connect(take);
    take();
  }

  private _changed = new Signal<this, void>(this);
  private _values = DEFAULTS;
}
