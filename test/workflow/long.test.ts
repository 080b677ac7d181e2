import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';

let baton: TestBaton;

beforeAll(async () => {
  baton = await startTestBaton();
});
afterAll(async () => {
  await baton.stop();
});

const MESSAGES = 12_500;
const REPLIES = 500;
const PER_SIGNAL = 50;
/** Signalled messages from one rest to the next: 100 signals, and so more events than a run is to have. */
const REST_AFTER = 5_000;

it('rule 11: more than 12,000 messages in one handoff, over many runs, all in order and each once', async () => {
  const handoff = await baton.start({ continueAfterEvents: 100 });
  await handoff.sees('handoff.connecting');
  const every = MESSAGES / REPLIES;
  const signals = Array.from({ length: MESSAGES }, (_, index): HandoffSignal[] => [
    { kind: 'userMessage', id: `u${index}`, text: `message ${index}` },
    ...(index % every === 0 ? [{ kind: 'agentReply' as const, id: `a${index}`, text: `reply ${index}` }] : []),
  ]).flat();
  for (let at = 0; at < signals.length; at += PER_SIGNAL) {
    if (at > 0 && at % REST_AFTER === 0) await baton.hasRuns(handoff.id, at / REST_AFTER + 1);
    const batch = signals.slice(at, at + PER_SIGNAL);
    await handoff.signal(...batch);
    // A caller that got no answer repeats the whole call.
    if (at % 1_000 === 0) await handoff.signal(...batch);
    await until(() => textsAtDesk(baton, handoff.id).length > at - 2_000, { message: 'the desk to keep up' });
  }
  await until(() => textsAtDesk(baton, handoff.id).length >= MESSAGES, {
    timeoutMs: 150_000,
    everyMs: 250,
    message: () => `${MESSAGES} messages at the desk, there are ${textsAtDesk(baton, handoff.id).length}`,
  });
  await handoff.closes('user');
  await handoff.ended();

  expect(textsAtDesk(baton, handoff.id)).toEqual(Array.from({ length: MESSAGES }, (_, index) => `message ${index}`));
  const events = await handoff.events();
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter((event) => event.type === 'message.user')).toHaveLength(MESSAGES);
  expect(events.filter((event) => event.type === 'message.agent')).toHaveLength(REPLIES);
  expect(events.at(-1)?.type).toBe('handoff.closed');
  const runs = await baton.histories(handoff.id);
  console.log(`${runs.length} runs, ${runs.reduce((sum, run) => sum + (run.events?.length ?? 0), 0)} events`);
  expect(runs.length).toBeGreaterThan(2);
}, 240_000);

it('rule 11: a talk that hardly rests goes on in new runs, and a refused end of one is rare', async () => {
  const handoff = await baton.start({ continueAfterEvents: 60 });
  await handoff.sees('handoff.connecting');
  const texts = Array.from({ length: 600 }, (_, index) => `word ${index}`);
  for (const text of texts) await handoff.says(text, text);
  await until(() => textsAtDesk(baton, handoff.id).length === texts.length, {
    message: 'all words',
    timeoutMs: 60_000,
  });
  await baton.hasRuns(handoff.id, 2);
  await handoff.closes('user');
  await handoff.ended();
  expect(textsAtDesk(baton, handoff.id)).toEqual(texts);
  const runs = (await baton.histories(handoff.id)).map(({ events = [] }) => ({
    refused: events?.filter(({ workflowTaskFailedEventAttributes: failed }) => failed != null).length ?? 0,
    timers: events?.filter(({ timerFiredEventAttributes: fired }) => fired != null).length ?? 0,
  }));
  console.log(`${runs.length} runs, refused ends: ${runs.map(({ refused }) => refused).join(', ')}`);
  // One try a timer, and the timers take longer each time. Otherwise it would be one try a word.
  for (const { refused, timers } of runs) expect(refused).toBeLessThanOrEqual(timers);
  expect(runs.reduce((sum, { refused }) => sum + refused, 0)).toBeLessThan(texts.length / 10);
}, 120_000);
