import { randomUUID } from 'node:crypto';
import { desks } from '../../activities/desks/registry.ts';
import type { DeskSandbox, SandboxLine, SandboxTalk } from '../../api/sandbox/desk-sandbox.ts';
import type {
  BotEvent,
  ConversationEvent,
  EventType,
  HandoffEvent,
  LateMessage,
  Mode,
} from '../../workflows/contracts.ts';
import { call, type Answer, type Link } from './bots.ts';
import { CALLBACK_SECRET, signature, startCallbackReceiver } from './callback.ts';
import type { Cluster } from './cluster.ts';
import type { TestedDesk } from './desk-facts.ts';
import { until } from './poll.ts';

/** A bot, the backend that its callbacks reach, and a desk of its own. Everything goes over HTTP. */
export interface DeskBot {
  id: string;
  kind: string;
  /** The desk's settings. */
  config: Record<string, unknown>;
  sandbox: DeskSandbox;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Puts in the desk's settings as the simulator gives them now, and other settings with them. */
  settings(change?: Record<string, unknown>): Promise<void>;
  /** Asks for a human. In native mode `conversationId` is the desk's. */
  start(over?: Record<string, unknown>): Promise<DeskTalk>;
  /** The bot speaks in the desk's conversation; `[202, null]` or the status and code of the refusal. */
  speak(conversationId: string, text: string): Promise<[number, string | null]>;
  /** What the backend was called with, each event once; throws on a wrong signature. */
  told(): BotEvent[];
  /** Texts of the user's messages that were told, to the bot and in handoffs, in the order of arrival. */
  toldOf(from: 'user' | 'agent'): string[];
  /** Waits until the backend knows of this text of a user. */
  hears(text: string): Promise<BotEvent>;
  stop(): Promise<void>;
}

/** One handoff with both of its sides. */
export interface DeskTalk {
  id: string;
  conversationId: string;
  bot: DeskBot;
  /** The id of the conversation at the desk; waits until there is one. */
  deskId(): Promise<string>;
  /** What the agent sees. */
  atDesk(): Promise<SandboxTalk>;
  /** What the agent sees of the user behind the question, files as their addresses. */
  fromUser(): Promise<string[]>;
  /** Texts that the user got from agents. */
  toUser(): Promise<string[]>;
  say(text: string, attachments?: { url: string; name?: string; contentType?: string }[]): Promise<number>;
  reply(text: string, options?: Parameters<DeskSandbox['human']['reply']>[2]): Promise<number>;
  end(by: 'user' | 'bot' | 'operator'): Promise<void>;
  events(): Promise<HandoffEvent[]>;
  late(): Promise<LateMessage[]>;
  sees(type: EventType, timeoutMs?: number): Promise<HandoffEvent>;
  /** Waits for the end of the run, then holds the callbacks against the journal. */
  ended(timeoutMs?: number): Promise<HandoffEvent[]>;
}

export const QUESTION = 'Where is my order?';

/** What a talk needs of the Baton that serves it. */
export type Served = Pick<Cluster, 'url' | 'operatorKey' | 'temporal'>;

export async function openDesk(
  cluster: Served,
  desk: TestedDesk,
  mode: Mode,
  settings: Record<string, unknown> = {},
): Promise<DeskBot> {
  const sandbox = desk.create();
  const [baseUrl, callback] = await Promise.all([sandbox.listen(), startCallbackReceiver()]);
  const id = `bot-${randomUUID().slice(0, 8)}`;
  const link: Link = () => ({ url: cluster.url, key: cluster.operatorKey });
  const config = sandbox.settings(baseUrl, mode);
  const heard = new Map<string, BotEvent>();
  const bot: DeskBot = {
    id,
    kind: desk.kind,
    config,
    sandbox,
    call: (method, path, body) => call(link, method, path, body),
    async settings(change = {}) {
      const answer = await bot.call('PATCH', `/v1/bots/${id}`, {
        desk: { kind: desk.kind, ...sandbox.settings(baseUrl, mode) },
        ...change,
      });
      if (answer.status !== 200) throw new Error(`PATCH bot: ${answer.status} ${JSON.stringify(answer.json)}`);
    },
    async start(over = {}) {
      const conversationId = `conversation-${randomUUID()}`;
      const body = {
        botId: id,
        conversationId,
        channel: desk.channel,
        user: { id: `u-${randomUUID().slice(0, 8)}`, name: 'Lea' },
        question: QUESTION,
        ...over,
      };
      const { status, json } = await bot.call('POST', '/v1/handoffs', body);
      if (status !== 201) throw new Error(`start: ${status} ${JSON.stringify(json)}`);
      return talkOf(cluster, bot, json.handoff.id, body.conversationId);
    },
    async speak(conversationId, text) {
      const path = `/v1/bots/${id}/conversations/${encodeURIComponent(conversationId)}/messages`;
      const { status, json } = await bot.call('POST', path, { text });
      return [status, json?.error?.code ?? null];
    },
    told() {
      for (const { event, headers, body } of callback.calls.splice(0)) {
        signature.verify(body, headers as Record<string, string>);
        const key = `${event.handoffId ?? event.conversationId} ${event.seq}`;
        if (!heard.has(key)) heard.set(key, event);
      }
      return [...heard.values()];
    },
    toldOf: (from) =>
      bot
        .told()
        .filter((event) => speakerOf(event) === from)
        .map(({ data }) => String(data['text'])),
    hears: (text) =>
      until(() => bot.told().find(({ data }) => data['text'] === text), {
        message: `${desk.kind}: ${text} at the bot`,
      }),
    async stop() {
      await sandbox.stop();
      await callback.stop();
    },
  };
  const saved = await bot.call('PUT', `/v1/bots/${id}`, {
    enabled: true,
    mode,
    desk: { kind: desk.kind, ...config },
    callback: { url: callback.url, secret: CALLBACK_SECRET },
    ...settings,
  });
  if (saved.status !== 201) throw new Error(`PUT bot: ${saved.status} ${JSON.stringify(saved.json)}`);
  if (desks.get(desk.kind)?.consent !== undefined) await consents(cluster, bot);
  const { service } = (await bot.call('GET', `/v1/bots/${id}/status`)).json;
  if (service !== 'available') throw new Error(`verify: ${JSON.stringify(saved.json.service)}, now ${service}`);
  const { pathname } = new URL(String(saved.json.webhookUrl));
  sandbox.connect({ webhookUrl: new URL(pathname, cluster.url).href });
  return bot;
}

