import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Desk, DeskContext, OpenRequest, OutboundMessage } from '../../activities/desks/desk.ts';
import { configFields, desks, secretFields } from '../../activities/desks/registry.ts';
import { DeskError, type DeskErrorKind } from '../../activities/errors.ts';
import { createHttpClient, type HttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

export type BenchOperation = 'open' | 'send' | 'close';

/** The failures that every simulator can be told to have, in words that fit all of them. */
export type BenchFault =
  | { kind: 'status'; status: number; retryAfter?: string | number }
  | { kind: 'slow'; ms: number }
  | { kind: 'drop_before' }
  | { kind: 'drop_after' };

/** A desk's simulator, as the conformance suite sees it. */
export interface DeskBench<C> {
  /** With every secret of the desk set. */
  config: C;
  /** Credentials that the simulator refuses. */
  refused: C;
  /** An address where nobody listens. */
  nobody: C;
  /** The user's messages, after the desk's own dedupe, in the order of arrival. */
  messages(deskConversationId: string): { text: string; timestamp?: number }[];
  conversations(): number;
  isClosed(deskConversationId: string): boolean;
  /** All calls that reached the simulator. */
  arrivals(): number;
  /** The next call of this operation has this fault. */
  failNext(operation: BenchOperation, fault: BenchFault): void;
  stop(): Promise<void>;
}

interface DeskUnderTest<C> {
  desk: Desk<C>;
  start(): Promise<DeskBench<C>>;
}

const WIRE_NAMES = ['Intercom', 'Webhook', 'LiveChat', 'SoBot', 'ZohoSalesIQ', 'LiveDesk', 'Omnichat'];
const QUESTION = 'A question that nobody but the desk may read';
const TEXT = 'A message that nobody but the desk may read';

const STATUS_KINDS: [
  status: number,
  retryAfter: string | undefined,
  kind: DeskErrorKind,
  waitMs: number | undefined,
][] = [
  [400, undefined, 'rejected', undefined],
  [401, undefined, 'auth', undefined],
  [403, undefined, 'auth', undefined],
  [404, undefined, 'not_found', undefined],
  [409, undefined, 'conflict', undefined],
  [410, undefined, 'not_found', undefined],
  [422, undefined, 'rejected', undefined],
  [425, undefined, 'rate_limited', undefined],
  [429, undefined, 'rate_limited', undefined],
  [429, '7', 'rate_limited', 7_000],
  [500, undefined, 'unavailable', undefined],
  [502, undefined, 'unavailable', undefined],
  [503, undefined, 'unavailable', undefined],
  [503, '3', 'rate_limited', 3_000],
];

/** What every desk must do, run against its simulator. */
export function testDesk<C>({ desk, start }: DeskUnderTest<C>): void {
  describe(`desk ${desk.id}`, () => {
    let bench: DeskBench<C>;
    let http: HttpClient;
    let logged = '';

    beforeAll(async () => {
      bench = await start();
      http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
    });
    afterAll(async () => {
      await http.close();
      await bench.stop();
    });

    const memory = createTestMemory();
    const log = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
    const context = (config: C = bench.config, signal = new AbortController().signal): DeskContext<C> => ({
      config,
      http,
      log,
      memory,
      publicUrl: 'https://baton.example.org',
      now: () => Date.now(),
      signal,
    });
    const opening = (): OpenRequest => {
      const handoffId = `h_${randomUUID()}`;
      return {
        key: `${handoffId}.d1`,
        handoffId,
        botId: 'bot-1',
        conversationId: `c_${randomUUID()}`,
        channel: 'api',
        mode: 'external',
        timestamp: Date.now(),
        user: { id: 'user-1', email: 'lea@example.org', name: 'Lea' },
        email: 'lea@example.org',
        history: [],
        question: QUESTION,
      };
    };
    const opened = async (): Promise<{ handoffId: string; deskConversationId: string; timestamp: number }> => {
      const request = opening();
      return { ...request, ...(await desk.open(context(), request)) };
    };
    const message = (
      to: { handoffId: string; deskConversationId: string },
      n: number,
      text = TEXT,
    ): OutboundMessage => ({
      key: `${to.handoffId}.d${n}`,
      handoffId: to.handoffId,
      from: 'user',
      deskConversationId: to.deskConversationId,
      timestamp: Date.now() + n,
      text,
      attachments: [],
      maybeSent: false,
    });
    const closing = (to: { handoffId: string; deskConversationId: string }) => ({
      key: `${to.handoffId}.d99`,
      mode: 'external' as const,
      handoffId: to.handoffId,
      deskConversationId: to.deskConversationId,
      timestamp: Date.now() + 1_000,
      reason: 'user_closed' as const,
    });
    const failure = async (work: Promise<unknown>): Promise<DeskError> => {
      const error = await work.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error instanceof DeskError) return error;
      throw new Error('a DeskError was expected', { cause: error });
    };
    /** Every way to call the desk, for what must be true of all of them. */
    const operations = async (ctx: DeskContext<C>) => {
      const to = await opened();
      return {
        open: () => desk.open(ctx, opening()),
        send: () => desk.send(ctx, message(to, 2)),
        close: () => desk.close(ctx, closing(to)),
      };
    };

    describe('what it says about itself', () => {
      it('is one folder and one line in the registry', () => {
        expect(desks.get(desk.id)?.id).toBe(desk.id);
        expect(existsSync(new URL(`../../activities/desks/${desk.id}/README.md`, import.meta.url))).toBe(true);
      });

      it('has a wire name of the enum, a page and a mode', () => {
        expect(WIRE_NAMES).toContain(desk.wireName);
        expect(URL.canParse(desk.docs)).toBe(true);
        expect(desk.capabilities.modes.length).toBeGreaterThan(0);
        expect(desk.limits.textMax).toBeGreaterThan(0);
      });

      it('has a title and a description for every field of its config', () => {
        const fields = configFields(desk);
        expect(fields.length).toBeGreaterThan(0);
        for (const field of fields) {
          expect(field.title, field.name).toBeTruthy();
          expect(field.description, field.name).toBeTruthy();
        }
      });

      it('takes its own config, and no unknown field', () => {
        expect(desk.config.safeParse(bench.config).success).toBe(true);
        expect(desk.config.safeParse({ ...bench.config, surprise: 1 }).success).toBe(false);
        expect(desk.config.safeParse(undefined).success).toBe(false);
      });
    });

    describe('open', () => {
      it('makes one conversation, also when it is repeated with the same key', async () => {
        const before = bench.conversations();
        const request = opening();
        const first = await desk.open(context(), request);
        const second = await desk.open(context(), request);
        expect(first.deskConversationId).toBeTruthy();
        expect(second).toEqual(first);
        expect(bench.conversations()).toBe(before + 1);
      });

      it('makes one conversation when the answer to the first try is lost', async () => {
        const before = bench.conversations();
        const request = opening();
        bench.failNext('open', { kind: 'drop_after' });
        const error = await failure(desk.open(context(), request));
        expect(error).toMatchObject({ kind: 'timeout', unclear: true, desk: desk.id, operation: 'open' });
        await desk.open(context(), request);
        expect(bench.conversations()).toBe(before + 1);
      });

      it('makes another conversation for another handoff', async () => {
        const before = bench.conversations();
        const [one, two] = [await opened(), await opened()];
        expect(one.deskConversationId).not.toBe(two.deskConversationId);
        expect(bench.conversations()).toBe(before + 2);
      });
    });

    describe('send', () => {
      it('brings messages in their order, unchanged', async () => {
        const to = await opened();
        const texts = Array.from({ length: 12 }, (_, index) => `${index}: “Zoë” 你好 🙂 <b>&amp;</b>\n\tline "two" \\`);
        for (const [index, text] of texts.entries()) await desk.send(context(), message(to, index + 2, text));
        const arrived = bench.messages(to.deskConversationId);
        expect(arrived.map(({ text }) => text)).toEqual(texts);
        const times = arrived.flatMap(({ timestamp }) => (timestamp === undefined ? [] : [timestamp]));
        expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
      });

      it('brings a message once when it is repeated with the same key', async () => {
        const to = await opened();
        const once = message(to, 2);
        bench.failNext('send', { kind: 'drop_after' });
        expect(await failure(desk.send(context(), once))).toMatchObject({ kind: 'timeout', operation: 'send' });
        await desk.send(context(), { ...once, maybeSent: true });
        await desk.send(context(), { ...once, maybeSent: true });
        expect(bench.messages(to.deskConversationId)).toHaveLength(1);
      });

      it('brings the same text twice when it was said twice', async () => {
        const to = await opened();
        await desk.send(context(), message(to, 2, 'ok'));
        await desk.send(context(), message(to, 3, 'ok'));
        expect(bench.messages(to.deskConversationId).map(({ text }) => text)).toEqual(['ok', 'ok']);
      });
    });

    describe('close', () => {
      it('ends the conversation as far as the desk lets us, and may be repeated', async () => {
        const to = await opened();
        expect(bench.isClosed(to.deskConversationId)).toBe(false);
        await desk.close(context(), closing(to));
        await desk.close(context(), closing(to));
        expect(bench.isClosed(to.deskConversationId)).toBe(desk.capabilities.closeFromOurSide);
      });
    });

    describe('verify', () => {
      it('says what answered, and changes nothing at the desk', async () => {
        const before = bench.conversations();
        expect((await desk.verify(context(), 'external')).detail).toBeTruthy();
        expect(bench.conversations()).toBe(before);
      });

      it('fails with refused credentials, and where nobody listens', async () => {
        expect(await failure(desk.verify(context(bench.refused), 'external'))).toMatchObject({
          kind: 'auth',
          operation: 'verify',
        });
        expect(await failure(desk.verify(context(bench.nobody), 'external'))).toMatchObject({ kind: 'unavailable' });
      });
    });

    describe('failures', () => {
      it('refused credentials are auth, in every operation', async () => {
        for (const [operation, run] of Object.entries(await operations(context(bench.refused)))) {
          expect(await failure(run()), operation).toMatchObject({ kind: 'auth', operation, unclear: false });
        }
      });

      it('a refused connection is unavailable, not unclear', async () => {
        for (const [operation, run] of Object.entries(await operations(context(bench.nobody)))) {
          expect(await failure(run()), operation).toMatchObject({ kind: 'unavailable', operation, unclear: false });
        }
      });

      it('an address that our guard refuses is rejected, and not called', async () => {
        const strict = createHttpClient({ allowedNetworks: [] });
        const run = await operations({ ...context(), http: strict });
        const before = bench.arrivals();
        expect(await failure(run.open())).toMatchObject({ kind: 'rejected', unclear: false });
        expect(await failure(run.send())).toMatchObject({ kind: 'rejected', unclear: false });
        expect(bench.arrivals()).toBe(before);
        await strict.close();
      });

      it.each(STATUS_KINDS)('status %i with Retry-After %s is %s', async (status, retryAfter, kind, waitMs) => {
        const run = await operations(context());
        for (const operation of ['open', 'send', 'close'] as const) {
          bench.failNext(operation, { kind: 'status', status, ...(retryAfter !== undefined && { retryAfter }) });
          const error = await failure(run[operation]());
          expect(error, operation).toMatchObject({ kind, operation, status, desk: desk.id });
          expect(error.retryAfterMs, operation).toBe(waitMs);
        }
      });

      it('a connection cut before the call was processed is unclear, and the repeat works', async () => {
        const to = await opened();
        bench.failNext('send', { kind: 'drop_before' });
        expect(await failure(desk.send(context(), message(to, 2)))).toMatchObject({ kind: 'timeout', unclear: true });
        expect(bench.messages(to.deskConversationId)).toEqual([]);
        await desk.send(context(), message(to, 2));
        expect(bench.messages(to.deskConversationId)).toHaveLength(1);
      });

      it('no answer in the time of the caller is a timeout', async () => {
        const run = await operations(context(bench.config, AbortSignal.timeout(700)));
        bench.failNext('send', { kind: 'slow', ms: 60_000 });
        expect(await failure(run.send())).toMatchObject({ kind: 'timeout', unclear: true });
      });

      it('a call given up before it started is not made', async () => {
        const run = await operations(context(bench.config, AbortSignal.abort()));
        const before = bench.arrivals();
        for (const work of Object.values(run)) expect(await failure(work())).toBeInstanceOf(DeskError);
        expect(bench.arrivals()).toBe(before);
      });
    });

    it('no secret and no text is in an error or in a log line', async () => {
      const errors: DeskError[] = [];
      for (const config of [bench.refused, bench.nobody]) {
        errors.push(await failure(desk.verify(context(config), 'external')));
        for (const work of Object.values(await operations(context(config)))) errors.push(await failure(work()));
      }
      const said = logged + errors.map((error) => inspect(error, { depth: 10 }) + JSON.stringify(error)).join('\n');
      expect(said).not.toContain(QUESTION);
      expect(said).not.toContain(TEXT);
      const names = secretFields(desk);
      expect(names.length).toBeGreaterThan(0);
      for (const config of [bench.config, bench.refused, bench.nobody] as Record<string, unknown>[]) {
        for (const name of names) {
          const secret = config[name];
          if (typeof secret !== 'string') continue;
          expect(said).not.toContain(secret);
        }
      }
      expect(said).not.toMatch(/Basic [A-Za-z0-9+/]{8}|Bearer \S{8}/);
    });
  });
}
