import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../activities/http/client.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { currentTrace, inTrace, traceIdOf, traceOfRequest } from '../../activities/platform/trace.ts';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { handoffInput, settings } from '../support/input.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const OURS = /^00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])$/;

describe('the trace of a request', () => {
  it("is the caller's, with a span of our own and its sampling", () => {
    for (const sampled of ['0', '1']) {
      const [, traceId, spanId, flag] = OURS.exec(traceOfRequest(`00-${ID}-${SPAN}-0${sampled}`)) ?? [];
      expect([traceId, flag]).toEqual([ID, sampled]);
      expect(spanId).not.toBe(SPAN);
    }
  });

  it('has of all flags only the one that every version knows', () => {
    expect(traceOfRequest(`00-${ID}-${SPAN}-ff`)).toMatch(/-01$/);
    expect(traceOfRequest(`00-${ID}-${SPAN}-fe`)).toMatch(/-00$/);
  });

  it('of a later version is read as far as this one goes', () => {
    expect(traceIdOf(traceOfRequest(`42-${ID}-${SPAN}-01-more-of-it`))).toBe(ID);
    expect(traceOfRequest(`42-${ID}-${SPAN}-01`)).toMatch(OURS);
  });

  it.each([
    ['absent', undefined],
    ['empty', ''],
    ['too short', `00-${ID.slice(1)}-${SPAN}-01`],
    ['in capitals', `00-${ID.toUpperCase()}-${SPAN}-01`],
    ['without a trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['without a span', `00-${ID}-${'0'.repeat(16)}-01`],
    ['of the forbidden version', `ff-${ID}-${SPAN}-01`],
    ['of this version with more behind it', `00-${ID}-${SPAN}-01-more`],
    ['sent twice', `00-${ID}-${SPAN}-01, 00-${ID}-${SPAN}-01`],
    ['sent twice, as a list', [`00-${ID}-${SPAN}-01`, `00-${ID}-${SPAN}-01`]],
    ['something else', "'; drop table traces; --"],
  ])('is a new one, sampled, when the header is %s', (_, header) => {
    const one = traceOfRequest(header);
    expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traceIdOf(one)).not.toBe(ID);
    expect(traceIdOf(traceOfRequest(header))).not.toBe(traceIdOf(one));
  });
});

describe('work that is done for a trace', () => {
  const trace = `00-${ID}-${SPAN}-01`;

  it('logs with its id, and work beside it does not', async () => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => void lines.push(line) });
    await inTrace(trace, async () => {
      await Promise.resolve();
      log.child({ desk: 'webhook' }).info('inside');
      inTrace(undefined, () => log.info('for nobody'));
    });
    log.info('outside');
    expect(lines.map((line) => JSON.parse(line).traceId)).toEqual([ID, undefined, undefined]);
    expect(currentTrace()).toBeUndefined();
  });

  it('calls out in the same trace, each time with a new span', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers['traceparent'] as string | undefined);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const call = () => http.request({ method: 'GET', url, timeoutMs: 5_000 });
    try {
      for (let n = 0; n < 2; n += 1) await inTrace(trace, call);
      await call();
    } finally {
      await http.close();
      server.close();
    }
    const spans = seen.map((header) => OURS.exec(header ?? '')?.[2]);
    expect(seen.slice(0, 2).map((header) => header && traceIdOf(header))).toEqual([ID, ID]);
    expect(new Set([...spans.slice(0, 2), SPAN]).size).toBe(3);
    expect(seen[2]).toBeUndefined();
  });
});

describe('a handoff', () => {
  const started = (): HandoffRun =>
    new HandoffRun(handoffInput({ trace: 'start', settings: settings({ callback: true }) }), 0);
  const tell = (run: HandoffRun, signal: HandoffSignal): void => run.apply(signal, 1);
  const tracesOf = (run: HandoffRun) => run.journal.map(({ type, trace }) => [type, trace]);

  it('does for each request what follows from it, and the rest for the request for a human', () => {
    const run = started();
    run.apply({ kind: 'opened', deskConversationId: 'd' }, 1);
    tell(run, { kind: 'userMessage', id: 'u1', text: 'hello', trace: 'first' });
    tell(run, { kind: 'userMessage', id: 'u2', text: 'are you there?', trace: 'second' });
    tell(run, { kind: 'agentReply', id: 'a1', text: 'yes', trace: 'answer' });
    run.apply({ kind: 'timePassed' }, 10_000_000);
    expect(run.desk.map(({ kind, trace }) => [kind, trace])).toEqual([
      ['open', 'start'],
      ['message', 'first'],
      ['message', 'second'],
      ['close', 'start'],
    ]);
    run.apply({ kind: 'undeliverable', n: 2, why: 'rejected' }, 2);
    run.apply({ kind: 'delivered', n: 3, dropped: [{ url: 'https://example.org/a.png' }] }, 2);
    expect(tracesOf(run)).toEqual([
      ['handoff.connecting', 'start'],
      ['message.user', 'first'],
      ['message.user', 'second'],
      ['handoff.active', 'answer'],
      ['message.agent', 'answer'],
      ['message.failed', 'first'],
      ['message.failed', 'second'],
      ['handoff.closed', 'start'],
    ]);
  });

  it('ends for the request that ended it, also when its last message settles later and in a next run', () => {
    const first = started();
    first.apply({ kind: 'opened', deskConversationId: 'd' }, 1);
    tell(first, { kind: 'userMessage', id: 'u1', text: 'hello', trace: 'message' });
    tell(first, { kind: 'close', id: 'c', by: 'user', trace: 'end' });
    const { input } = first;
    const next = new HandoffRun({ ...input, carried: JSON.parse(JSON.stringify(first.carry())) }, 2);
    next.apply({ kind: 'undeliverable', n: 2, why: 'expired' }, 3);
    expect(next.desk.map(({ trace }) => trace)).toEqual(['start', 'message', 'end']);
    expect(tracesOf(next).slice(-2)).toEqual([
      ['message.failed', 'message'],
      ['handoff.closed', 'end'],
    ]);
    expect(next.callback.recent.map(({ trace }) => trace)).toEqual(['start', 'message', 'message', 'end']);
  });

  it('that began before there were traces has none', () => {
    const run = new HandoffRun(handoffInput(), 0);
    run.apply({ kind: 'opened', deskConversationId: 'd' }, 1);
    tell(run, { kind: 'userMessage', id: 'u1', text: 'hello' });
    expect(JSON.stringify([run.journal, run.desk, run.state])).not.toContain('trace');
  });
});
