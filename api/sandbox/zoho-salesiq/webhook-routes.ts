import type { Served } from '../shell.ts';
import { type Call, bodyOf, list, numberOf, one, type Route } from './call.ts';
import { type Fields, optionalText, SiqError, textField, textsField, type WebhookEntry } from './model.ts';
import { keyView, webhookView } from './views.ts';
import { EVENTS, type Execution, type Executions, headStatus, newEntry, webhookOf } from './webhooks.ts';
import { newSigningKey, type World } from './world.ts';

const MOST_KEYS = 2;
const NEVER = Number.MAX_SAFE_INTEGER;

/** `/api/v2/{screenname}/webhooks`. */
export function webhookRoutes(world: World, executions: Executions, disabled: () => boolean): Route[] {
  const view = (entry: WebhookEntry): Fields => webhookView(entry, world.operators[0]?.id, disabled());

  function found({ params }: Call): WebhookEntry {
    const entry = [...world.webhooks.values()].find(({ id }) => id === params['id']);
    if (entry === undefined) throw new SiqError(1019);
    return entry;
  }

  function eventsOf(body: Fields): string[] {
    const events = textsField(body, 'events');
    const wrong = events.findIndex((event) => !EVENTS.includes(event));
    if (wrong >= 0 || events.length === 0) throw new SiqError(1011, { json_key: `events[${Math.max(0, wrong)}]` });
    return events;
  }

  function appsOf(body: Fields): string[] {
    const ids = textsField(body, 'app_ids');
    const wrong = ids.findIndex((id) => !world.apps.some((app) => app.id === id));
    if (wrong >= 0) throw new SiqError(1019, { json_key: `app_ids[${wrong}]` });
    return ids;
  }

  /** SalesIQ looks whether somebody is there before it takes an address. */
  async function urlOf(body: Fields): Promise<string> {
    const url = textField(body, 'url');
    if (!URL.canParse(url) || (await headStatus(url)) !== 200) throw new SiqError(1011, { json_key: 'url' });
    return url;
  }

  async function create(call: Call): Promise<Served> {
    const body = bodyOf(call);
    const type = optionalText(body, 'type') ?? 'data';
    if (type !== 'data' && type !== 'administration') throw new SiqError(1011, { json_key: 'type' });
    const [events, appIds] = [eventsOf(body), appsOf(body)];
    const url = await urlOf(body);
    const entry = newEntry(world, { url, type, events, appIds, secured: isTrue(body['secured']), version: '1' });
    world.webhooks.set(entry.id, entry);
    return one(call, 'webhooks', view(entry));
  }

  async function update(call: Call): Promise<Served> {
    const entry = found(call);
    const body = bodyOf(call);
    const [events, appIds] = [eventsOf(body), appsOf(body)];
    if (body['url'] !== undefined && body['url'] !== entry.url) entry.url = await urlOf(body);
    if (body['secured'] !== undefined) entry.secured = isTrue(body['secured']);
    Object.assign(entry, { events, appIds, reachable: true, modifiedTime: world.now() });
    return one(call, 'webhooks', view(entry));
  }

  function remove(call: Call): Served {
    const { id } = found(call);
    for (const [key, entry] of world.webhooks) if (entry.id === id) world.webhooks.delete(key);
    return { status: 204 };
  }

  function addKey(call: Call): Served {
    const entry = found(call);
    if (entry.keys.length >= MOST_KEYS) throw new SiqError(1014);
    const key = newSigningKey(world.now());
    entry.keys.push(key);
    return one(call, 'webhooks', { ...view(entry), public_key: keyView(key) });
  }

  function removeKey(call: Call): Served {
    const entry = found(call);
    const rest = entry.keys.filter(({ id }) => id !== call.params['key']);
    if (rest.length === entry.keys.length) throw new SiqError(1019);
    if (rest.length === 0) throw new SiqError(1026, {}, 'The last key cannot be deleted');
    entry.keys = rest;
    return { status: 204 };
  }

  function failed(call: Call): Served {
    const { events } = call.query;
    const limit = numberOf(call, 'limit', 50, [5, 50]);
    const page = numberOf(call, 'pageno', 1, [1, 1_000_000]);
    const [from, to] = [numberOf(call, 'from_time', 0, [0, NEVER]), numberOf(call, 'to_time', NEVER, [0, NEVER])];
    const rows = executions.of(found(call).id).filter(({ payload }) => {
      const at = Number(payload['event_time']);
      return at >= from && at <= to && (events === undefined || events.split(',').includes(String(payload['event'])));
    });
    return list(world, call, rows.slice((page - 1) * limit, page * limit).map(executionRow));
  }

  function retry(call: Call, ids: string[]): Served {
    const known = executions.of(found(call).id).filter(({ id }) => ids.includes(id));
    if (known.length === 0) throw new SiqError(1019);
    const skipped = known.filter((execution) => !executions.retry(execution)).map(({ id }) => id);
    return one(call, 'execution', { ids: known.map(({ id }) => id).filter((id) => !skipped.includes(id)), skipped });
  }

  const route = (method: string, path: string, scope: string, run: Route['run']): Route => ({
    method,
    path: path === '' ? 'webhooks' : `webhooks/${path}`,
    scope: `webhooks.${scope}`,
    run,
  });
  return [
    route('POST', '', 'CREATE', create),
    route('GET', '', 'READ', (call) => list(world, call, [...world.webhooks.values()].map(view))),
    route('GET', ':id', 'READ', (call) => one(call, 'webhooks', view(found(call)))),
    route('PUT', ':id', 'UPDATE', update),
    route('DELETE', ':id', 'DELETE', remove),
    route('POST', ':id/keys', 'CREATE', addKey),
    route('DELETE', ':id/keys/:key', 'DELETE', removeKey),
    route('GET', ':id/executions', 'READ', failed),
    route('POST', ':id/executions', 'CREATE', (call) => retry(call, textsField(bodyOf(call), 'ids'))),
    route('POST', ':id/executions/:execution', 'CREATE', (call) => retry(call, [call.params['execution'] ?? ''])),
  ];
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';

/** A failed one has its entity only, without the envelope. */
const executionRow = ({ id, retries, delivery, payload }: Execution): Fields => ({
  id,
  event: payload['event'],
  entity: 'conversation',
  entity_id: payload['entity_id'],
  entity_label: { id: payload['entity_id'] },
  app_id: payload['app_id'],
  webhook_id: webhookOf(payload),
  remote_server_status: String(delivery.status),
  number_of_retries: String(retries),
  payload: { version: payload['version'], event_time: payload['event_time'], ...(payload['entity'] as Fields) },
  last_execution_time: payload['event_time'],
});
