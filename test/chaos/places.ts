import { randomUUID } from 'node:crypto';
import type { CountedFault, DeskSandbox, WebhookBehaviour, SandboxOperation } from '../../api/sandbox/desk-sandbox.ts';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { call, createBots, persist, type Answer, type Link, type Outcome } from '../support/bots.ts';
import { startCallbackReceiver, withCallbackSecret, type CallbackReceiver } from '../support/callback.ts';
import { followBot, type Follower } from '../support/follower.ts';
import { desksIn, type TestedDesk } from '../support/desk-facts.ts';
import { openDesk, type DeskBot } from '../support/desk-talks.ts';
import { turnDesks, type TurnDesk } from '../support/turn-desks.ts';
import type { Parts } from './parts.ts';
import { startProxy, type Proxy } from './proxy.ts';

export const RETRY_MS = 300_000;
/** A desk that repeats a webhook may do so for hours; an agent does not wait for that. */
const AGENT_MS = 8_000;

/** Something that was done to a desk, epoch milliseconds. */
export interface Trouble {
  what: string;
  fromMs: number;
  /** Infinity: it goes on. */
  untilMs: number;
}

/** One bot at one desk in one mode, with a backend of its own. */
export interface Place {
  name: string;
  botId: string;
  mode: 'external' | 'native';
  channel: string;
  /** The desk can be asked what it has, so a webhook that did not arrive is no loss. */
  looksUp: boolean;
  callback: CallbackReceiver;
  /** A client that follows the bot's live stream through every break. */
  stream: Follower;
  /** From Baton to the desk, and to the bot's backend. */
  ways: { desk: Proxy; backend: Proxy };
  troubles: Trouble[];
  settings: { waitTimeoutSeconds?: number; inactivityTimeoutSeconds?: number };
  /** The desk is never there. */
  isDown: boolean;
  operator(method: string, path: string, body?: unknown): Promise<Answer>;
  fault(operation: SandboxOperation, fault: CountedFault): void;
  webhooks(behaviour: WebhookBehaviour): void;
  /** Faults and misbehaviour end. */
  heal(): void;
  /** Undefined: an operator would have to put in a new one. */
  expireTokens: (() => void) | undefined;
  /** In native mode the user writes first, at the desk; otherwise undefined. `before`: where nobody has heard him yet. */
  userBegins: ((before?: string) => Promise<string>) | undefined;
  /** The desk's side of one handoff. */
  side(deskId: string): DeskSide;
  /** Conversations at the desk in which this text is. */
  conversationsWith(text: string): number;
  /** Where the desk knows the handoff by our id. */
  knows(handoffId: string): boolean | undefined;
  stop(): Promise<void>;
}

export interface DeskSide {
  /** The humans have it. */
  isThere(): boolean;
  reply(text: string): Promise<Outcome>;
  /** The agent ends it; true: Baton was told. */
  close(): Promise<boolean>;
  /** Native mode: the user writes in the desk's messenger. */
  userWrites(text: string): Promise<void>;
  /** Texts in the desk's order. */
  lines(from: 'user' | 'agent'): string[];
}

const within = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(otherwise), AGENT_MS)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

async function waysTo(deskUrl: string, callback: CallbackReceiver) {
  const portOf = (url: string): number => Number(new URL(url).port);
  const [desk, backend] = await Promise.all([startProxy([portOf(deskUrl)]), startProxy([portOf(callback.url)])]);
  const through = (url: string, proxy: Proxy): string => url.replace(/:\d+/, `:${proxy.port}`);
  return { desk, backend, deskUrl: through(deskUrl, desk), callbackUrl: through(callback.url, backend) };
}

const follow = ({ url, operatorKey }: Parts, id: string): Follower => followBot({ id, key: operatorKey }, () => url);

const ENDPOINT = { open: 'establish', send: 'chat', close: 'close' } as const;

export async function webhookPlace(
  parts: Parts,
  name: string,
  settings: Place['settings'] & Record<string, unknown> = {},
  isDown = false,
): Promise<Place> {
  const desk: WebhookSandbox = createWebhookSandbox();
  const callback = await startCallbackReceiver();
  const { deskUrl, callbackUrl, ...ways } = await waysTo(await desk.listen(), callback);
  const link: Link = () => ({ url: parts.url, key: parts.operatorKey });
  desk.connect({ batonUrl: parts.url });
  const bot = await createBots({ desk, deskUrl, link })({ callback: { url: callbackUrl }, ...settings });
  const stream = follow(parts, bot.id);
  return {
    name,
    botId: bot.id,
    mode: 'external',
    channel: 'api',
    looksUp: false,
    callback,
    stream,
    ways,
    troubles: [],
    settings,
    isDown,
    operator: (method, path, body) => call(link, method, path, body),
    fault(operation, { kind, ...rest }) {
      const plain = kind === 'rate_limit' ? { kind: 'status', status: 429, retryAfter: 1 } : { kind, ...rest };
      if (operation !== 'verify') desk.fault(ENDPOINT[operation], { times: 1, ...plain } as never);
    },
    webhooks: (behaviour) => desk.webhooks(behaviour),
    heal() {
      desk.clearFaults();
      desk.webhooks({});
    },
    expireTokens: undefined,
    userBegins: undefined,
    side: (id) => ({
      isThere: () => true,
      async reply(text) {
        const { status, code } = await desk.reply(id, text, { messageId: text, retryForMs: RETRY_MS });
        return status === 200 ? 'accepted' : code === 40_356 ? 'closed' : 'unknown';
      },
      close: async () => (await desk.close(id, { retryForMs: RETRY_MS })).status === 200,
      userWrites: () => Promise.reject(new Error('a Webhook desk has no messenger')),
      lines: (from) =>
        from === 'user'
          ? desk.messages(id).map(({ text }) => text)
          : (desk.conversation(id)?.lines ?? []).filter((line) => line.from === 'agent').map(({ text }) => text),
    }),
    conversationsWith: (text) => desk.conversations.filter((one) => JSON.stringify(one).includes(text)).length,
    knows: (handoffId) => desk.conversation(handoffId) !== undefined,
    async stop() {
      await Promise.all([stream.stop(), ways.desk.stop(), ways.backend.stop(), desk.stop(), callback.stop()]);
    },
  };
}

