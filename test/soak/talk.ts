import { randomBytes } from 'node:crypto';
import type { HandoffEvent, LateMessage } from '../../workflows/contracts.ts';
import { call, type Answer } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import type { Account, Late, Ledger } from './ledger.ts';

/** How a handoff ends: by somebody's call, or because nobody says anything any more. */
export const ENDS = ['user', 'agent', 'bot', 'silence'] as const;
export type End = (typeof ENDS)[number];

const REASONS: Record<End, string> = {
  user: 'user_closed',
  agent: 'agent_closed',
  bot: 'bot_closed',
  silence: 'inactivity_timeout',
};

export interface SoakBot {
  id: string;
  key: string;
  /** Milliseconds. */
  inactivityMs: number;
}

export interface TalkOptions {
  bot: SoakBot;
  url: string;
  ledger: Ledger;
}

const RETRY_MS = 60_000;
const PATIENCE_MS = 120_000;

/** One handoff. Each side says one thing after the other; what comes meanwhile waits for its turn. */
export class Talk {
  readonly id: string;
  readonly user: Side;
  readonly agent: Side;
  readonly #options: TalkOptions;

  private constructor(id: string, options: TalkOptions) {
    this.id = id;
    this.#options = options;
    this.user = new Side((n) => this.#say(n));
    this.agent = new Side((n) => this.#reply(n));
  }

  /** Opened, and the first answer of the agent is accepted. */
  static async begin(options: TalkOptions): Promise<Talk> {
    const conversationId = `conversation-${randomBytes(8).toString('hex')}`;
    const user = { id: 'u-1', name: 'Ada', email: 'ada@example.org' };
    const body = { botId: options.bot.id, conversationId, channel: 'api', user, question: 'A person?' };
    const { status, json } = await persist(options, 'POST', '/v1/handoffs', body);
    if (status !== 201 && status !== 200) throw new Error(`start: ${status} ${JSON.stringify(json)}`);
    const talk = new Talk(String(json.handoff.id), options);
    const connected = (): boolean => talk.account.connected;
    await until(connected, { timeoutMs: PATIENCE_MS, everyMs: 50, message: `${talk.id} at the desk` });
    await talk.speak('agent', performance.now());
    return talk;
  }

  get account(): Account {
    return this.#options.ledger.account(this.id);
  }

  /** Messages that were asked for, both ways. */
  get messages(): number {
    return this.user.pushed + this.agent.pushed;
  }

  /** It ended by itself: nobody was asked to say anything for too long. */
  get isOver(): boolean {
    return this.account.closedFor !== undefined;
  }

  /** The next message of this side, due at `at`: waiting for its turn is part of its latency. Resolves when it is accepted. */
  async speak(who: 'user' | 'agent', at: number): Promise<void> {
    const side = this[who];
    this.account[who === 'user' ? 'toDesk' : 'toBot'].due.set(side.pushed + 1, at);
    side.push();
    await side.idle();
  }

  /** Ends it, waits until everything has arrived, and settles the account. */
  async end(how: End): Promise<void> {
    const { ledger, bot } = this.#options;
    await Promise.all([this.user.idle(), this.agent.idle()]);
    // Only who was asked last is silent.
    if (how === 'silence') await this.speak('agent', performance.now());
    const at = `/v1/handoffs/${this.id}`;
    if (how === 'agent') await this.#asDesk('/v1/human/close', {});
    else if (how !== 'silence') await this.#must('POST', `${at}/close`, { by: how });
    const end = performance.now() + bot.inactivityMs + PATIENCE_MS;
    const told = (): boolean => ledger.isTold(this.id) || performance.now() > end;
    await until(told, { timeoutMs: PATIENCE_MS + 2 * bot.inactivityMs, everyMs: 100, message: `end of ${this.id}` });
    const late = await this.#lateOnes();
    const journal = await this.#journal();
    // A silence that was long enough may come before any other end.
    const wasSilent = silenceMs(journal) >= bot.inactivityMs;
    const reasons = wasSilent ? [REASONS[how], REASONS.silence] : [REASONS[how]];
    ledger.conclude(this.id, reasons, journal, late);
    if (!ledger.isTold(this.id) || !ledger.hasAll(this.id, late))
      console.log(`not settled, to end by ${how}: ${describe(this.account, journal)} late ${JSON.stringify(late)}`);
    // A repeat of a callback that is under way still finds the account.
    setTimeout(() => ledger.forget(this.id), 60_000).unref();
  }

  /** Reads the live stream of this handoff until it ends or `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { url, bot } = this.#options;
    try {
      const response = await fetch(`${url}/v1/handoffs/${this.id}/events`, {
        headers: { authorization: `Bearer ${bot.key}`, accept: 'text/event-stream' },
        signal,
      });
      for await (const chunk of response.body ?? []) void chunk;
    } catch {
      // Aborted, or cut: the bot's own stream is the one that is audited.
    }
  }

  async #say(n: number): Promise<void> {
    await this.#must('POST', `/v1/handoffs/${this.id}/messages`, { id: `u-${n}`, text: `user ${n}` }, () =>
      this.#accepted('toDesk'),
    );
  }

  async #reply(n: number): Promise<void> {
    const fields = { message_id: `a-${n}`, body: `agent ${n}` };
    await this.#asDesk('/v1/human/message/receive', fields, () => this.#accepted('toBot'));
  }

  #timestamp = 0;

  async #asDesk(path: string, fields: object, accepted?: () => void): Promise<void> {
    this.#timestamp = Math.max(Date.now(), this.#timestamp + 1);
    const body = { conversation_id: this.id, timestamp: this.#timestamp, ...fields };
    await this.#must('POST', path, body, accepted);
  }

  #accepted(way: 'toDesk' | 'toBot'): void {
    this.account[way].accepted += 1;
  }

  /** Sent until it is accepted. A handoff that has ended meanwhile takes nothing, which is right. */
  async #must(method: string, path: string, body: unknown, accepted?: () => void): Promise<void> {
    const answer = await persist(this.#options, method, path, body);
    if (answer.status >= 200 && answer.status < 300) return accepted?.();
    const isClosed = answer.status === 409 || answer.json?.code === 40_356;
    if (!isClosed) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
  }

  /** What is late is written a moment after the end. */
  async #lateOnes(): Promise<Late> {
    const { ledger } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const { json } = await persist(this.#options, 'GET', `/v1/handoffs/${this.id}`);
      const from = (json.lateMessages as LateMessage[]).map((message) => message.from);
      const count = (who: LateMessage['from']): number => from.filter((one) => one === who).length;
      const late = { toDesk: count('user'), toBot: count('agent') };
      if (ledger.hasAll(this.id, late) || tries === 50) return late;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #journal(): Promise<HandoffEvent[]> {
    const events: HandoffEvent[] = [];
    for (;;) {
      const page = `/v1/handoffs/${this.id}/events?after=${events.length}&limit=500`;
      const { status, json } = await persist(this.#options, 'GET', page);
      if (status !== 200) throw new Error(`events: ${status} ${JSON.stringify(json)}`);
      events.push(...(json.events as HandoffEvent[]));
      if (json.events.length < 500) return events;
    }
  }
}

/** From the last message to the end, by the journal. */
function silenceMs(journal: HandoffEvent[]): number {
  const last = journal.findLast(({ type }) => type === 'message.user' || type === 'message.agent');
  const end = journal.findLast(({ type }) => type === 'handoff.closed');
  return last && end ? Date.parse(end.at) - Date.parse(last.at) : 0;
}

const describe = ({ toDesk, toBot, callbackSeq, streamSeq }: Account, journal: HandoffEvent[]): string =>
  JSON.stringify({
    toDesk: [toDesk.accepted, toDesk.arrived],
    toBot: [toBot.accepted, toBot.arrived],
    callbackSeq,
    streamSeq,
    journal: journal.slice(-3),
  });

/** The same call again until its answer is final. */
async function persist(
  { url, bot, ledger }: TalkOptions,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const end = performance.now() + RETRY_MS;
  for (;;) {
    const answer = await call(() => ({ url, key: bot.key }), method, path, body);
    const isFinal = answer.status !== 0 && answer.status < 500 && answer.status !== 429;
    if (isFinal || performance.now() > end) return answer;
    ledger.repeats.client += 1;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** One of the two who talk. */
class Side {
  pushed = 0;
  #sent = 0;
  #running: Promise<void> | undefined;
  #error: Error | undefined;
  readonly #send: (n: number) => Promise<void>;

  constructor(send: (n: number) => Promise<void>) {
    this.#send = send;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  push(): void {
    this.pushed += 1;
    this.#running ??= this.#work();
  }

  async idle(): Promise<void> {
    await this.#running;
    if (this.#error) throw this.#error;
  }

  async #work(): Promise<void> {
    try {
      while (this.#sent < this.pushed) await this.#send((this.#sent += 1));
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#running = undefined;
    }
  }
}
