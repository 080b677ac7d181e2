import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { Handoff, TestBaton } from '../support/baton.ts';
import { settings } from '../support/input.ts';
import { createNativeDesk, type NativeDesk } from '../support/native-desk.ts';
import { until } from '../support/poll.ts';

let baton: TestBaton;
let second: NativeDesk;

beforeAll(async () => {
  second = createNativeDesk();
  baton = await startTestBaton({ desks: createRegistry([webhook, second]) });
});
afterAll(() => baton.stop());

const WAIT = { settings: settings({ waitTimeoutMs: 4_000, onWaitTimeout: 'close' }) };
const HISTORY = [{ role: 'user' as const, text: 'Hello bot' }];

async function start(over = {}, botSettings = {}): Promise<Handoff> {
  const both = { secondDesk: { kind: 'messenger' }, ...botSettings };
  return await baton.start({ secondDesk: 'messenger', history: HISTORY, ...WAIT, ...over }, both);
}

/** What the second desk was told of this handoff. */
const toldSecond = ({ id }: Handoff): string[] => {
  const from = second.told.indexOf(`open ${id}`);
  return from < 0 ? [] : second.told.slice(from);
};

/** The activities of a handoff by the number of the event that scheduled them, and of the one that ended each. */
async function activitiesOf({ id }: Handoff) {
  const [history] = await baton.histories(id);
  const scheduled: { at: number; name: string }[] = [];
  const ended = new Map<number, number>();
  for (const event of history?.events ?? []) {
    const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
    if (name) scheduled.push({ at: Number(event.eventId), name });
    const end =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskCanceledEventAttributes ??
      event.activityTaskFailedEventAttributes;
    if (end) ended.set(Number(end.scheduledEventId), Number(event.eventId));
  }
  return { scheduled, ended };
}

