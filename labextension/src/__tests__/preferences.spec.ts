import { Signal } from '@lumino/signaling';

import { Memory } from '../models/memory';
import { Preferences } from '../models/preferences';
import {
  emissions,
  FakeServer,
  FakeTracker,
  listOf,
  modelOf,
  settled
} from './fakes';

/** JupyterLab's settings of us. */
class Settings {
  readonly changed = new Signal<this, void>(this);
  composite: Record<string, unknown> = {};

  set(name: string, value: unknown): void {
    this.composite = { ...this.composite, [name]: value };
    this.changed.emit();
  }
}

describe('the preferences', () => {
  it('have the defaults of the schema where nothing can be set', () => {
    const { properties } = jest.requireActual<{
      properties: Record<string, { default: unknown }>;
    }>('../../schema/panel.json');
    const defaults = Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [name, one.default])
    );
    expect(new Preferences().values).toEqual(defaults);
  });

  it('follow what the user sets', () => {
    const preferences = new Preferences();
    const settings = new Settings();
    settings.composite = { showChip: false };
    const changed = emissions(preferences.changed);
    preferences.follow(settings);
    expect(preferences.values).toMatchObject({
      showChip: false,
      mostRecents: 8
    });
    settings.set('mostRecents', 1);
    expect(preferences.values.mostRecents).toBe(1);
    expect(changed.args).toHaveLength(2);
  });

  it('say how many computes are remembered', async () => {
    const memory = new Memory(null, () => 1);
    await memory.attached('ec2/a', null);
    await memory.attached('ec2/b', null);
    expect(memory.first).toEqual(['ec2/b']);
  });

  it('let the list rest after its first answer', async () => {
    const server = new FakeServer({ 'GET compute': () => listOf([]) });
    const model = modelOf(server, new FakeTracker());
    const settings = new Settings();
    settings.composite = { refreshWhileShown: false };
    model.preferences.follow(settings);
    model.start();
    await settled();
    model.stop();
    model.start();
    await settled();
    expect(server.count('GET compute')).toBe(1);
    model.stop();
    model.computes.dispose();
    model.kernels.dispose();
  });
});
