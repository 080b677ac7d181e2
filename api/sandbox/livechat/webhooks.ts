import type { Chat, ChatEvent, Fields, WebhookEntry } from './model.ts';
import { newHexId } from './model.ts';
import type { OutgoingWebhook } from '../outgoing.ts';
import type { World } from './world.ts';

/** What the operator ticks by hand in the console: one entry per action. */
const BY_HAND = [
  'incoming_event',
  'incoming_chat',
  'chat_deactivated',
  'chat_transferred',
  'user_added_to_chat',
  'user_removed_from_chat',
];

/** Actions that exist; those in the middle of the list are known and never fire here. */
export const WEBHOOK_ACTIONS: readonly string[] = [
  ...BY_HAND,
  'routing_status_set',
  'incoming_rich_message_postback',
  'event_updated',
  'event_deleted',
  'thread_summary_set',
  'events_marked_as_seen',
  'chat_access_updated',
  'chat_properties_updated',
  'thread_properties_updated',
  'thread_tagged',
  'incoming_customer',
];

const HAND_MADE = 'by hand';

/** The entries of the console's block, with the secret that the operator has pasted there. */
export function registerByHand(world: World, url: string): void {
  for (const [id, entry] of world.webhooks) if (entry.description === HAND_MADE) world.webhooks.delete(id);
  for (const action of BY_HAND) {
    const id = newHexId(12);
    world.webhooks.set(id, {
      id,
      url,
      description: HAND_MADE,
      action,
      secretKey: world.secretKey,
      ownerClientId: world.clientId,
      type: 'license',
      filters: {},
      additionalData: [],
    });
  }
}

/** One for each entry that wants to know. */
export function webhooksFor(world: World, action: string, payload: Fields, chat: Chat): OutgoingWebhook[] {
  if (!world.installed || !world.webhooksEnabled) return [];
  const entries = [...world.webhooks.values()].filter(
    // No bot of ours is in any chat, so `bot` webhooks have nothing to tell.
    (entry) => entry.action === action && entry.type === 'license' && passes(world, entry, payload, chat),
  );
  return entries.map((entry) => envelope(world, entry, structuredClone(payload), chat));
}

function passes(world: World, { filters }: WebhookEntry, payload: Fields, chat: Chat): boolean {
  if (filters['only_my_chats'] === true && sourceOf(chat) !== world.clientId) return false;
  const authorType = filters['author_type'];
  const event = payload['event'] as ChatEvent | undefined;
  if (authorType === undefined || event === undefined) return true;
  // Whether a system message passes is not documented; it has no author, so it is neither.
  if (event.author_id === undefined) return false;
  return (event.author_id === chat.customerId) === (authorType === 'customer');
}

const sourceOf = (chat: Chat): string | undefined =>
  (chat.properties['source'] as { client_id?: string } | undefined)?.client_id;

function envelope(world: World, entry: WebhookEntry, payload: Fields, chat: Chat): OutgoingWebhook {
  const present = [chat.customerId, ...chat.agents.keys()];
  const wanted: Fields = {
    ...(entry.additionalData.includes('chat_properties') && { chat_properties: structuredClone(chat.properties) }),
    ...(entry.additionalData.includes('chat_presence_user_ids') && { chat_presence_user_ids: present }),
  };
  return {
    conversationId: chat.id,
    url: entry.url,
    build: (_attempt, wrongSecret) =>
      json({
        webhook_id: entry.id,
        secret_key: wrongSecret ? wrong(entry.secretKey) : entry.secretKey,
        action: entry.action,
        organization_id: world.organizationId,
        payload,
        additional_data: wanted,
      }),
  };
}

/** Tells the app itself, without any secret. Goes to the same address. */
export const appWebhook = (
  world: World,
  event: 'application_installed' | 'application_uninstalled',
): OutgoingWebhook => ({
  conversationId: 'app',
  build: () =>
    json({
      applicationID: 'kQ3vTzB1x',
      applicationName: 'Baton',
      clientID: world.clientId,
      date: new Date().toISOString().replace(/\.\d+Z$/, '+00:00'),
      event,
      licenseID: world.licenseId,
      organizationID: world.organizationId,
      payload: { applicationID: 'kQ3vTzB1x' },
      userID: world.seat.accountId,
    }),
});

const json = (body: Fields) => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

/** Of the same length, so that only a look at every letter finds it. */
const wrong = (secret: string): string => `${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`;
