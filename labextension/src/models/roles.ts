/**
 * The runtime roles to offer on a compute.
 */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import { asProblem } from '../request';
import type { IProblem } from '../request';
import type { Compute, RuntimeRole, RuntimeRoleList } from '../tokens';
import { keyOf } from './computes';

/** Asks for the roles of the compute that was chosen. */
export class RolesModel {
  constructor(private _client: EMRClient) {}

  /** Emitted when an answer has come, or another compute was chosen. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The roles, best first; null before the answer. */
  get list(): RuntimeRoleList | null {
    return this._list;
  }

  /** Why there is no list. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Show the roles of a compute. */
  async show(compute: Compute): Promise<void> {
    const key = keyOf(compute);
    if (key === this._key && !this._problem) {
      return;
    }
    this._key = key;
    const turn = ++this._turn;
    this._list = this._problem = null;
    this._changed.emit();
    if (compute.runtime_role === 'unsupported') {
      return;
    }
    try {
      const list = await this._client.listRoles(compute.arn || compute.id);
      if (turn === this._turn) {
        this._list = list;
      }
    } catch (error) {
      if (turn === this._turn) {
        this._problem = asProblem(error);
      }
    }
    this._changed.emit();
  }

  /** Forget the answer; called when the caller has changed. */
  clear(): void {
    this._key = '';
    this._turn++;
  }

  private _changed = new Signal<this, void>(this);
  private _key = '';
  private _list: RuntimeRoleList | null = null;
  private _problem: IProblem | null = null;
  private _turn = 0;
}

/** Return the role of a typed ARN or unambiguous name, or the text itself, which the server judges; null for none. */
export function roleOf(
  typed: string,
  roles: readonly RuntimeRole[]
): string | null {
  const text = typed.trim();
  const named = roles.filter(role => role.name === text);
  return named.length === 1 ? named[0].arn : text || null;
}
