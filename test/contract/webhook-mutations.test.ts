import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedEvents } from '../../activities/desks/bounds.ts';
import type { DeskEvent, RawRequest } from '../../activities/desks/desk.ts';
import { storable } from '../../api/plugins/body.ts';
import { checkEvent } from '../support/event-contract.ts';
import { changes, changesInPlace, mutated } from '../support/mutate.ts';
import { jsonOf, OWN_WORDS, recorded, SECRET_WORDS } from '../support/recorded.ts';
import { testSeed } from '../support/seed.ts';

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? 'null');

/** Fields that say who has said it to whom: with them untouched, nothing may make it a message of an agent. */
const MARKS = new Set(
  [
    ['part_type', 'author'],
    ['author_id', 'visibility', 'custom_id'],
    ['private', 'content_attributes', 'echo_id', 'sender', 'message_type'],
    ['sender_type', 'receiver_type'],
  ].flat(),
);

describe.each(recorded)('webhooks of $name', ({ name, desk, config, requests, proved }) => {
  const { webhook } = desk;
  if (webhook === undefined) throw new Error(`${desk.id} has no webhook`);
  /** As the route reads it. */
  const read = (raw: RawRequest): DeskEvent[] => boundedEvents(storable(webhook.parse(raw, config)));
  const which = fc.nat(requests.length - 1);

  it('are taken as they were recorded, and tell something', () => {
    for (const request of requests) {
      expect(webhook.authenticate(proved(request, request.body), config)).toEqual({ ok: true });
    }
    const events = requests.flatMap(read);
    for (const event of events) checkEvent(event);
    const said = events.flatMap(({ signal }) => (signal.kind === 'agentReply' ? [signal.text] : []));
    expect(said).toContain('An agent is here');
    expect(events.map(({ signal }) => signal.kind)).toContain('close');
  });

  it('are read without an exception whatever is changed in them, and what they tell keeps the contract', () => {
    fc.assert(
      fc.property(which, changes, (at, list) => {
        const request = requests[at]!;
        const raw = { ...request, body: bytesOf(mutated(jsonOf(request), list)) };
        const events = read(raw);
        for (const event of events) checkEvent(event);
        expect(read(raw)).toEqual(events);
        webhook.answer?.turn(raw, config);
        webhook.answer?.render(raw, config, []);
      }),
      { seed: testSeed(`mutated webhooks of ${name}`), numRuns: 250 },
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('never tell the user what was for agents only, nor what we have said ourselves, whatever else is changed', () => {
    const silent = requests.filter(({ body }) => body.includes(SECRET_WORDS) || body.includes(OWN_WORDS));
    if (silent.length === 0) return expect(name).toMatch(/widget/);
    fc.assert(
      fc.property(fc.nat(silent.length - 1), changesInPlace, (at, list) => {
        const request = silent[at]!;
        const raw = { ...request, body: bytesOf(mutated(jsonOf(request), list, MARKS)) };
        const told = JSON.stringify(read(raw).filter(({ signal }) => signal.kind === 'agentReply'));
        expect(told).not.toContain(SECRET_WORDS);
        expect(told).not.toContain(OWN_WORDS);
      }),
      { seed: testSeed(`silent webhooks of ${name}`), numRuns: 250 },
    );
  });

  it('of bytes that nobody would send are refused or tell nothing that breaks the contract', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => Buffer.from(text)),
      // Cut off, with a byte more, or with one byte changed.
      fc.tuple(which, fc.nat(), fc.nat(255), fc.constantFrom('cut', 'more', 'changed')).map(([which, n, byte, how]) => {
        const { body } = requests[which]!;
        const at = n % body.length;
        if (how === 'cut') return body.subarray(0, at);
        if (how === 'more') return Buffer.concat([body.subarray(0, at), Buffer.from([byte]), body.subarray(at)]);
        return Buffer.concat([body.subarray(0, at), Buffer.from([byte]), body.subarray(at + 1)]);
      }),
    );
    fc.assert(
      fc.property(which, bytes, (at, given) => {
        const request = requests[at]!;
        const raw = { ...request, body: Buffer.from(given) };
        webhook.authenticate(raw, config);
        let events: DeskEvent[] = [];
        try {
          events = read(raw);
        } catch (error) {
          // The route answers 400.
          expect(error).toBeInstanceOf(SyntaxError);
        }
        for (const event of events) checkEvent(event);
      }),
      { seed: testSeed(`bytes for ${name}`), numRuns: 250 },
    );
  });
});
