import { generateKeyPairSync } from 'node:crypto';
import type { App, Conversation, Department, Operator, SigningKey, Visitor, WebhookEntry } from './model.ts';
import { newHexId, newId } from './model.ts';

/** The data centre of this portal, and the address its accounts server has in the real world. */
export const ACCOUNTS: Readonly<Record<string, string>> = {
  us: 'https://accounts.zoho.com',
  eu: 'https://accounts.zoho.eu',
  in: 'https://accounts.zoho.in',
  au: 'https://accounts.zoho.com.au',
  cn: 'https://accounts.zoho.com.cn',
  jp: 'https://accounts.zoho.jp',
  ca: 'https://accounts.zohocloud.ca',
  sa: 'https://accounts.zoho.sa',
  uk: 'https://accounts.zoho.uk',
};

/** What goes wrong until it is switched off. */
export interface Switches {
  /** What the administrator clicks on the consent page. */
  consent: 'allow' | 'deny';
  /** Where the consent page says the user's data is. */
  location: string;
  /** Errors have a status of their own instead of 200. */
  errorsAs4xx: boolean;
  /** `expires_in` in milliseconds beside `expires_in_sec`. */
  expiresInMs: boolean;
  /** Every `forward` of the bot fails with this code. */
  forwarding: 1001 | 1002 | 1003 | undefined;
  /** New chats are made in the console's preview. */
  preview: boolean;
  /** Which HTTP method closes a conversation: the note does not know. */
  closeMethod: 'PUT' | 'POST';
}

/** One SalesIQ portal with one OAuth client, and everything in it. */
export interface World {
  screenName: string;
  orgId: string;
  region: string;
  clientId: string;
  clientSecret: string;
  /** Of the hand-made webhook and of the bot. */
  readonly signingKey: SigningKey;
  bot: { id: string; name: string; attached: boolean };
  departments: Department[];
  apps: App[];
  operators: Operator[];
  visitors: Map<string, Visitor>;
  conversations: Map<string, Conversation>;
  webhooks: Map<string, WebhookEntry>;
  switches: Switches;
  /** Epoch milliseconds; `advanceClock` moves it. */
  now(): number;
  advance(ms: number): void;
  /** As `now`, and never the same twice: ids of messages and times of events are in order by it. */
  tick(): string;
}

const REGION = 'eu';

const usual = (): Switches => ({
  consent: 'allow',
  location: REGION,
  errorsAs4xx: false,
  expiresInMs: false,
  forwarding: undefined,
  preview: false,
  closeMethod: 'PUT',
});

export function createWorld(): World {
  const support = department('support', true);
  const billing = department('billing', true);
  const archive = department('archive', false);
  let offset = 0;
  let last = 0;
  let signingKey: SigningKey | undefined;
  const world: World = {
    screenName: 'acme',
    orgId: '60000000001',
    region: REGION,
    clientId: `1005.${newHexId(16).toUpperCase()}`,
    clientSecret: newHexId(20),
    // Takes a moment, which nobody has to wait for who does not use this portal.
    get signingKey() {
      signingKey ??= newSigningKey(Date.now());
      return signingKey;
    },
    bot: { id: `b${newId()}`, name: 'Zobot', attached: false },
    departments: [support, billing, archive],
    apps: [
      { id: newId(), name: 'Old site', enabled: false },
      { id: newId(), name: 'Acme site', enabled: true },
    ],
    operators: ['Mara', 'Ben'].map((name) => newOperator(name, [support.id, billing.id])),
    visitors: new Map(),
    conversations: new Map(),
    webhooks: new Map(),
    switches: usual(),
    now: () => Date.now() + offset,
    advance(ms) {
      offset += ms;
    },
    tick() {
      last = Math.max(world.now(), last + 1);
      return String(last);
    },
  };
  return world;
}

/** Forgets chats and people; the portal, its client, its webhooks and its operators stay. */
export function resetWorld(world: World): void {
  world.conversations.clear();
  world.visitors.clear();
  world.switches = usual();
  for (const operator of world.operators) operator.available = true;
}

export function newSigningKey(createdTime: number): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { id: newId(), privateKey, publicKey: text, createdTime };
}

const department = (name: string, enabled: boolean): Department => ({
  id: newId(),
  name,
  displayName: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  enabled,
  systemGenerated: name === 'support',
});

function newOperator(name: string, departmentIds: string[]): Operator {
  const email = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@acme.example`;
  return { id: newId(), name, email, departmentIds, available: true };
}

/** The department of the settings. */
export const groupOf = (world: World): Department => world.departments[0] as Department;

/** The app of the settings: the first that is enabled. */
export const appOf = (world: World): App => world.apps.find(({ enabled }) => enabled) as App;

/** The operator with this id, name or e-mail; an unknown one is hired. */
export function operatorCalled(world: World, nameOrId: string): Operator {
  const wanted = nameOrId.toLowerCase();
  const known = world.operators.find(
    ({ id, name, email }) => id === nameOrId || email === wanted || name.toLowerCase() === wanted,
  );
  if (known !== undefined) return known;
  const hired = newOperator(nameOrId.split('@')[0] ?? nameOrId, [groupOf(world).id]);
  if (wanted.includes('@')) hired.email = wanted;
  world.operators.push(hired);
  return hired;
}

/** Who could take a chat of this department; without one, of any. */
export const freeOperator = (world: World, departmentId: string | undefined): Operator | undefined =>
  world.operators.find(
    ({ available, departmentIds }) => available && (departmentId === undefined || departmentIds.includes(departmentId)),
  );

export function newVisitor(world: World, given: Partial<Visitor> = {}): Visitor {
  const n = world.visitors.size + 1;
  const id = newId();
  const visitor = {
    id,
    userId: `visitor-${id}`,
    name: `Visitor ${n}`,
    email: `visitor${n}@visitors.example`,
    countryCode: 'DE',
    ...given,
  };
  world.visitors.set(id, visitor);
  return visitor;
}