/** As the operator's browser does: to the desk's page, which allows it, and back to Baton. */
async function consents(cluster: Served, bot: DeskBot): Promise<void> {
  const { json } = await bot.call('POST', `/v1/bots/${bot.id}/consent`);
  const allowed = await fetch(json.url, { redirect: 'manual' });
  const { pathname, search } = new URL(allowed.headers.get('location') ?? '');
  const back = await fetch(new URL(pathname + search, cluster.url));
  if (back.status !== 200) throw new Error(`consent: ${back.status} ${await back.text()}`);
}

function speakerOf({ type, data }: BotEvent): 'user' | 'agent' | undefined {
  if (type === 'message.user') return 'user';
  if (type === 'message.agent') return 'agent';
  return type === 'conversation.message' ? (data['from'] as 'user' | 'agent') : undefined;
}

const shown = ({ text, files }: SandboxLine): string => [text, ...files.map(({ url }) => url)].join(' ').trim();

function talkOf(cluster: Served, bot: DeskBot, id: string, conversationId: string): DeskTalk {
  const at = `/v1/handoffs/${id}`;
  const state = async () => (await bot.call('GET', at)).json;
  const talk: DeskTalk = {
    id,
    conversationId,
    bot,
    deskId: async () =>
      String(await until(async () => (await state()).deskConversationId, { message: `${id} at the desk` })),
    async atDesk() {
      const conversation = bot.sandbox.conversation(await talk.deskId());
      if (conversation === undefined) throw new Error(`${id} is not at the desk`);
      return conversation;
    },
    async fromUser() {
      const { messages } = await talk.atDesk();
      const question = messages.findIndex(({ text }) => text === QUESTION);
      if (question < 0) throw new Error(`no question at the desk: ${JSON.stringify(messages)}`);
      return messages
        .slice(question + 1)
        .filter(({ from }) => from === 'user')
        .map(shown);
    },
    toUser: async () =>
      (await talk.events()).filter(({ type }) => type === 'message.agent').map(({ data }) => String(data['text'])),
    async say(text, attachments) {
      const body = { id: randomUUID(), text, ...(attachments && { attachments }) };
      return (await bot.call('POST', `${at}/messages`, body)).status;
    },
    reply: async (text, options) => await bot.sandbox.human.reply(await talk.deskId(), text, options),
    async end(by) {
      const { status } = await bot.call('POST', `${at}/close`, { by });
      if (status !== 200) throw new Error(`close: ${status}`);
    },
    async events() {
      const { status, json } = await bot.call('GET', `${at}/events?limit=500`);
      if (status !== 200) throw new Error(`events: ${status} ${JSON.stringify(json)}`);
      return json.events as HandoffEvent[];
    },
    late: async () => (await state()).lateMessages as LateMessage[],
    sees: (type, timeoutMs = 45_000) =>
      until(async () => (await talk.events()).findLast((event) => event.type === type), {
        timeoutMs,
        message: `${bot.kind}: ${type} in ${id}`,
      }),
    async ended(timeoutMs = 45_000) {
      await talk.sees('handoff.closed', timeoutMs);
      const run = cluster.temporal.client.workflow.getHandle(id);
      await until(async () => (await run.describe()).status.name !== 'RUNNING', {
        timeoutMs,
        message: `the end of run ${id}`,
      });
      const events = await talk.events();
      const mine = (): BotEvent[] => bot.told().filter((event) => 'handoffId' in event && event.handoffId === id);
      await until(() => mine().length >= events.length, { message: `all callbacks of ${id}` });
      const differs = JSON.stringify(mine()) !== JSON.stringify(events);
      if (differs) throw new Error(`journal ${JSON.stringify(events)}, callbacks ${JSON.stringify(mine())}`);
      if (events.some(({ seq }, index) => seq !== index + 1)) throw new Error(`a gap in ${JSON.stringify(events)}`);
      return events;
    },
  };
  return talk;
}

/** Events of a native conversation that were told, without those of its handoffs. */
export const conversationEvents = (bot: DeskBot, conversationId: string): ConversationEvent[] =>
  bot
    .told()
    .filter((event): event is ConversationEvent => !('handoffId' in event) && event.conversationId === conversationId);
