import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { startTestBaton } from '../support/baton.ts';
import type { NativeTalk, TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import type { CallbackReceiver } from '../support/callback.ts';
import { createNativeDesk } from '../support/native-desk.ts';
import { settings } from '../support/input.ts';
import { until } from '../support/poll.ts';

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
  botId = await baton.bot({ mode: 'native', desk: { kind: 'messenger' }, callback: { url: callback.url } });
  talk = await baton.conversation({ botId, desk: 'messenger', deskConversationId: `d-${randomUUID()}` });
});

describe('a native conversation on a real Temporal server', () => {
  it('carries what the user says to the bot and what the bot says to the desk, in order', async () => {
    await talk.userSays('u1');
    await talk.botSays('b1', 'b2', 'b3');
    await talk.userSays('u2');
    await until(() => desk.told.length === 3, { message: 'three messages at the desk' });
    expect(desk.told).toEqual(['bot b1', 'bot b2', 'bot b3']);
    await until(async () => (await talk.events()).length === 3, { message: 'three events in the journal' });
    expect((await talk.events()).map(({ type, seq }) => [type, seq])).toEqual([
      ['conversation.started', 1],
      ['conversation.message', 2],
      ['conversation.message', 3],
    ]);
    await until(() => talk.called(callback).length === 3, { message: 'three callbacks' });
    expect(talk.called(callback)).toEqual(await talk.events());
    expect(callback.calls.find(({ headers }) => headers['webhook-id'] === `${talk.id}.1`)).toBeDefined();
    const page = await baton.store.journal.readBot(botId, undefined, 10);
    expect(page.events.map(({ event }) => event)).toEqual(await talk.events());
  });

  it('ends after its idle time, starts again with the next message and never uses a number twice', async () => {
    const short = await baton.conversation({
      botId,
      desk: 'messenger',
      deskConversationId: `d-${randomUUID()}`,
      idleTimeoutMs: 1_000,
    });
    await short.userSays('u1');
    await short.botSays('b1');
    await short.ended();
    await short.userSays('u2');
    await short.botSays('b2');
    await until(() => desk.told.includes('bot b2'), { message: 'the second answer' });
    await short.ended();
    const events = await short.events();
    expect(events.map(({ type }) => type)).toEqual([
      'conversation.started',
      'conversation.message',
      'conversation.ended',
      'conversation.started',
      'conversation.message',
      'conversation.ended',
    ]);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    await until(() => short.called(callback).length === 6, { message: 'all callbacks' });
    expect(desk.told).toEqual(['bot b1', 'bot b2']);
  });

  it('goes on over continue-as-new without a gap, a repeat or a loss', async () => {
    const long = await baton.conversation({
      botId,
      desk: 'messenger',
      deskConversationId: `d-${randomUUID()}`,
      continueAfterEvents: 30,
    });
    const ids = Array.from({ length: 40 }, (_, index) => `m${index}`);
    for (const id of ids) await Promise.all([long.userSays(id), long.botSays(id)]);
    await until(() => desk.told.length >= 40, { message: '40 answers at the desk' });
    await until(async () => (await long.events()).length === 41, { message: '41 events' });
    expect(new Set(desk.told).size).toBe(40);
    expect((await long.events()).slice(1).map(({ data }) => data.messageId)).toEqual(ids);
    await baton.hasRuns(long.id, 2);
    await Promise.all([long.userSays('m0', 'after'), long.botSays('m0', 'after')]);
    await until(() => desk.told.length === 41, { message: 'what was said after it' });
    expect(desk.told.at(-1)).toBe('bot after');
    await until(async () => (await long.events()).length === 42, { message: '42 events' });
    expect((await long.events()).at(-1)?.data.messageId).toBe('after');
  });

  it('tries again when the desk fails, and keeps the order', async () => {
    desk.fails(true);
    await talk.userSays('u1');
    await talk.botSays('b1', 'b2');
    await until(async () => (await talk.events()).length === 2, { message: 'the journal does not wait' });
    desk.fails(false);
    await until(() => desk.told.length === 2, { message: 'both answers' });
    expect(desk.told).toEqual(['bot b1', 'bot b2']);
  });
});

describe('a handoff of a native conversation', () => {
  it('assigns it, watches, and gives it back to the bot when time is over', async () => {
    await talk.userSays('u1');
    const handoff = await talk.handOff({ settings: settings({ callback: true, inactivityTimeoutMs: 2_000 }) });
    await handoff.sees('handoff.connecting');
    expect(desk.opened.at(-1)).toMatchObject({ mode: 'native', deskConversationId: talk.deskConversationId });
    await handoff.replies('a1');
    await handoff.sees('handoff.closed');
    await handoff.ended();
    expect(desk.told).toEqual([`open ${talk.deskConversationId}`, `back ${talk.deskConversationId}`]);
    expect(await handoff.types()).toEqual(['handoff.connecting', 'handoff.active', 'message.agent', 'handoff.closed']);
  });

  it('brings what the user says at its very end to the bot, once, also when the conversation had ended', async () => {
    const handoff = await talk.handOff({ settings: settings({ callback: true }) });
    await handoff.sees('handoff.connecting');
    await handoff.signal(
      { kind: 'agentReply', id: 'a1', text: 'hello' },
      { kind: 'userMessage', id: 'u1', text: 'thanks' },
      { kind: 'close', id: 'c', by: 'agent' },
      { kind: 'userMessage', id: 'u2', text: 'one more thing' },
      { kind: 'userMessage', id: 'u2', text: 'one more thing' },
    );
    await handoff.ended();
    const said = await until(
      async () => {
        const messages = (await talk.events()).filter(({ type }) => type === 'conversation.message');
        return messages.length > 0 ? messages : undefined;
      },
      { message: 'the message at the bot' },
    );
    expect(said.map(({ data }) => data.messageId)).toEqual(['u2']);
    const journaled = (await handoff.events()).filter(({ type }) => type === 'message.user');
    expect(journaled.map(({ data }) => data.messageId)).toEqual(['u1']);
    expect(await baton.store.journal.late(handoff.id)).toEqual([]);
  });

  it('silences what the bot could not get through before, and frees it afterwards', async () => {
    await talk.userSays('u1');
    const handoff = await talk.handOff({ settings: settings({ callback: true }) });
    await handoff.sees('handoff.connecting');
    await talk.botSays('too-late');
    const failed = await until(async () => (await talk.events()).find(({ type }) => type === 'message.failed'), {
      message: 'message.failed',
    });
    expect(failed.data).toMatchObject({ messageId: 'too-late', reason: 'human_has_it' });
    await handoff.closes('agent');
    await handoff.ended();
    await talk.botSays('hello again');
    await until(() => desk.told.includes('bot hello again'), { message: 'the bot speaks again' });
    expect(desk.told).not.toContain('bot too-late');
  });
});

it('every history of these tests replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
