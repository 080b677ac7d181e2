import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConversationEvent } from '../../workflows/contracts.ts';
import { isConversationId } from '../../workflows/ids.ts';
import { until } from '../support/poll.ts';
import { newId, newTalkEvent, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

const newTalk = () => ({ botId: newId('bot'), desk: 'intercom', deskConversationId: newId('at-desk') });

async function openTalk() {
  const talk = newTalk();
  const row = await fixture.store.conversations.open(talk);
  return { ...talk, id: row.id, entry: { handoffId: row.id, botId: talk.botId, late: [] } };
}

test('20 callers in two processes open one conversation', async () => {
  const talk = newTalk();
  const rows = await Promise.all(Array.from({ length: 20 }, (_, i) => fixture.stores[i % 2]!.conversations.open(talk)));
  const [row] = rows;
  for (const other of rows) expect(other).toEqual(row);
  expect(row).toMatchObject({ ...talk, human: false, lastSeq: 0 });
  expect(row!.id).toMatch(/^co_[0-9a-f]{32}$/);
  expect(isConversationId(row!.id)).toBe(true);
});

test('a conversation is found by its id and by its place, not by another one', async () => {
  const { conversations } = fixture.store;
  const talk = newTalk();
  const { botId, desk, deskConversationId } = talk;
  expect(await conversations.find(botId, desk, deskConversationId)).toBeUndefined();
  const row = await conversations.open(talk);
  expect(await conversations.get(row.id)).toEqual(row);
  expect(await conversations.find(botId, desk, deskConversationId)).toEqual(row);
  expect(await conversations.find(botId, 'livechat', deskConversationId)).toBeUndefined();
  expect(await conversations.get('co_none')).toBeUndefined();
  const odd = { ...talk, deskConversationId: 'a\u0000b' };
  expect(await conversations.open(odd)).toEqual(await conversations.open(odd));
});

test('its events are in its journal and in the stream of its bot, and wake both', async () => {
  const { journal, conversations } = fixture.store;
  const talk = await openTalk();
  const woken = new Set<string>();
  fixture.stores[1]!.wakeups.subscribe({ handoffId: talk.id }, () => woken.add('journal'));
  fixture.stores[1]!.wakeups.subscribe({ botId: talk.botId }, () => woken.add('bot'));
  await until(() => woken.size === 2, { message: 'nobody listens' });
  woken.clear();
  const events = [newTalkEvent(talk, 1), newTalkEvent(talk, 2)];
  await journal.append({ ...talk.entry, events, human: false });
  await until(() => woken.size === 2, { message: 'nobody woke' });
  expect(await journal.read<ConversationEvent>(talk.id, 0, 10)).toEqual(events);
  await until(async () => (await journal.readBot(talk.botId, 'start', 10)).complete, {
    message: 'it is never complete',
  });
  const page = await journal.readBot(talk.botId, 'start', 10);
  expect(page.events.map(({ event }) => event)).toEqual(events);
  expect(await conversations.get(talk.id)).toMatchObject({ lastSeq: 2, human: false });
});

test('its row never goes back: an old batch that comes again changes nothing', async () => {
  const { journal, conversations } = fixture.store;
  const talk = await openTalk();
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 1), newTalkEvent(talk, 2)], human: false });
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 3)], human: true });
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 1), newTalkEvent(talk, 2)], human: false });
  expect(await conversations.get(talk.id)).toMatchObject({ lastSeq: 3, human: true });
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 3), newTalkEvent(talk, 4)] });
  expect(await conversations.get(talk.id)).toMatchObject({ lastSeq: 4, human: true });
  expect(await journal.read(talk.id, 0, 10)).toHaveLength(4);
});

test('a human takes it and gives it back without an event', async () => {
  const { journal, conversations } = fixture.store;
  const talk = await openTalk();
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 1)], human: false });
  await journal.append({ ...talk.entry, events: [], human: true });
  expect(await conversations.get(talk.id)).toMatchObject({ lastSeq: 1, human: true });
  await Promise.all([
    journal.append({ ...talk.entry, events: [newTalkEvent(talk, 1)], human: true }),
    journal.append({ ...talk.entry, events: [], human: false }),
  ]);
  expect(await conversations.get(talk.id)).toMatchObject({ lastSeq: 1, human: false });
});

test('a new run goes on behind everything that was journaled or sent', async () => {
  const { journal, ledger, conversations } = fixture.store;
  const talk = await openTalk();
  expect(await conversations.progress(talk.id)).toEqual({ lastSeq: 0, lastDeskN: 0, seen: [] });
  await journal.append({ ...talk.entry, events: [newTalkEvent(talk, 1), newTalkEvent(talk, 2)] });
  await ledger.started(talk.id, 'desk', 1);
  expect(await conversations.progress(talk.id)).toMatchObject({ lastSeq: 2, lastDeskN: 1 });
  await ledger.sent(talk.id, 'callback', 4);
  await ledger.started(talk.id, 'parts', 9);
  await ledger.sent(talk.id, 'desk', 3);
  expect(await conversations.progress(talk.id)).toMatchObject({ lastSeq: 4, lastDeskN: 3 });
});