describe('a second desk on a real Temporal server', () => {
  it('gets the request after the wait time, with context and all messages; the first one is told', async () => {
    const handoff = await start();
    await handoff.sees('handoff.connecting');
    await handoff.says('1');
    await handoff.says('2');
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'both at the first desk' });
    const changed = await handoff.sees('handoff.desk_changed');
    expect(changed.data).toMatchObject({ from: 'webhook', to: 'messenger', why: 'wait_timeout', messages: 2 });
    await until(() => toldSecond(handoff).length === 3, { message: 'both at the second desk' });
    expect(toldSecond(handoff)).toEqual([`open ${handoff.id}`, 'user user 1', 'user user 2']);
    const opened = second.opened.find(({ handoffId }) => handoffId === handoff.id);
    expect(opened).toMatchObject({ question: handoff.input.question, history: HISTORY });
    await until(() => baton.desk.conversation(handoff.id)?.closed === 'TIMEOUT', { message: 'the first desk to know' });
    expect(textsAtDesk(baton, handoff.id).at(-1)).toMatch(/gone to another desk/);

    const row = await baton.store.handoffs.get(handoff.id);
    const earlier = { desk: 'webhook', deskConversationId: handoff.id, why: 'wait_timeout' };
    expect(row).toMatchObject({ desk: 'messenger', deskConversationId: `desk-${handoff.id}`, earlierDesks: [earlier] });
    const { searchAttributes } = await baton.client.workflow.getHandle(handoff.id).describe();
    expect(searchAttributes['HandoffDesk']).toEqual(['messenger']);
    expect(await baton.metrics.deskChanges.get()).toMatchObject({
      values: expect.arrayContaining([
        expect.objectContaining({ labels: { from: 'webhook', to: 'messenger', why: 'wait_timeout' } }),
      ]),
    });

    await handoff.signal(
      { kind: 'agentReply', id: 'webhook:x', text: 'sorry, I was at lunch' },
      { kind: 'agentReply', id: 'messenger:1', text: 'hello' },
    );
    await handoff.sees('message.agent');
    await handoff.closes('user');
    await handoff.ended();
    expect(await handoff.types()).toEqual([
      'handoff.connecting',
      'message.user',
      'message.user',
      'handoff.desk_changed',
      'handoff.connecting',
      'handoff.active',
      'message.agent',
      'handoff.closed',
    ]);
    expect(await baton.store.journal.late(handoff.id)).toEqual([
      expect.objectContaining({ text: 'sorry, I was at lunch', desk: 'webhook' }),
    ]);
    expect(toldSecond(handoff).at(-1)).toBe(`close desk-${handoff.id}`);
  });

  it('gets the request at once when the first refuses its credentials, which is told nothing', async () => {
    baton.desk.setAuth({ username: 'baton', password: 'right' });
    const closes = baton.desk.raw.close;
    const waits = settings({ waitTimeoutMs: 600_000 });
    const desk = { kind: 'webhook', url: baton.deskUrl, username: 'baton', password: 'wrong' };
    const handoff = await start({ settings: waits }, { desk });
    const changed = await handoff.sees('handoff.desk_changed');
    baton.desk.setAuth({});
    expect(changed.data).toMatchObject({ why: 'desk_unavailable' });
    await handoff.sees('handoff.connecting');
    expect(await handoff.types()).toEqual(['handoff.desk_changed', 'handoff.connecting']);
    expect(await baton.store.bots.get(handoff.input.botId)).toMatchObject({
      service: { state: 'unavailable' },
      secondDesk: { service: { state: 'available' } },
    });
    await handoff.closes('bot');
    await handoff.ended();
    expect(baton.desk.raw.close).toBe(closes);
  });

  it('does not wait for a first one that hangs with a message, and gets that message too', async () => {
    const handoff = await start();
    await handoff.sees('handoff.connecting');
    const before = baton.desk.raw.chat;
    baton.desk.fault('chat', { kind: 'slow', ms: 60_000 });
    await handoff.says('1');
    await until(() => baton.desk.raw.chat > before, { message: 'a try that hangs' });
    await handoff.sees('handoff.desk_changed');
    await until(() => toldSecond(handoff).length === 2, {
      timeoutMs: 60_000,
      message: 'the message at the second desk',
    });
    baton.desk.clearFaults();
    await handoff.replies('messenger:1');
    await handoff.says('2');
    await until(() => toldSecond(handoff).length === 3, { message: 'the next message' });
    expect(toldSecond(handoff).slice(1)).toEqual(['user user 1', 'user user 2']);
    await handoff.closes('user');
    await handoff.ended(60_000);
    expect(await handoff.types()).not.toContain('message.failed');
    const { scheduled, ended } = await activitiesOf(handoff);
    const hung = scheduled.find(({ name }) => name === 'deliverToDesk')!;
    const opening = scheduled.findLast(({ name }) => name === 'openConversation')!;
    expect(opening.at).toBeGreaterThan(hung.at);
    expect(ended.get(hung.at)).toBeGreaterThan(opening.at);
  });

  it('that does not answer either: then the ordinary rules', async () => {
    const handoff = await start();
    const closed = await handoff.sees('handoff.closed', 60_000);
    expect(closed.data).toMatchObject({ reason: 'wait_timeout' });
    await handoff.ended();
    expect(await handoff.types()).toEqual([
      'handoff.connecting',
      'handoff.desk_changed',
      'handoff.connecting',
      'handoff.closed',
    ]);
    expect(toldSecond(handoff)).toEqual([`open ${handoff.id}`, `close desk-${handoff.id}`]);
  });

  it('that is away as well: busy, then closed', async () => {
    second.fails('auth');
    const handoff = await start({}, { desk: { kind: 'webhook', url: 'http://127.0.0.1:9' } });
    await handoff.sees('handoff.closed', 60_000);
    second.fails(false);
    expect(await handoff.types()).toEqual(['handoff.desk_changed', 'handoff.busy', 'handoff.closed']);
    // The run may go on for a while: an opening that ran out of time may have left something at the first desk.
  });

  it('is opened once over continue-as-new, with the talk before', async () => {
    const handoff = await start({ continueAfterEvents: 12 });
    await handoff.sees('handoff.connecting');
    for (let i = 1; i <= 6; i += 1) await handoff.says(String(i));
    await handoff.sees('handoff.desk_changed');
    await until(() => toldSecond(handoff).length === 7, { message: 'all at the second desk' });
    await baton.hasRuns(handoff.id, 2);
    await handoff.replies('messenger:1');
    await handoff.closes('agent');
    await handoff.ended();
    expect(second.opened.filter(({ handoffId }) => handoffId === handoff.id)).toHaveLength(1);
    expect(second.opened.find(({ handoffId }) => handoffId === handoff.id)?.history).toEqual(HISTORY);
    expect(toldSecond(handoff).slice(1)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `user user ${n}`));
    expect((await baton.histories(handoff.id)).length).toBeGreaterThan(1);
  });

  it('replays every handoff of this file', async () => {
    expect(await baton.replayAll()).toEqual([]);
  });
});
