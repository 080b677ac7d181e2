import { afterAll, beforeAll, expect, test } from 'vitest';
import { CursorError } from '../../activities/store/store.ts';
import { newEvent, newHandoff, newId, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

test('20 concurrent starts of one conversation, in two processes, give one handoff', async () => {
  const { botId, conversationId } = newHandoff();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => fixture.stores[i % 2]!.handoffs.open(newHandoff({ botId, conversationId }))),
  );
  expect(answers.filter((answer) => answer.created)).toHaveLength(1);
  expect(new Set(answers.map((answer) => answer.handoff.id)).size).toBe(1);
  const rows = await fixture.query('select id from handoffs where bot_id = $1', [botId]);
  expect(rows).toHaveLength(1);
});

test('a conversation gets a new handoff once the last one is closed', async () => {
  const { handoffs, journal } = fixture.store;
  const first = newHandoff();
  await handoffs.open(first);
  const closed = newEvent(first, 1, 'handoff.closed', { reason: 'user_closed' });
  await journal.append({ handoffId: first.id, botId: first.botId, events: [closed], late: [] });
  const second = newHandoff({ botId: first.botId, conversationId: first.conversationId });
  expect(await handoffs.open(second)).toMatchObject({ created: true, handoff: { id: second.id } });
});

test('what was stored reads back as it was given, with characters that PostgreSQL text refuses', async () => {
  const { handoffs } = fixture.store;
  const odd = 'a\u0000b \ud800 \u{1f600}';
  const given = newHandoff({ question: odd, user: { name: odd, locale: 'fr' }, metadata: { nested: [odd, 1, null] } });
  const { handoff } = await handoffs.open(given);
  expect(handoff).toMatchObject({
    ...given,
    deskConversationId: null,
    closeReason: null,
    lastSeq: 0,
    runStarted: false,
    activeAt: null,
  });
  expect(await handoffs.get(given.id)).toEqual(handoff);
  expect(Math.abs(Date.parse(handoff.startedAt) - Date.now())).toBeLessThan(60_000);
});

test('the same id again is no second handoff', async () => {
  const { handoffs } = fixture.store;
  const given = newHandoff();
  await handoffs.open(given);
  const again = await handoffs.open({ ...given, conversationId: newId('conversation') });
  expect(again).toMatchObject({ created: false, handoff: { conversationId: given.conversationId } });
});

test('pages of a list are newest first, without gap or repeat, while new handoffs come in', async () => {
  const { handoffs } = fixture.store;
  const botId = newId('bot');
  const ids: string[] = [];
  for (let i = 0; i < 7; i += 1) ids.unshift((await handoffs.open(newHandoff({ botId }))).handoff.id);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await handoffs.list({ botId, cursor, limit: 3 });
    seen.push(...page.handoffs.map((handoff) => handoff.id));
    cursor = page.nextCursor ?? undefined;
    await handoffs.open(newHandoff({ botId }));
  } while (cursor !== undefined);
  expect(seen).toEqual(ids);
});

test('a list is filtered by bot, conversation and status together', async () => {
  const { handoffs, journal } = fixture.store;
  const given = newHandoff();
  const other = newHandoff({ botId: given.botId });
  await handoffs.open(given);
  await handoffs.open(other);
  const active = newEvent(other, 1, 'handoff.active', {});
  await journal.append({ handoffId: other.id, botId: other.botId, events: [active], late: [] });
  const { botId, conversationId } = given;
  const found = async (filter: object) => (await handoffs.list({ limit: 10, ...filter })).handoffs.map(({ id }) => id);
  expect(await found({ botId })).toEqual([other.id, given.id]);
  expect(await found({ botId, conversationId })).toEqual([given.id]);
  expect(await found({ botId, status: 'active' })).toEqual([other.id]);
  expect(await found({ conversationId, status: 'active' })).toEqual([]);
});

test('a cursor that is not ours is refused as such', async () => {
  for (const cursor of ['', 'x', 'MQ;drop', Buffer.from('1 or 1=1').toString('base64url'), '9'.repeat(400)]) {
    await expect(fixture.store.handoffs.list({ cursor, limit: 1 })).rejects.toThrow(CursorError);
  }
});

