import type { DeskSandbox, SandboxTalk } from '../desk-sandbox.ts';
import { createFaults } from '../faults.ts';
import { createChats } from './chats.ts';
import { registerLivechatControl } from './control.ts';
import { createPeople, customerOf, type People, placeOf, talkId } from './human.ts';
import type { Chat, ChatEvent, Fields, GroupStatus, Thread, WebhookEntry } from './model.ts';
import { newHexId } from './model.ts';
import { refuseFault, registerLivechat } from './routes.ts';
import { tellScript } from './script.ts';
import { appWebhook, registerByHand, webhooksFor } from './webhooks.ts';
import { ALL_SCOPES, createWorld, resetWorld, type World } from './world.ts';
import { createOutgoing, type Delivery, type OutgoingWebhook } from '../outgoing.ts';
import { offerParts } from '../parts.ts';
import { createScriptedAgent } from '../scripted-agent.ts';
import { createShell } from '../shell.ts';

export interface LivechatSandboxOptions {
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and deliveries are remembered. Default 10,000. */
  keep?: number;
  /** Redirect URI whitelist of the app; none = every address is accepted. */
  redirectUris?: readonly string[];
  /** Each token call gives a new cookie secret and makes the one before worthless. */
  rotateCookies?: boolean;
  /** How a second chat of a customer is refused. LiveChat does not say; default `chat_limit_reached`. */
  limitError?: World['limitError'];
  /** How fast its clock goes between the tries of a webhook: 0.001 makes 30 s to 30 ms. Default 1. */
  retryScale?: number;
}

export interface LivechatSandbox extends DeskSandbox, Omit<People, 'human' | 'user'> {
  /** Closes without any agent; `withSystemMessage` (default true): a message tells why. */
  routerCloses(conversationId: string, withSystemMessage?: boolean): Promise<number>;
  /** Chats that wait go to who is free when a group comes online. */
  setGroupStatus(groupId: number, status: GroupStatus): Promise<number>;
  /** Refuses this customer from now on, and closes the chat. */
  banCustomer(conversationId: string): Promise<number>;
  /** No customer is recognised by his cookies any more. */
  forgetCookies(): void;
  /** The app is gone: an app webhook says so, no chat webhook goes out, its client id is refused. */
  uninstall(): Promise<number>;
  install(): Promise<number>;
  /** Scopes of the personal access token. */
  setScopes(scopes: readonly string[]): void;
  /** A token as the OAuth flow gives it, for `Authorization: Bearer`. Default: of the bot's seat, with all scopes. */
  agentToken(email?: string, scopes?: readonly string[]): string;
  /** What is registered now, by hand and by the Configuration API. */
  registered(): WebhookEntry[];
  /** Every try of every webhook. */
  readonly deliveries: readonly Delivery[];
}

/** Success is 200 and nothing else; up to three more tries within a minute, then the webhook is lost. */
const TIMEOUT_MS = 10_000;
const RETRIES_MS = [5_000, 15_000, 30_000];

