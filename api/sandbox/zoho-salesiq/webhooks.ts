import { sign } from 'node:crypto';
import type { Delivery, Outgoing, OutgoingWebhook } from '../outgoing.ts';
import type { Conversation, Fields, SigningKey, WebhookEntry } from './model.ts';
import { newId } from './model.ts';
import { eventVisitor } from './views.ts';
import { newSigningKey, type World } from './world.ts';

/** Every event of a conversation that SalesIQ documents. */
export const EVENTS: readonly string[] = [
  'conversation.created',
  'conversation.attender.updated',
  'conversation.operator.replied',
  'conversation.visitor.replied',
  'conversation.completed',
  'conversation.missed',
  'conversation.transfer.initiated',
  'conversation.transfer.accepted',
  'conversation.transfer.rejected',
  'conversation.message.edited',
  'conversation.message.deleted',
  'conversation.rated',
  'conversation.participants.added',
  'conversation.participants.deleted',
  'conversation.supervisor.added',
  'conversation.metrics',
  'conversation.reopened',
];

/** Success is below 300; three more tries, a minute apart, then it is a failed execution. */
export const TIMEOUT_MS = 5_000;
export const RETRIES_MS = [60_000, 60_000, 60_000];
const TRIES = RETRIES_MS.length + 1;
const MOST_RETRIES = 99;

export const verdict = (status: number): 'done' | 'retry' | 'disable' => {
  if (status === 410) return 'disable';
  return status > 0 && status < 300 ? 'done' : 'retry';
};

let strangerKey: SigningKey | undefined;

/** Base64 of SHA-256 with RSA over the bytes. `wrong`: with a key that is not ours. */
export function signatureOf(body: string, key: SigningKey, wrong: boolean): string {
  if (wrong) strangerKey ??= newSigningKey(0);
  const { privateKey } = wrong && strangerKey ? strangerKey : key;
  return sign('RSA-SHA256', Buffer.from(body), privateKey).toString('base64');
}

const HAND_MADE = 'by-hand';

/** What the operator has made in the console: all boxes ticked, secured. */
export function registerByHand(world: World, url: string): WebhookEntry {
  const entry = newEntry(world, { url, events: undefined, appIds: world.apps.map(({ id }) => id) });
  world.webhooks.set(HAND_MADE, entry);
  return entry;
}

export function newEntry(
  world: World,
  given: Pick<WebhookEntry, 'url' | 'events' | 'appIds'> & Partial<WebhookEntry>,
): WebhookEntry {
  return {
    id: newId(),
    type: 'data',
    secured: true,
    version: 1,
    expiryTime: '5184000000',
    // The same for all: the settings have one public key.
    keys: [world.signingKey],
    reachable: true,
    createdTime: world.now(),
    modifiedTime: world.now(),
    ...given,
  };
}

/** One for each webhook that wants to know. */
export function webhooksFor(
  world: World,
  event: string,
  conversation: Conversation,
  fields: Fields,
): OutgoingWebhook[] {
  const { id, appId } = conversation;
  const time = world.tick();
  const entity = structuredClone({ id, ...fields, visitor: eventVisitor(conversation) });
  const isFor = ({ reachable, type, events, appIds }: WebhookEntry): boolean =>
    reachable && type === 'data' && (events?.includes(event) ?? true) && appIds.includes(appId);
  return [...world.webhooks.values()].filter(isFor).map((entry) => ({
    conversationId: id,
    url: entry.url,
    build(attempt, wrong) {
      const body = JSON.stringify({
        event,
        entity_type: 'conversation',
        entity_id: id,
        org_id: world.orgId,
        app_id: appId,
        webhook: { id: entry.id },
        version: entry.version,
        attempt,
        event_time: time,
        entity,
      });
      return { body, headers: headersFor(entry, body, wrong) };
    },
  }));
}

/** The oldest of the keys signs. */
function headersFor({ keys, secured }: WebhookEntry, body: string, wrong: boolean): Record<string, string> {
  const [key] = keys;
  const signature = secured && key ? { 'x-siqsignature': signatureOf(body, key, wrong) } : {};
  return { 'content-type': 'application/json', ...signature };
}

/** The check of an address that is set or changed; 0: nobody answered. */
export async function headStatus(url: string): Promise<number> {
  try {
    const answer = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.status;
  } catch {
    return 0;
  }
}

/** Id of the webhook that an envelope is of. */
export const webhookOf = ({ webhook }: Fields): unknown => (webhook as Fields)['id'];

/** A webhook that has failed in all of its tries. */
export interface Execution {
  id: string;
  retries: number;
  delivery: Delivery;
  payload: Fields;
}

export interface Executions {
  /** Those of one webhook, oldest first. */
  of(webhookId: string): Execution[];
  /** Sends one again; false: it has been sent too often. */
  retry(execution: Execution): boolean;
}

/** The failed ones, as they can be listed and sent again. */
export function createExecutions(world: World, outgoing: Outgoing): Executions {
  const known = new WeakMap<Delivery, Execution>();
  const gone = new WeakSet<Execution>();

  function read(delivery: Delivery): Execution {
    const made = known.get(delivery) ?? {
      id: newId(),
      retries: 0,
      delivery,
      payload: JSON.parse(delivery.body) as Fields,
    };
    known.set(delivery, made);
    return made;
  }

  function again({ payload, retries, delivery: { url } }: Execution): OutgoingWebhook {
    const body = JSON.stringify({ ...payload, attempt: TRIES + retries });
    const entry = [...world.webhooks.values()].find((one) => one.url === url);
    const build = (_attempt: number, wrong: boolean) => ({
      body,
      headers: entry ? headersFor(entry, body, wrong) : {},
    });
    return { conversationId: String(payload['entity_id']), url, build };
  }

  return {
    of: (webhookId) =>
      outgoing.deliveries
        .filter(({ attempt, status }) => attempt === TRIES && verdict(status) !== 'done')
        .map(read)
        .filter((one) => !gone.has(one) && webhookOf(one.payload) === webhookId),
    retry(execution) {
      if (execution.retries >= MOST_RETRIES) return false;
      execution.retries += 1;
      void outgoing.send(again(execution)).then((status) => verdict(status) === 'done' && gone.add(execution));
      return true;
    },
  };
}
