import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { NewHandoff } from '../../activities/store/store.ts';
import { newEvent, newHandoff, newId, newTalkEvent, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());
beforeEach(() => fixture.query('truncate handoffs, conversations, events cascade'));

const SEARCH = { desks: ['intercom', 'livedesk'], quietMs: 120_000, limit: 10 };

/** At the desk, and its last event is so many minutes ago. */
async function atDesk(minutes: number, more: Partial<NewHandoff> = {}): Promise<string> {
  const row = newHandoff({ desk: 'intercom', ...more });
  await fixture.store.handoffs.open(row);
  await fixture.store.handoffs.bindDesk(row.id, newId('there'));
  const events = [newEvent(row, 1, 'handoff.connecting')];
  await fixture.store.journal.append({ handoffId: row.id, botId: row.botId, events, late: [] });
  await pass(row.id, minutes);
  return row.id;
}

/** As if the row had been written so many minutes earlier. */
async function pass(id: string, minutes: number): Promise<void> {
  const table = id.startsWith('co_') ? 'conversations' : 'handoffs';
  const back = ['started_at', 'last_event_at', 'looked_at'].map((column) => `${column} = ${column} - $2::interval`);
  await fixture.query(`update ${table} set ${back.join(', ')} where id = $1`, [id, `${minutes} minutes`]);
}

const taken = async (): Promise<string[]> => (await fixture.store.quiet.handoffs(SEARCH)).map(({ id }) => id);

test('an open handoff is due when nothing was heard of it for long enough', async () => {
  const [quiet] = [await atDesk(3), await atDesk(1), await atDesk(3, { desk: 'webhook' })];
  expect(await taken()).toEqual([quiet]);
});

test('what is not at the desk, or not any more, is not due', async () => {
  const unbound = newHandoff({ desk: 'intercom' });
  await fixture.store.handoffs.open(unbound);
  await pass(unbound.id, 60);
  const closed = await atDesk(60);
  await fixture.query(`update handoffs set status = 'closed', closed_at = now() where id = $1`, [closed]);
  expect(await taken()).toEqual([]);
});

test('it is looked at again after twice the time, at least every hour, and sooner when something was heard', async () => {
  const id = await atDesk(3);
  expect(await taken()).toEqual([id]);
  expect(await taken()).toEqual([]);
  await pass(id, 2);
  expect(await taken()).toEqual([]);
  await pass(id, 2);
  expect(await taken()).toEqual([id]);
  await pass(id, 6 * 60);
  expect(await taken()).toEqual([id]);
  await pass(id, 61);
  expect(await taken()).toEqual([id]);
  await fixture.query('update handoffs set last_event_at = now() where id = $1', [id]);
  await pass(id, 3);
  expect(await taken()).toEqual([id]);
});

test('two processes never take the same one', async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => atDesk(5)));
  const pages = await Promise.all(fixture.stores.map(({ quiet }) => quiet.handoffs({ ...SEARCH, limit: 8 })));
  const rest = await taken();
  expect([...pages.flat().map(({ id }) => id), ...rest].toSorted()).toEqual(ids.toSorted());
});

test('a row of code that does not write when it was heard of is due by its start', async () => {
  const id = await atDesk(5);
  await fixture.query('update handoffs set last_event_at = null where id = $1', [id]);
  expect(await taken()).toEqual([id]);
});

test('a handoff that ended without a look is due once, some minutes after', async () => {
  const [missed, fresh, seen, old] = [await atDesk(5), await atDesk(5), await atDesk(5), await atDesk(5)];
  const ends = (id: string, minutes: number) =>
    fixture.query(`update handoffs set status = 'closed', closed_at = now() - $2::interval where id = $1`, [
      id,
      `${minutes} minutes`,
    ]);
  for (const [id, minutes] of [
    [missed, 3],
    [fresh, 1],
    [seen, 3],
    [old, 20],
  ] as const)
    await ends(id, minutes);
  await fixture.query(`update handoffs set looked_at = closed_at where id = $1`, [seen]);
  const ended = async () => (await fixture.store.quiet.ended(SEARCH)).map(({ id, kind }) => [id, kind]);
  expect(await ended()).toEqual([[missed, 'ended']]);
  expect(await ended()).toEqual([]);
  await ends(fresh, 3);
  await fixture.store.quiet.looked(fresh);
  expect(await ended()).toEqual([]);
});

test('a handoff whose conversation went on in a later one is not due after its end', async () => {
  const { handoffs, quiet } = fixture.store;
  const [first, alone] = [await atDesk(5), await atDesk(5)];
  const row = await handoffs.get(first);
  const { botId, conversationId, deskConversationId } = row!;
  const end = `update handoffs set status = 'closed', closed_at = now() - interval '3 minutes' where id = any($1)`;
  await fixture.query(end, [[first, alone]]);
  const later = newHandoff({ botId, conversationId, desk: 'intercom' });
  await handoffs.open(later);
  await handoffs.bindDesk(later.id, deskConversationId!);
  expect((await quiet.ended(SEARCH)).map(({ id }) => id)).toEqual([alone]);
});

test('a native conversation is due while its bot has it, for a day, and from an hour before its last word', async () => {
  const { conversations, quiet, journal, handoffs } = fixture.store;
  async function talk(minutes: number) {
    const at = { botId: newId('bot'), desk: 'livedesk', deskConversationId: newId('there') };
    const { id } = await conversations.open(at);
    const event = newTalkEvent(at, 1);
    await journal.append({ handoffId: id, botId: at.botId, events: [event], late: [] });
    await pass(id, minutes);
    return { ...at, id };
  }
  const [due, taken] = [await talk(90), await talk(5), await talk(1), await talk(25 * 60)];
  await handoffs.open(newHandoff({ ...taken, id: newId('handoff'), mode: 'native' }));
  const [found, ...others] = await quiet.conversations(SEARCH);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ kind: 'conversation', id: due.id, mode: 'native', botId: due.botId });
  const minutes = (Date.now() - found!.sinceMs) / 60_000;
  expect(Math.round(minutes)).toBe(90);
  expect(await quiet.conversations(SEARCH)).toEqual([]);
});
