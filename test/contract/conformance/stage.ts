import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type {
  CloseRequest,
  Desk,
  DeskContext,
  DeskMemory,
  OpenRequest,
  OutboundMessage,
} from '../../../activities/desks/desk.ts';
import { DeskError } from '../../../activities/errors.ts';
import type { HttpClient } from '../../../activities/http/client.ts';
import { createHttpClient } from '../../../activities/http/client.ts';
import type { Mode } from '../../../workflows/contracts.ts';
import { CONVERSATION_PREFIX } from '../../../workflows/ids.ts';
import { createTestMemory } from '../../support/desk-memory.ts';
import { closeOf, messageTo, openRequest } from '../../support/desk-requests.ts';
import { until } from '../../support/poll.ts';
import type { DeskBench, DeskFacts, Inbound } from './bench.ts';

export const QUESTION = 'A question that nobody but the desk may read';
export const TEXT = 'A message that nobody but the desk may read';
export const CONTEXT = 'A turn of the talk that only agents may read';

/** A conversation at the desk to which our side can speak. */
export interface Talk {
  handoffId: string;
  deskConversationId: string;
}

export interface Call<C> {
  config?: C;
  signal?: AbortSignal;
  http?: HttpClient;
  memory?: DeskMemory;
  now?: () => number;
}

/** What a test of the suite works with: one desk, its bench, one mode. */
export interface Stage<C> {
  readonly desk: Desk<C>;
  readonly facts: DeskFacts;
  readonly mode: Mode;
  /** In this mode the desk only asks for answers, and never tells them back. */
  readonly asks: boolean;
  readonly bench: DeskBench<C>;
  readonly inbound: Inbound;
  readonly http: HttpClient;
  readonly memory: DeskMemory;
  /** Every line that the desk has logged. */
  readonly logged: string;
  context(call?: Call<C>): DeskContext<C>;
  /** A request for a human that the desk has not seen. In native mode the user has written at the desk. */
  opening(): Promise<OpenRequest>;
  /** A conversation with the humans. */
  opened(): Promise<Talk>;
  /** A conversation in which our side may speak: with the humans in external mode, with the bot in native mode. */
  talk(): Promise<Talk>;
  message(to: Talk, n: number, text?: string): OutboundMessage;
  closing(to: Talk): CloseRequest;
  /** Repeats a call as the worker does, with the time passing that the desk asks for. */
  persist<T>(work: (ctx: DeskContext<C>) => Promise<T>): Promise<T>;
  /** Waits for something that has no call of ours to wait for. */
  eventually<T>(probe: () => T | undefined, message: string): Promise<NonNullable<T>>;
  start(bench: DeskBench<C>): void;
  stop(): Promise<void>;
}

const TRIES = 8;

export function createStage<C>(desk: Desk<C>, mode: Mode, facts: DeskFacts, asks = false): Stage<C> {
  const memory = createTestMemory();
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  let logged = '';
  const log = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
  let bench: DeskBench<C> | undefined;

  function onStage(): DeskBench<C> {
    if (bench === undefined) throw new Error('the bench has not been started');
    return bench;
  }

  const context = (call: Call<C> = {}): DeskContext<C> => ({
    config: call.config ?? onStage().config,
    http: call.http ?? http,
    log,
    memory: call.memory ?? memory,
    publicUrl: 'https://baton.example.org',
    now: call.now ?? Date.now,
    signal: call.signal ?? new AbortController().signal,
  });

  const stage: Stage<C> = {
    desk,
    facts,
    mode,
    asks,
    http,
    memory,
    context,
    get bench() {
      return onStage();
    },
    get inbound() {
      const { inbound } = onStage();
      if (inbound === undefined) throw new Error(`${desk.id} has no webhooks of its own`);
      return inbound;
    },
    get logged() {
      return logged;
    },
    async opening() {
      const handoffId = `ho_${randomUUID()}`;
      const request = openRequest({
        handoffId,
        channel: desk.externalChannels?.[0] ?? 'api',
        mode,
        timestamp: Date.now(),
        user: { id: `user-${handoffId}`, email: 'lea@example.org', name: 'Lea' },
        email: 'lea@example.org',
        history: [
          { role: 'user', text: CONTEXT },
          { role: 'bot', text: 'I do not know, let me ask a human.' },
        ],
        question: QUESTION,
      });
      if (mode === 'external') return request;
      const { handoffId: _, ...talk } = await nativeTalk();
      return { ...request, ...talk, conversationId: talk.deskConversationId, channel: desk.ownChannels[0] ?? 'api' };
    },
    async opened() {
      const request = await stage.opening();
      const { deskConversationId } = await desk.open(context(), request);
      return { handoffId: request.handoffId, deskConversationId };
    },
    talk: async () => (mode === 'native' ? await nativeTalk() : await stage.opened()),
    message: (to, n, text = TEXT) =>
      messageTo(to, n, { from: mode === 'native' ? 'bot' : 'user', timestamp: Date.now() + n, text }),
    closing: (to) => closeOf(to, { key: `${to.handoffId}.d99`, mode, timestamp: Date.now() + 1_000 }),
    async persist(work) {
      let passedMs = 0;
      for (let tries = 1; ; tries += 1) {
        try {
          return await work(context({ now: () => Date.now() + passedMs }));
        } catch (error) {
          if (!(error instanceof DeskError) || tries === TRIES) throw error;
          passedMs += error.retryAfterMs ?? 1_000;
        }
      }
    },
    eventually: (probe, message) => until(probe, { message }),
    start(started) {
      bench = started;
    },
    async stop() {
      await http.close();
      await bench?.stop();
    },
  };

  async function nativeTalk(): Promise<Talk> {
    const deskConversationId = await stage.inbound.sandbox.user.writes('Hello, is this the bot?');
    // Such a desk tells it while the user already waits for the answer.
    const isTold = (): boolean =>
      stage.inbound.receiver.notices.some(({ raw }) => raw.body.includes(deskConversationId));
    if (asks) await until(isTold, { message: 'the webhook of what the user wrote' });
    return { handoffId: `${CONVERSATION_PREFIX}${randomUUID()}`, deskConversationId };
  }

  return stage;
}

/** Every way to call the desk, for what must be true of all of them. */
export async function operations<C>(stage: Stage<C>, ctx: () => DeskContext<C>) {
  const { desk } = stage;
  const [to, over] = [await stage.talk(), await stage.opened()];
  const openings = await Promise.all(Array.from({ length: 2 }, () => stage.opening()));
  return {
    open: async () => await desk.open(ctx(), openings.pop() ?? (await stage.opening())),
    send: async () => await desk.send(ctx(), stage.message(to, 2)),
    close: async () => await desk.close(ctx(), stage.closing(over)),
  };
}