type ChaosDesk = TestedDesk & Pick<TurnDesk, 'isTheBots' | 'isSwitchedOff'>;

/** Every desk in every mode that it has. */
export const testedDesks = (): ChaosDesk[] => [
  ...desksIn('external'),
  ...desksIn('native'),
  ...turnDesks().filter(({ mode }) => mode === 'native'),
];

export async function deskPlace(parts: Parts, desk: ChaosDesk): Promise<Place> {
  const sandbox: DeskSandbox = desk.create();
  const callback = await startCallbackReceiver();
  const { deskUrl, callbackUrl, ...ways } = await waysTo(await sandbox.listen(), callback);
  let connection: { webhookUrl: string } | undefined;
  const create = (): DeskSandbox => ({
    ...sandbox,
    listen: () => Promise.resolve(deskUrl),
    connect: (to) => sandbox.connect((connection = to)),
  });
  const more = {
    ...withCallbackSecret({ callback: { url: callbackUrl } }),
    waitTimeoutSeconds: 3_600,
    inactivityTimeoutSeconds: 86_400,
  };
  const bot: DeskBot = await openDesk(parts, { ...desk, create }, desk.mode, more);
  const stream = follow(parts, bot.id);

  async function userBegins(before?: string): Promise<string> {
    const text = `Hello bot ${randomUUID()}`;
    if (desk.isTheBots === undefined) return before ?? (await sandbox.user.writes(text));
    // Who runs the desk sees it and switches the bot on again.
    if (desk.isSwitchedOff?.(sandbox) && connection) sandbox.connect(connection);
    const isOn = before !== undefined && desk.isTheBots(sandbox, before);
    // The desk waits for the bot, and the bot is to ask for a human meanwhile.
    void sandbox.user.writes(text, isOn ? { conversationId: before } : {}).catch(() => undefined);
    return sandbox.conversations().find(({ messages }) => messages.some((line) => line.text === text))!.id;
  }

  return {
    name: `${desk.kind}, ${desk.mode}`,
    botId: bot.id,
    mode: desk.mode,
    channel: desk.channel,
    looksUp: true,
    callback,
    stream,
    ways,
    troubles: [],
    settings: {},
    isDown: false,
    operator: bot.call,
    fault: (operation, fault) => sandbox.fault(operation, fault),
    webhooks: (behaviour) => sandbox.webhooks(behaviour),
    heal() {
      sandbox.clearFaults();
      sandbox.webhooks({});
    },
    expireTokens: desk.renewsTokens === true ? () => sandbox.expireTokens() : undefined,
    userBegins: desk.mode === 'native' ? userBegins : undefined,
    side: (id) => ({
      isThere: () => desk.isTheBots?.(sandbox, id) !== true,
      async reply(text) {
        if (desk.takenFirst && desk.mode === 'native')
          await within(sandbox.human.transfer(id, desk.takenFirst.agent), 0);
        const status = await within(sandbox.human.reply(id, text), 0);
        return status >= 200 && status < 300 ? 'accepted' : 'unknown';
      },
      async close() {
        const seat = desk.mode === 'native' ? desk.seat?.(bot.config) : undefined;
        const closing = seat === undefined ? sandbox.human.close(id) : sandbox.human.transfer(id, seat);
        const status = await within(closing, 0);
        return status >= 200 && status < 300;
      },
      userWrites: async (text) =>
        void (await within<unknown>(sandbox.user.writes(text, { conversationId: id }), undefined)),
      lines: (from) =>
        (sandbox.conversation(id)?.messages ?? []).filter((line) => line.from === from).map(({ text }) => text),
    }),
    conversationsWith: (text) =>
      sandbox.conversations().filter(({ messages }) => messages.some((line) => line.text.includes(text))).length,
    knows: () => undefined,
    async stop() {
      await Promise.all([stream.stop(), ways.desk.stop(), ways.backend.stop(), bot.stop(), callback.stop()]);
    },
  };
}

/** The same call until its answer is final. */
export const insist = (place: Place, method: string, path: string, body?: unknown, again?: () => void) =>
  persist(() => place.operator(method, path, body), RETRY_MS, again);
