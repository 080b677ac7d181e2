import { createHmac, randomUUID } from 'node:crypto';
import type { Change } from './actions.ts';
import { type Contact, seconds, type Workspace } from './model.ts';
import { conversationJson } from './wire.ts';
import type { OutgoingWebhook } from '../outgoing.ts';

interface WebhookOptions {
  /** The app's client secret. */
  clientSecret: string;
  /** Version of the app, and so of what its webhooks say. */
  version(): string;
  /** Up to version 2.14 bodies are HTML. */
  htmlBodies(): boolean;
  /** False: no part is in a notification, as it was seen in the wild. */
  withParts(): boolean;
}

export interface Webhooks {
  /** One for every topic. */
  of(change: Change): OutgoingWebhook[];
  /** One for several parts. */
  several(changes: readonly Change[]): OutgoingWebhook[];
  /** A conversation without parts. */
  conversation(topic: string, change: Pick<Change, 'conversation'>): OutgoingWebhook;
  contact(topic: string, contact: Contact, more: object): OutgoingWebhook;
  item(topic: string, item: { type: string; id?: string; deleted?: boolean }): OutgoingWebhook;
}

/** Intercom's notifications. What they say is fixed when the thing happens, and the same in the second try. */
export function createWebhooks(workspace: Workspace, options: WebhookOptions): Webhooks {
  function webhook(topic: string, item: object, conversationId: string): OutgoingWebhook {
    const id = `notif_${randomUUID()}`;
    const createdAt = seconds();
    const fixed = structuredClone(item);
    return {
      conversationId,
      build(attempt, wrongSecret) {
        const body = JSON.stringify({
          type: 'notification_event',
          app_id: workspace.id,
          data: { type: 'notification_event_data', item: fixed },
          links: {},
          id,
          topic,
          delivery_status: 'pending',
          delivery_attempts: attempt,
          delivered_at: 0,
          first_sent_at: createdAt,
          created_at: createdAt,
          self: null,
        });
        return { body, headers: headersOf(body, wrongSecret ? 'not the secret' : options.clientSecret) };
      },
    };
  }

  const itemOf = ({ conversation }: Pick<Change, 'conversation'>, parts: readonly Change[]): object =>
    conversationJson(
      workspace,
      conversation,
      { version: options.version(), plaintext: !options.htmlBodies() },
      options.withParts() ? parts.flatMap(({ part }) => part ?? []) : [],
    );

  const webhooks: Webhooks = {
    of: (change) => change.topics.map((topic) => webhook(topic, itemOf(change, [change]), change.conversation.id)),
    several(changes) {
      const last = changes.at(-1);
      if (last === undefined) return [];
      return last.topics.map((topic) => webhook(topic, itemOf(last, changes), last.conversation.id));
    },
    conversation: (topic, change) => webhook(topic, itemOf(change, []), change.conversation.id),
    contact: (topic, contact, more) =>
      webhook(
        topic,
        { type: 'contact', id: contact.id, external_id: contact.externalId, role: contact.role, ...more },
        contact.id,
      ),
    item: (topic, item) => webhook(topic, item, item.id ?? topic),
  };
  return webhooks;
}

function headersOf(body: string, secret: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'intercom-parrot-service-client/1.0',
    'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
  };
}