/** LiveChat, as far as Baton sees it: accounts under `/accounts`, the chat and configuration APIs under `/api`. */
export function createLivechatSandbox(options: LivechatSandboxOptions = {}): LivechatSandbox {
  const { keep = 10_000, retryScale = 1 } = options;
  const world = createWorld();
  world.limitError = options.limitError ?? 'chat_limit_reached';
  const faults = createFaults();
  const outgoing = createOutgoing({
    timeoutMs: TIMEOUT_MS,
    retriesMs: RETRIES_MS.map((ms) => ms * retryScale),
    verdict: (status) => (status === 200 ? 'done' : 'retry'),
    keep,
  });
  const shell = createShell(() => sandbox, {
    faults,
    outgoing,
    controlToken: options.controlToken,
    baseUrl: options.baseUrl,
    keep,
    routes: (app) => registerLivechat(app, { world, chats, shell, drain, ...options }),
    refuse: refuseFault,
    control: (app) => registerLivechatControl(app, sandbox),
  });

  let emitted: OutgoingWebhook[] = [];
  const chats = createChats(world, (action, payload, chat) => {
    emitted.push(...webhooksFor(world, action, payload, chat));
    tellScript(world, scripted, action, payload, chat);
  });
  const drain = (): OutgoingWebhook[] => {
    const webhooks = emitted;
    emitted = [];
    return webhooks;
  };
  async function flush(): Promise<number> {
    const statuses = await Promise.all(drain().map((webhook) => outgoing.send(webhook)));
    return statuses[statuses.length - 1] ?? 0;
  }
  const people = createPeople({ world, chats, flush });
  const scripted = createScriptedAgent(people.human);

  const sandbox: LivechatSandbox = {
    ...offerParts({ shell, faults, outgoing, agent: scripted }),
    id: 'livechat',
    modes: ['external', 'native'],
    ...people,
    connect({ webhookUrl }) {
      outgoing.connect(webhookUrl);
      registerByHand(world, webhookUrl);
    },
    settings: (baseUrl, mode) => settingsOf(world, baseUrl, mode),
    conversations: () => talksOf(world),
    conversation(id) {
      const place = placeOf(world, id);
      return place === undefined ? undefined : talkOf(world, place.chat, place.thread);
    },
    webhooks: (behaviour) => outgoing.behave(behaviour),
    expireTokens() {
      world.customerTokens.clear();
      world.agentTokens.clear();
    },
    reset() {
      shell.reset();
      scripted.set('silent');
      resetWorld(world);
    },
    async routerCloses(conversationId, withSystemMessage = true) {
      const place = placeOf(world, conversationId);
      const message = { type: 'routing.archived_inactive', text: 'Chat archived due to 30 minutes of inactivity' };
      if (place?.thread.active === true) chats.deactivate(place.chat, withSystemMessage ? { message } : {});
      return await flush();
    },
    async setGroupStatus(groupId, status) {
      const group = world.groups.get(groupId);
      if (group !== undefined) group.status = status;
      chats.assignQueued();
      return await flush();
    },
    async banCustomer(conversationId) {
      const customer = customerOf(world, conversationId);
      if (customer !== undefined) customer.banned = true;
      const place = placeOf(world, conversationId);
      const message = { type: 'customer_banned', text: 'The customer was banned' };
      if (place?.thread.active === true) chats.deactivate(place.chat, { message });
      return await flush();
    },
    forgetCookies() {
      for (const customer of world.customers.values()) customer.cookieSecret = newHexId(38);
    },
    async uninstall() {
      world.installed = false;
      return await outgoing.send(appWebhook(world, 'application_uninstalled'));
    },
    async install() {
      world.installed = true;
      return await outgoing.send(appWebhook(world, 'application_installed'));
    },
    setScopes(scopes) {
      world.pat.scopes = new Set(scopes);
    },
    agentToken(email = world.seat.id, scopes = ALL_SCOPES) {
      const token = `dal:${newHexId(20)}`;
      world.agentTokens.set(token, { agentId: email, scopes: new Set(scopes) });
      return token;
    },
    registered: () => [...world.webhooks.values()],
  };
  return sandbox;
}

function settingsOf(world: World, baseUrl: string, mode: 'external' | 'native'): Fields {
  const { organizationId, clientId, secretKey, groupId, clientSecret, seat, pat } = world;
  const external = { organizationId, clientId, secretKey, groupId, baseUrl };
  if (mode === 'external') return external;
  return { ...external, agentEmail: seat.id, accountId: pat.accountId, token: pat.token, clientSecret };
}

const talksOf = (world: World): SandboxTalk[] =>
  [...world.chats.values()]
    .flatMap((chat) => chat.threads.map((thread) => ({ chat, thread })))
    .toSorted((a, b) => (a.thread.createdAt < b.thread.createdAt ? -1 : 1))
    .map(({ chat, thread }) => talkOf(world, chat, thread));

function talkOf(world: World, chat: Chat, thread: Thread): SandboxTalk {
  const agent = [...chat.agents].find(([, visibility]) => visibility === 'all')?.[0];
  const assignee = thread.active ? (agent ?? (thread.queue && String(thread.groupIds[0] ?? 0))) : undefined;
  return {
    id: talkId(chat, thread),
    closed: !thread.active,
    ...(assignee !== undefined && { assignee }),
    messages: thread.events.map((event) => ({
      id: event.id,
      from: roleOf(world, chat, event),
      text: event.text ?? '',
      files: event.type === 'file' ? [fileOf(event)] : [],
    })),
  };
}

function roleOf(world: World, chat: Chat, event: ChatEvent): SandboxTalk['messages'][number]['from'] {
  if (event.author_id === undefined) return 'system';
  if (event.author_id === chat.customerId) return 'user';
  if (event.visibility === 'agents') return 'note';
  return world.bots.some(({ id }) => id === event.author_id) || event.author_id === world.seat.id ? 'bot' : 'agent';
}

const fileOf = ({ url, name, content_type: type }: ChatEvent) => ({
  url: String(url),
  name: String(name),
  contentType: String(type),
});
