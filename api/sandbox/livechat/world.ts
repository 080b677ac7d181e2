import type { Agent, Chat, Customer, Group, GroupStatus, Thread, WebhookEntry } from './model.ts';
import { newHexId, newUuid, nowMicros } from './model.ts';

/** A token of the OAuth flow, or the personal access token. */
interface AgentKey {
  agentId: string;
  scopes: Set<string>;
}

/** One LiveChat license with one app, and everything in it. */
export interface World {
  organizationId: string;
  licenseId: number;
  clientId: string;
  clientSecret: string;
  secretKey: string;
  /** Client id of LiveChat's own widget: the source of chats that are not made through our app. */
  widgetClientId: string;
  /** The group of the humans, as in the settings. */
  groupId: number;
  /** The agent whose seat the bot has in native mode. */
  seat: Agent;
  agents: Map<string, Agent>;
  bots: { id: string; name: string }[];
  groups: Map<number, Group>;
  customers: Map<string, Customer>;
  chats: Map<string, Chat>;
  /** By token. */
  customerTokens: Map<string, { customerId: string; expiresAt: number }>;
  agentTokens: Map<string, AgentKey>;
  pat: AgentKey & { accountId: string; token: string };
  /** How a second chat of a customer is refused: LiveChat does not say. */
  limitError: 'chat_limit_reached' | 'validation';
  installed: boolean;
  webhooksEnabled: boolean;
  webhooks: Map<string, WebhookEntry>;
  /** Uploaded, by the last two parts of their address. */
  files: Map<string, { name: string; contentType: string; bytes: Buffer }>;
}

/** The scopes that the guide asks for, and the ones this simulator knows beyond. */
export const ALL_SCOPES: readonly string[] = [
  'chats--all:rw',
  'agents--all:ro',
  'agents--all:rw',
  'agents-bot--all:ro',
  'groups--all:ro',
  'webhooks.configuration:rw',
  'webhooks.state:rw',
  'customers:own',
];

const DOMAIN = 'sandbox.example';

export function createWorld(): World {
  const [ana, ben, seat] = [newAgent('Ana'), newAgent('Ben'), newAgent('Assistant')];
  const humans = [ana.id, ben.id];
  return {
    organizationId: newUuid(),
    licenseId: 17_000_001,
    clientId: newHexId(),
    clientSecret: newHexId(),
    secretKey: `whsec_${newHexId()}`,
    widgetClientId: newHexId(),
    groupId: 7,
    seat,
    agents: new Map([ana, ben, seat].map((agent) => [agent.id, agent])),
    bots: [{ id: newHexId(), name: 'Welcome bot' }],
    groups: new Map([
      [0, { id: 0, name: 'General', status: 'online', agentIds: humans }],
      [7, { id: 7, name: 'Support', status: 'online', agentIds: humans }],
    ]),
    customers: new Map(),
    chats: new Map(),
    customerTokens: new Map(),
    agentTokens: new Map(),
    pat: { accountId: seat.accountId, token: `dal:${newHexId(20)}`, agentId: seat.id, scopes: new Set(ALL_SCOPES) },
    limitError: 'chat_limit_reached',
    installed: true,
    webhooksEnabled: true,
    webhooks: new Map(),
    files: new Map(),
  };
}

/** Forgets chats and people; the license, its app, its webhooks and its agents stay. */
export function resetWorld(world: World): void {
  for (const map of [world.customers, world.chats, world.customerTokens, world.agentTokens, world.files]) map.clear();
  for (const group of world.groups.values()) group.status = 'online';
  for (const agent of world.agents.values()) agent.status = 'accepting_chats';
  world.pat.scopes = new Set(ALL_SCOPES);
  world.installed = true;
  world.webhooksEnabled = true;
}

function newAgent(name: string): Agent {
  const id = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@${DOMAIN}`;
  return { id, hexId: newHexId(), name, accountId: newUuid(), status: 'accepting_chats' };
}

/** The agent with this e-mail or name; an unknown one is hired. */
export function agentCalled(world: World, nameOrId: string): Agent {
  const wanted = nameOrId.toLowerCase();
  const known = [...world.agents.values()].find(({ id, name }) => id === wanted || name.toLowerCase() === wanted);
  if (known !== undefined) return known;
  const hired = wanted.includes('@')
    ? { ...newAgent(nameOrId.split('@')[0] ?? nameOrId), id: wanted }
    : newAgent(nameOrId);
  world.agents.set(hired.id, hired);
  return hired;
}

export function newCustomer(world: World): Customer {
  const customer = { id: newUuid(), cookieSecret: newHexId(38), createdAt: nowMicros(), banned: false, fields: {} };
  world.customers.set(customer.id, customer);
  return customer;
}

/** A customer has one chat per license. */
export const chatOf = (world: World, customerId: string): Chat | undefined =>
  [...world.chats.values()].find((chat) => chat.customerId === customerId);

/** Every chat has at least one thread. */
export const lastThread = (chat: Chat): Thread => chat.threads[chat.threads.length - 1] as Thread;

export const activeThread = (chat: Chat): Thread | undefined => chat.threads.find(({ active }) => active);

/** A group without an agent who accepts chats is offline, whatever it is set to. */
export function statusOf(world: World, group: Group): GroupStatus {
  if (group.status !== 'online') return group.status;
  return group.agentIds.some((id) => isAccepting(world, id)) ? 'online' : 'offline';
}

export const isAccepting = (world: World, agentId: string): boolean =>
  world.agents.get(agentId)?.status === 'accepting_chats';

/** Who gets a chat of these groups now; undefined: nobody can. */
export function freeAgent(world: World, groupIds: number[], except?: ReadonlyMap<string, unknown>): string | undefined {
  for (const id of groupIds) {
    const group = world.groups.get(id);
    if (group?.status !== 'online') continue;
    const free = group.agentIds.find((agentId) => isAccepting(world, agentId) && except?.has(agentId) !== true);
    if (free !== undefined) return free;
  }
  return undefined;
}
