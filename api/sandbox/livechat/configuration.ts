import type { Action } from './customer.ts';
import type { Agent, Fields, WebhookEntry } from './model.ts';
import { invalid, listField, LivechatError, newHexId, objectField, textField } from './model.ts';
import { WEBHOOK_ACTIONS } from './webhooks.ts';
import type { World } from './world.ts';
import { statusOf } from './world.ts';

const MAX_URL_LETTERS = 500;
/** Per action and client. */
const MAX_WEBHOOKS = 3;

/** Per action the scopes it needs: one of each list. An action that is not here needs none. */
export const CONFIGURATION_SCOPES: Record<string, string[][]> = {
  register_webhook: [['webhooks.configuration:rw']],
  unregister_webhook: [['webhooks.configuration:rw']],
  list_webhooks: [['webhooks.configuration:ro']],
  get_license_webhooks_state: [['webhooks.state:ro']],
  enable_license_webhooks: [['webhooks.state:rw']],
  disable_license_webhooks: [['webhooks.state:rw']],
  list_agents: [['agents--all:ro']],
  get_agent: [['agents--all:ro']],
  list_groups: [['groups--all:ro']],
  list_bots: [['agents-bot--all:ro']],
};

/** Needs no token. */
export const webhookNames = (): Fields[] => WEBHOOK_ACTIONS.map((action) => ({ action }));

/** The actions of the Configuration API. */
export function configurationActions(world: World): Record<string, Action> {
  const owned = (body: Fields): WebhookEntry[] => {
    const owner = ownerOf(world, body, 'owner_client_id');
    return [...world.webhooks.values()].filter(({ ownerClientId }) => ownerClientId === owner);
  };
  const setState = (enabled: boolean): Action => {
    return (body) => {
      // The vendor's packages disagree: JavaScript sends the one, Python and Go the other.
      ownerOf(world, body, body['client_id'] === undefined ? 'owner_client_id' : 'client_id');
      world.webhooksEnabled = enabled;
      return {};
    };
  };

  return {
    register_webhook(body) {
      const entry = readWebhook(world, body);
      const same = owned(body).filter(({ action }) => action === entry.action);
      if (same.length >= MAX_WEBHOOKS) throw new LivechatError('limit_reached', 'Limit reached');
      world.webhooks.set(entry.id, entry);
      return { id: entry.id };
    },
    list_webhooks: (body) =>
      owned(body).map(({ id, url, description, action, filters, ownerClientId, type }) => {
        return { id, url, description, action, filters, owner_client_id: ownerClientId, type };
      }),
    unregister_webhook(body) {
      const id = textField(body, 'id');
      if (!owned(body).some((entry) => entry.id === id)) throw new LivechatError('not_found', 'Webhook not found');
      world.webhooks.delete(id);
      return {};
    },
    get_license_webhooks_state(body) {
      ownerOf(world, body, 'client_id');
      return { license_webhooks_enabled: world.webhooksEnabled };
    },
    enable_license_webhooks: setState(true),
    disable_license_webhooks: setState(false),
    list_agents(body) {
      const groups = objectField(body, 'filters')['group_ids'];
      const isWanted = ({ id }: Agent): boolean =>
        !Array.isArray(groups) || groupsOf(world, id).some(({ id: group }) => groups.includes(group));
      return [...world.agents.values()].filter(isWanted).map((agent) => shownAgent(world, agent, body));
    },
    get_agent(body) {
      const agent = world.agents.get(textField(body, 'id'));
      if (agent === undefined) throw new LivechatError('not_found', 'Agent not found');
      return shownAgent(world, agent, body);
    },
    list_groups(body) {
      const fields = listField(body, 'fields');
      return [...world.groups.values()].map((group) => ({
        id: group.id,
        name: group.name,
        language_code: 'en',
        ...(fields.includes('agent_priorities') && {
          agent_priorities: Object.fromEntries(group.agentIds.map((id) => [id, 'normal'])),
        }),
        ...(fields.includes('routing_status') && { routing_status: statusOf(world, group) }),
      }));
    },
    list_bots: () => world.bots.map(({ id, name }) => ({ id, name })),
  };
}

/** A personal access token is of no client, so it must say which one it means. */
function ownerOf(world: World, body: Fields, name: string): string {
  const owner = textField(body, name);
  if (owner !== world.clientId) throw new LivechatError('authorization', `\`${name}\` is of another organization`);
  return owner;
}

function readWebhook(world: World, body: Fields): WebhookEntry {
  const [action, url, type] = [textField(body, 'action'), textField(body, 'url'), textField(body, 'type')];
  if (!WEBHOOK_ACTIONS.includes(action)) throw invalid('`action` is not supported');
  if (url.length > MAX_URL_LETTERS || !/^https?:\/\//.test(url)) throw invalid('`url` is wrong');
  if (type !== 'license' && type !== 'bot') throw invalid('`type` must be license or bot');
  const filters = objectField(body, 'filters');
  const author = filters['author_type'];
  if (author !== undefined) {
    if (author !== 'customer' && author !== 'agent') throw invalid('`filters.author_type` must be customer or agent');
    if (action !== 'incoming_event' && action !== 'event_updated') {
      throw invalid('`filters.author_type` is not supported for this action');
    }
  }
  return {
    id: newHexId(12),
    url,
    description: typeof body['description'] === 'string' ? body['description'] : '',
    action,
    secretKey: textField(body, 'secret_key'),
    ownerClientId: ownerOf(world, body, 'owner_client_id'),
    type,
    filters,
    additionalData: listField(body, 'additional_data').map(String),
  };
}

const groupsOf = (world: World, agentId: string) =>
  [...world.groups.values()].filter(({ agentIds }) => agentIds.includes(agentId));

function shownAgent(world: World, { id, name, accountId }: Agent, body: Fields): Fields {
  const fields = listField(body, 'fields');
  const role = id === world.seat.id ? 'administrator' : 'normal';
  return {
    id,
    name,
    account_id: accountId,
    role,
    ...(fields.includes('groups') && {
      groups: groupsOf(world, id).map((group) => ({ id: group.id, priority: 'normal' })),
    }),
  };
}
