import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startTestBaton } from '../support/baton.ts';
import type { NativeTalk, TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import type { CallbackReceiver } from '../support/callback.ts';
import { createNativeDesk } from '../support/native-desk.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';

const desk = createNativeDesk();
let baton: TestBaton;
let callback: CallbackReceiver;
let botId: string;
let talk: NativeTalk;

beforeAll(async () => {
  [baton, callback] = await Promise.all([startTestBaton({ desks: createRegistry([desk]) }), startCallbackReceiver()]);
});
afterAll(async () => {
  await baton.stop();
  await callback.stop();
});
beforeEach(async () => {
  desk.told.length = 0;
  desk.fails(false);
  callback.behave('well');
  botId = await baton.bot({ mode: 'native', desk: { kind: 'messenger' }, callback: { url: callback.url } });
  talk = await baton.conversation({ botId, desk: 'messenger', deskConversationId: `d-${randomUUID()}` });
});

/** The `seq` of what the bot's backend has taken, in the order of arrival. */
const taken = (): number[] =>
  callback.calls
    .filter((call) => call.taken && call.event.conversationId === talk.deskConversationId)
    .map((call) => call.event.seq);

const closes = (): Promise<void> => talk.tell({ kind: 'close', id: randomUUID(), by: 'agent' });

const sweep = (): Promise<unknown> =>
  baton.client.workflow.execute(WORKFLOW.maintenance, { taskQueue: TASK_QUEUE, workflowId: randomUUID(), args: [] });

it('calls back everything in order when the conversation ends and begins again while the callback is down', async () => {
  callback.behave(503);
  await talk.userSays('u1');
  await closes();
  await until(async () => (await talk.events()).length === 3, { message: 'the end in the journal' });
  await until(
    () => callback.calls.filter(({ event }) => event.conversationId === talk.deskConversationId).length >= 4,
    {
      message: 'several tries',
    },
  );
  callback.behave('well');
  await talk.userSays('u2');
  await until(() => taken().includes(5), { timeoutMs: 60_000, message: 'the second session at the callback' });
  await until(() => taken().includes(3), { timeoutMs: 60_000, message: 'the first session at the callback' });
  expect([...new Set(taken())]).toEqual([1, 2, 3, 4, 5]);
});

it('a cancel in the Temporal UI ends the conversation and loses nothing that was accepted', async () => {
  await talk.userSays('u1');
  await until(async () => (await talk.events()).length === 2, { message: 'the journal' });
  desk.fails(true);
  await talk.botSays('b1');
  await talk.userSays('u2');
  await baton.client.workflow.getHandle(talk.id).cancel();
  await until(async () => (await talk.events()).some(({ data }) => data.messageId === 'u2'), { message: 'u2' });
  desk.fails(false);
  await until(() => desk.told.includes('bot b1'), { message: 'b1 at the desk' });
  await talk.ended();
  expect((await talk.events()).at(-1)).toMatchObject({ type: 'conversation.ended' });
});

it('what waits for a handoff whose run never began goes to the conversation when the row is discarded', async () => {
  const id = `ho_${randomUUID()}`;
  const { deskConversationId } = talk;
  await baton.store.handoffs.open({
    id,
    botId,
    conversationId: deskConversationId,
    desk: 'messenger',
    channel: 'messenger',
    mode: 'native',
    status: 'opening',
    user: {},
    question: 'q',
    metadata: null,
    deskConversationId,
  });
  await administer(baton.databaseUrl, `update handoffs set started_at = started_at - interval '2 hours'`);
  const receipt = await baton.store.inbox.receive({
    botId,
    desk: 'messenger',
    dedupeKey: 'k1',
    deskConversationId,
    signal: { kind: 'userMessage', id: 'u1', text: 'still there?' },
    conversation: { id: talk.id, begins: true },
  });
  expect(receipt.handoffId).toBe(id);
  await sweep();
  expect(await baton.store.handoffs.get(id)).toBeUndefined();
  await administer(baton.databaseUrl, `update inbox set received_at = received_at - interval '1 minute'`);
  await sweep();
  await until(async () => (await talk.events()).some(({ data }) => data.messageId === 'u1'), { message: 'u1' });
});

it('a message that a crash left unmarked is not told again in the next session', async () => {
  const { deskConversationId } = talk;
  await baton.store.inbox.receive({
    botId,
    desk: 'messenger',
    dedupeKey: randomUUID(),
    deskConversationId,
    signal: { kind: 'userMessage', id: 'u1', text: 'u1' },
    conversation: { id: talk.id, begins: true },
  });
  await talk.userSays('u1');
  await closes();
  await talk.ended();
  await administer(baton.databaseUrl, `update inbox set received_at = received_at - interval '1 minute'`);
  await sweep();
  await talk.userSays('u2');
  await until(async () => (await talk.events()).some(({ data }) => data.messageId === 'u2'), { message: 'u2' });
  expect((await talk.events()).flatMap(({ data }) => data.messageId ?? [])).toEqual(['u1', 'u2']);
});

it('the end of a terminated handoff gives the conversation back to the bot', async () => {
  await talk.userSays('u1');
  await talk.tell({ kind: 'agentReply', id: 'a1', text: 'I take this' });
  const handoff = await talk.handOff();
  await handoff.sees('handoff.connecting');
  await baton.client.workflow.getHandle(handoff.id).terminate('by an operator');
  await administer(baton.databaseUrl, `update handoffs set started_at = started_at - interval '2 hours'`);
  await sweep();
  await talk.botSays('b1');
  await until(() => desk.told.includes('bot b1'), { message: 'the bot speaks again' });
});

it('the late end of a handoff takes nothing from the humans of the next one', async () => {
  const { deskConversationId } = talk;
  const first = await talk.handOff();
  await first.sees('handoff.connecting');
  desk.fails(true);
  await first.closes('bot');
  await first.sees('handoff.closed');
  const second = await talk.handOff();
  // The pauses of the end have become longer than those of the opening.
  await pause(6_000);
  desk.fails(false);
  await second.sees('handoff.connecting');
  await first.ended(60_000);
  expect(desk.told.filter((line) => line.endsWith(deskConversationId)).at(-1)).toBe(`open ${deskConversationId}`);
  await second.closes('bot');
  await second.ended();
  expect(desk.told.at(-1)).toBe(`back ${deskConversationId}`);
}, 180_000);

it('what the desk refuses after a handoff that it never had has failed at once', async () => {
  await talk.userSays('u1');
  desk.fails('rejected');
  const handoff = await talk.handOff();
  await handoff.ended();
  await talk.botSays('b1');
  const failed = await until(async () => (await talk.events()).find(({ type }) => type === 'message.failed'), {
    message: 'message.failed',
  });
  expect(failed.data).toMatchObject({ messageId: 'b1', reason: 'rejected' });
});

it('a handoff of a conversation that the desk has no more is over at once', async () => {
  desk.fails('not_found');
  const handoff = await talk.handOff();
  await handoff.ended(10_000);
  expect(await handoff.types()).toEqual(['handoff.busy', 'handoff.closed']);
});

it('one sweep forwards all that an outage has left', async () => {
  const { deskConversationId } = talk;
  const ids = Array.from({ length: 450 }, (_, index) => `u${index}`);
  for (const id of ids) {
    await baton.store.inbox.receive({
      botId,
      desk: 'messenger',
      dedupeKey: `${deskConversationId}.${id}`,
      deskConversationId,
      signal: { kind: 'userMessage', id, text: id },
      conversation: { id: talk.id, begins: true },
    });
  }
  await administer(baton.databaseUrl, `update inbox set received_at = received_at - interval '1 minute'`);
  await sweep();
  await until(async () => (await talk.events()).length === 451, { message: '450 messages' });
  expect((await talk.events()).slice(1).map(({ data }) => data.messageId)).toEqual(ids);
});

it('what a handoff has told is not told to the bot again when its mark was lost', async () => {
  const { deskConversationId } = talk;
  await talk.userSays('u1');
  const handoff = await talk.handOff();
  await handoff.sees('handoff.connecting');
  for (const id of ['u2', 'u3']) {
    await baton.store.inbox.receive({
      botId,
      desk: 'messenger',
      dedupeKey: `${deskConversationId}.${id}`,
      deskConversationId,
      handoffId: handoff.id,
      signal: { kind: 'userMessage', id, text: id },
    });
  }
  await handoff.says('u2');
  await handoff.sees('message.user');
  await handoff.closes('bot');
  await handoff.ended();
  await administer(baton.databaseUrl, `update inbox set received_at = received_at - interval '1 minute'`);
  await sweep();
  const said = async () => (await talk.events()).flatMap(({ data }) => data.messageId ?? []);
  await until(async () => (await said()).includes('u3'), { message: 'what the handoff had not taken' });
  expect(await said()).toEqual(['u1', 'u3']);
});

it('every history of these tests replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
