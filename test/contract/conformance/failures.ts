import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { secretFields } from '../../../activities/desks/registry.ts';
import { DeskError, type DeskErrorKind } from '../../../activities/errors.ts';
import { createHttpClient } from '../../../activities/http/client.ts';
import { failure } from '../../support/desk-requests.ts';
import { CONTEXT, operations, QUESTION, type Stage, TEXT } from './stage.ts';

/** What a status means at most desks; what differs is in a desk's facts, with the reason. */
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
  [408, undefined, 'rate_limited', undefined],
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

export function testFailures<C>(stage: Stage<C>): void {
  const { desk, mode, facts, context, message } = stage;

  const expectedKind = (status: number, operation: string, usual: DeskErrorKind): DeskErrorKind | 'fine' =>
    facts.statuses?.find(
      (one) => one.status === status && (one.operation ?? operation) === operation && (one.mode ?? mode) === mode,
    )?.is ?? usual;

  describe('failures', () => {
    it('refused credentials are auth, in every operation [check 15]', async () => {
      const run = await operations(stage, () => context({ config: stage.bench.refused }));
      stage.bench.expireTokens();
      for (const [operation, work] of Object.entries(run)) {
        expect(await failure(work()), operation).toMatchObject({ kind: 'auth', operation, unclear: false });
      }
    });

    it('a refused connection is unavailable, not unclear', async () => {
      const run = await operations(stage, () => context({ config: stage.bench.nobody }));
      for (const [operation, work] of Object.entries(run)) {
        expect(await failure(work()), operation).toMatchObject({ kind: 'unavailable', operation, unclear: false });
      }
    });

    it('an address that our guard refuses is rejected, and not called', async () => {
      const strict = createHttpClient({ allowedNetworks: [] });
      const run = await operations(stage, () => context({ http: strict }));
      const before = stage.bench.arrivals();
      expect(await failure(run.open())).toMatchObject({ kind: 'rejected', unclear: false });
      expect(await failure(run.send())).toMatchObject({ kind: 'rejected', unclear: false });
      expect(stage.bench.arrivals()).toBe(before);
      await strict.close();
    });

    it.each(STATUS_KINDS)(
      'status %i with Retry-After %s is %s [check 15]',
      async (status, retryAfter, usual, waitMs) => {
        const run = await operations(stage, () => context());
        for (const operation of ['open', 'send', 'close'] as const) {
          const kind = expectedKind(status, operation, usual);
          stage.bench.fault(operation, { kind: 'status', status, ...(retryAfter !== undefined && { retryAfter }) });
          if (kind === 'fine') {
            await run[operation]();
          } else {
            const error = await failure(run[operation]());
            expect(error, operation).toMatchObject({ kind, operation, status, desk: desk.id });
            const usualMs = status === 429 ? facts.lockedMs : undefined;
            expect(error.retryAfterMs, operation).toBe(kind === 'rate_limited' ? (waitMs ?? usualMs) : undefined);
          }
          stage.bench.clearFaults();
        }
      },
    );

    it.each(['open', 'send', 'close'] as const)(
      'the rate limit of the desk says how long to wait, and the repeat works: %s',
      async (operation) => {
        const request = await stage.opening();
        const [to, over] = [await stage.talk(), await stage.opened()];
        const run = {
          open: () => desk.open(context(), request),
          send: () => desk.send(context(), message(to, 2)),
          close: () => desk.close(context(), stage.closing(over)),
        };
        stage.bench.fault(operation, { kind: 'rate_limit', resetInMs: 4_000, times: 1 });
        const error = await failure(run[operation]());
        expect(error).toMatchObject({ kind: 'rate_limited', unclear: false });
        if (facts.lockedMs !== undefined) expect(error.retryAfterMs).toBe(facts.lockedMs);
        else expect(error.retryAfterMs === undefined).toBe(!facts.tellsWhen);
        expect(error.retryAfterMs ?? 4_000).toBeGreaterThan(1_000);
        expect(error.retryAfterMs ?? 4_000).toBeLessThanOrEqual(facts.lockedMs ?? 6_000);
        stage.bench.clearFaults();
        await run[operation]();
        expect(stage.bench.said(to.deskConversationId)).toHaveLength(operation === 'send' ? 1 : 0);
      },
    );

    it('a connection cut before the call was processed is unclear, and the repeat works', async () => {
      const to = await stage.talk();
      stage.bench.fault('send', { kind: 'drop_before', times: 1 });
      expect(await failure(desk.send(context(), message(to, 2)))).toMatchObject({ kind: 'timeout', unclear: true });
      expect(stage.bench.said(to.deskConversationId)).toEqual([]);
      await desk.send(context(), message(to, 2));
      expect(stage.bench.said(to.deskConversationId)).toHaveLength(1);
    });

    it('no answer in the time of the caller is a timeout [check 15]', async () => {
      let signal = new AbortController().signal;
      const run = await operations(stage, () => context({ signal }));
      stage.bench.fault('send', { kind: 'slow', ms: 60_000, times: 1 });
      signal = AbortSignal.timeout(700);
      expect(await failure(run.send())).toMatchObject({ kind: 'timeout', unclear: true });
    });

    it('a call given up before it started is not made', async () => {
      const run = await operations(stage, () => context({ signal: AbortSignal.abort() }));
      const before = stage.bench.arrivals();
      for (const work of Object.values(run)) expect(await failure(work())).toBeInstanceOf(DeskError);
      expect(stage.bench.arrivals()).toBe(before);
    });

    it('tokens that expire in the middle are renewed, or replaced by the operator', async () => {
      const [to, over] = [await stage.talk(), await stage.opened()];
      const before = stage.bench.config;
      stage.bench.expireTokens();
      const after = stage.bench.config;
      const isRenewable = JSON.stringify(before) === JSON.stringify(after);
      if (!isRenewable) {
        expect(await failure(desk.send(context({ config: before }), message(to, 2)))).toMatchObject({ kind: 'auth' });
      }
      await desk.send(context(), message(to, 2));
      stage.bench.expireTokens();
      const { deskConversationId } = await desk.open(context(), await stage.opening());
      stage.bench.expireTokens();
      await desk.close(context(), stage.closing(over));
      expect(deskConversationId).not.toBe(to.deskConversationId);
      expect(stage.bench.said(to.deskConversationId)).toHaveLength(1);
      expect(stage.bench.isClosed(over.deskConversationId)).toBe(mode === 'external');
    });

    it('many calls at once that find an expired token all work', async () => {
      const talks = await Promise.all([1, 2, 3, 4].map(() => stage.talk()));
      stage.bench.expireTokens();
      await Promise.all(talks.flatMap((to) => [2, 3].map((n) => desk.send(context(), message(to, n)))));
      for (const { deskConversationId } of talks) expect(stage.bench.said(deskConversationId)).toHaveLength(2);
    });
  });

  it('no secret and no text is in an error or in a log line', async () => {
    const errors: DeskError[] = [];
    const { config, refused, nobody } = stage.bench;
    for (const wrong of [refused, nobody]) {
      const run = await operations(stage, () => context({ config: wrong }));
      stage.bench.expireTokens();
      errors.push(await failure(desk.verify(context({ config: wrong }), mode)));
      for (const work of Object.values(run)) errors.push(await failure(work()));
    }
    for (const status of [400, 404, 422]) {
      const run = await operations(stage, () => context());
      stage.bench.fault('send', { kind: 'status', status });
      errors.push(await failure(run.send()));
      stage.bench.clearFaults();
    }
    const said = stage.logged + errors.map((error) => inspect(error, { depth: 10 }) + JSON.stringify(error)).join('\n');
    expect(said).not.toContain(QUESTION);
    expect(said).not.toContain(CONTEXT);
    expect(said).not.toContain(TEXT);
    const names = secretFields(desk);
    expect(names.length).toBeGreaterThan(0);
    for (const used of [config, refused, nobody, stage.bench.config] as Record<string, unknown>[]) {
      for (const name of names) {
        const secret = used[name];
        if (typeof secret !== 'string') continue;
        expect(said).not.toContain(secret);
      }
    }
    expect(said).not.toMatch(/Basic [A-Za-z0-9+/]{8}|Bearer \S{8}/);
  });
}
