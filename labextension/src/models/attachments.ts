/**
 * Which attachment holds for a notebook or folder.
 */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { EMRClient } from '../client';
import type { Attachment } from '../tokens';

/** Keeps the answers until something was attached, detached or moved. */
export class AttachmentsModel {
  constructor(private _client: EMRClient) {}

  /** Emitted when attachments may have changed: ask again. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Return the attachment that holds for a path, its own or the nearest folder's; null without one. */
  of(path: string): Promise<Attachment | null> {
    let asked = this._asked.get(path);
    if (!asked) {
      asked = this._client.attachmentsOf(path).then(items => items[0] ?? null);
      this._asked.set(path, asked);
      asked.catch(() => this._asked.delete(path));
    }
    return asked;
  }

  /** Return all attachments of this server. */
  all(): Promise<Attachment[]> {
    return this._client.listAttachments();
  }

  /** End an attachment. */
  async detach(attachment: Attachment): Promise<void> {
    try {
      await this._client.detach(attachment.id);
    } finally {
      this.invalidate();
    }
  }

  /** Forget the answers; called when something was attached here or elsewhere. */
  invalidate(): void {
    this._asked.clear();
    this._changed.emit();
  }

  private _asked = new Map<string, Promise<Attachment | null>>();
  private _changed = new Signal<this, void>(this);
}