test('a row without a run and without events can be discarded, any other stays', async () => {
  const { handoffs, journal } = fixture.store;
  const [fresh, running, spoken] = [newHandoff(), newHandoff(), newHandoff()];
  for (const handoff of [fresh, running, spoken]) await handoffs.open(handoff);
  await handoffs.runStarted(running.id);
  await journal.append({ handoffId: spoken.id, botId: spoken.botId, events: [newEvent(spoken, 1)], late: [] });
  expect(await handoffs.discard(fresh.id)).toBe(true);
  expect(await handoffs.discard(running.id)).toBe(false);
  expect(await handoffs.discard(spoken.id)).toBe(false);
  expect(await handoffs.find(fresh.id)).toBeUndefined();
  expect(await handoffs.find(running.id)).toEqual({ botId: running.botId, status: 'opening' });
});

test('the desk conversation leads to its newest handoff of that bot', async () => {
  const { handoffs } = fixture.store;
  const [first, second, foreign] = [newHandoff(), newHandoff(), newHandoff()];
  second.botId = first.botId;
  for (const handoff of [first, second, foreign]) {
    await handoffs.open(handoff);
    await handoffs.bindDesk(handoff.id, 'desk-conversation');
  }
  const found = await handoffs.byDeskConversation(first.botId, 'webhook', 'desk-conversation');
  expect(found?.id).toBe(second.id);
  expect(await handoffs.byDeskConversation(first.botId, 'intercom', 'desk-conversation')).toBeUndefined();
});

test('open handoffs of an age are paged oldest first; closed ones are not among them', async () => {
  const { handoffs, journal } = fixture.store;
  const given = [newHandoff(), newHandoff(), newHandoff(), newHandoff()];
  for (const handoff of given) await handoffs.open(handoff);
  const [first, second, closed, last] = given.map((handoff) => handoff.id);
  const end = newEvent(given[2]!, 1, 'handoff.closed', { reason: 'bot_closed' });
  await journal.append({ handoffId: closed!, botId: given[2]!.botId, events: [end], late: [] });
  await fixture.query(`update handoffs set started_at = now() - interval '1 hour' where id = any($1)`, [
    [first, second, closed],
  ]);
  const ours = async (...args: [number, number, string?]) => handoffs.openOlderThan(...args);
  expect(await ours(600, 10)).toEqual([first, second]);
  expect(await ours(600, 1)).toEqual([first]);
  expect(await ours(600, 10, first)).toEqual([second]);
  expect(await ours(0, 1_000)).toContain(last);
  expect(await handoffs.countOpen(given[0]!.botId)).toBe(1);
  expect(await handoffs.countOpen(given[2]!.botId)).toBe(0);
});

test('a handoff that is opened on a conversation of the desk is found by it until it is closed', async () => {
  const { handoffs, journal } = fixture.store;
  const deskConversationId = newId('at-desk');
  const first = newHandoff({ mode: 'native', deskConversationId });
  expect(await handoffs.open(first)).toMatchObject({ created: true, handoff: { deskConversationId } });
  const second = newHandoff({ botId: first.botId, desk: 'intercom', mode: 'native', deskConversationId });
  await handoffs.open(second);
  expect((await handoffs.openFor(first.botId, deskConversationId))?.id).toBe(second.id);
  for (const [handoff, left] of [
    [second, first.id],
    [first, undefined],
  ] as const) {
    const closed = newEvent(handoff, 1, 'handoff.closed', { reason: 'agent_closed' });
    await journal.append({ handoffId: handoff.id, botId: handoff.botId, events: [closed], late: [] });
    expect((await handoffs.openFor(first.botId, deskConversationId))?.id).toBe(left);
  }
  expect(await handoffs.openFor(newId('bot'), deskConversationId)).toBeUndefined();
});

test('what was said before a handoff is kept with it, and goes with a row that is discarded', async () => {
  const { handoffs, insight } = fixture.store;
  const history = [
    { role: 'user' as const, text: 'odd \u0000 \ud800', at: '2026-01-30T09:15:00Z' },
    { role: 'bot' as const, text: 'Hello' },
  ];
  const [told, silent] = [newHandoff({ history }), newHandoff()];
  for (const handoff of [told, silent]) await handoffs.open(handoff);
  expect(await insight.history(told.id)).toEqual(history);
  expect(await insight.history(silent.id)).toEqual([]);
  expect(await insight.history(newId('handoff'))).toBeUndefined();
  // The conversation has one already: nothing of the second request is kept.
  const second = newHandoff({ botId: told.botId, conversationId: told.conversationId, history: [] });
  expect(await handoffs.open(second)).toMatchObject({ created: false, handoff: { id: told.id } });
  expect(await insight.history(second.id)).toBeUndefined();
  expect(await handoffs.discard(told.id)).toBe(true);
  expect(await insight.history(told.id)).toBeUndefined();
});
