import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { newEvent, newHandoff, newId, newTalkEvent, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

const DAYS = 30;

/** A handoff with something in every table that knows of handoffs. */
async function fullHandoff(more: { closedDaysAgo?: number; botId?: string } = {}) {
  const { store } = fixture;
  const { closedDaysAgo, botId = newId('bot') } = more;
  const handoff = newHandoff({ botId, history: [{ role: 'user', text: 'before' }] });
  await store.handoffs.open(handoff);
  const reason = { reason: 'agent_closed' };
  const end = closedDaysAgo === undefined ? [] : [newEvent(handoff, 2, 'handoff.closed', reason)];
  await store.journal.append({
    handoffId: handoff.id,
    botId,
    events: [newEvent(handoff, 1), ...end],
    late: [{ id: 'late', at: new Date().toISOString(), from: 'agent', text: 'too late' }],
  });
  await store.ledger.sent(handoff.id, 'desk', 3);
  await store.inbox.receive({
    botId,
    desk: 'webhook',
    dedupeKey: newId('key'),
    deskConversationId: handoff.id,
    handoffId: handoff.id,
    signal: { kind: 'agentReply', id: 'webhook:1', text: 'hello' },
  });
  if (closedDaysAgo !== undefined) {
    await fixture.query(
      `update handoffs set started_at = now() - make_interval(days => $2), closed_at = now() - make_interval(days => $2)
       where id = $1`,
      [handoff.id, closedDaysAgo],
    );
  }
  return handoff;
}

/** Every table that has rows of handoffs or conversations, and how many it has of this one. */
async function rowsOf(id: string): Promise<Record<string, number>> {
  const tables = await fixture.query<{ table_name: string }>(
    `select table_name from information_schema.columns
     where table_schema = 'public' and column_name = 'handoff_id' order by table_name`,
  );
  const names = [...tables.map((row) => [row.table_name, 'handoff_id']), ['handoffs', 'id'], ['conversations', 'id']];
  const counts: Record<string, number> = {};
  for (const [table, column] of names) {
    const [row] = await fixture.query<{ n: number }>(`select count(*)::int as n from ${table} where ${column} = $1`, [
      id,
    ]);
    if (row && row.n > 0) counts[String(table)] = row.n;
  }
  return counts;
}

it('what was closed long enough ago goes with all that every table has of it, and nothing else goes', async () => {
  const old = [await fullHandoff({ closedDaysAgo: DAYS + 1 }), await fullHandoff({ closedDaysAgo: DAYS + 400 })];
  const young = await fullHandoff({ closedDaysAgo: DAYS - 1 });
  const open = await fullHandoff();
  await fixture.query(`update handoffs set started_at = now() - interval '900 days' where id = $1`, [open.id]);
  const full = await rowsOf(young.id);
  expect(Object.keys(full)).toEqual(
    expect.arrayContaining(['events', 'handoffs', 'histories', 'inbox', 'late_messages', 'ledger']),
  );

  const { upkeep } = fixture.store;
  const first = await upkeep.expireHandoffs({ days: DAYS, limit: 1 });
  expect(first).toMatchObject({ handoffs: 1, events: 2, lateMessages: 1, inbox: 1 });
  expect(await rowsOf(old[1]!.id)).toEqual({});
  expect(await rowsOf(old[0]!.id)).not.toEqual({});
  expect(await upkeep.expireHandoffs({ days: DAYS, limit: 10 })).toMatchObject({ handoffs: 1 });
  expect(await upkeep.expireHandoffs({ days: DAYS, limit: 10 })).toMatchObject({ handoffs: 0, events: 0 });

  expect(await rowsOf(old[0]!.id)).toEqual({});
  expect(await rowsOf(young.id)).toEqual(full);
  expect(await rowsOf(open.id)).toMatchObject({ handoffs: 1, events: 1 });
});

it('a journal with more events than one statement deletes goes as a whole', async () => {
  const handoff = await fullHandoff({ closedDaysAgo: DAYS + 1 });
  await fixture.query(
    `insert into events (handoff_id, seq, bot_id, event) select $1, n, 'b', '{}' from generate_series(100, 5200) as n`,
    [handoff.id],
  );
  expect(await fixture.store.upkeep.expireHandoffs({ days: DAYS, limit: 5 })).toMatchObject({ events: 5_103 });
  expect(await rowsOf(handoff.id)).toEqual({});
});

/** Events are shown once no older transaction is open, in whichever database of the server. */
const readWhenSafe = (botId: string, cursor: string | undefined, count: number) =>
  until(
    async () => {
      const { events } = await fixture.store.journal.readBot(botId, cursor, 10);
      return events.length === count ? events : undefined;
    },
    { message: `${count} events of ${botId}` },
  );

it('a stream of the bot reads on across what is gone', async () => {
  const botId = newId('bot');
  const gone = await fullHandoff({ botId, closedDaysAgo: DAYS + 1 });
  const { upkeep } = fixture.store;
  const before = await readWhenSafe(botId, 'start', 2);
  expect(before.map(({ event }) => event.seq)).toEqual([1, 2]);
  await upkeep.expireHandoffs({ days: DAYS, limit: 10 });
  expect(await rowsOf(gone.id)).toEqual({});
  const next = await fullHandoff({ botId });
  const after = await readWhenSafe(botId, before[0]?.cursor, 1);
  expect(after.map(({ event }) => 'handoffId' in event && event.handoffId)).toEqual([next.id]);
});

it('of a native conversation the old events go, and itself when nobody has used it for as long', async () => {
  const { store, query } = fixture;
  const talk = async () => {
    const row = await store.conversations.open({
      botId: newId('bot'),
      desk: 'intercom',
      deskConversationId: newId('c'),
    });
    const events = [1, 2, 3].map((seq) => newTalkEvent(row, seq));
    await store.journal.append({ handoffId: row.id, botId: row.botId, events, late: [] });
    await store.ledger.sent(row.id, 'callback', 3);
    await query(`update conversations set started_at = now() - interval '900 days' where id = $1`, [row.id]);
    return row;
  };
  const age = (id: string, seqs: number[]) =>
    query(`update events set recorded_at = now() - interval '31 days' where handoff_id = $1 and seq = any($2)`, [
      id,
      seqs,
    ]);
  const [used, unused] = [await talk(), await talk()];
  await age(used.id, [1, 2]);
  await age(unused.id, [1, 2, 3]);

  const deleted = { conversations: 0, events: 0 };
  let after: string | undefined;
  let steps = 0;
  do {
    const { next, ...step } = await store.upkeep.expireConversations({ days: DAYS, limit: 1, after });
    deleted.conversations += step.conversations;
    deleted.events += step.events;
    after = next;
    steps += 1;
  } while (after !== undefined);
  expect(steps).toBeGreaterThan(1);
  expect(deleted).toEqual({ conversations: 1, events: 5 });
  expect(await rowsOf(unused.id)).toEqual({});
  expect(await rowsOf(used.id)).toMatchObject({ conversations: 1, events: 1, ledger: 1 });
  await age(used.id, [3]);
  await query(
    `insert into inbox (bot_id, desk, dedupe_key, desk_conversation_id, handoff_id, signal)
    values ('b', 'intercom', 'waits', 'c', $1, '{}')`,
    [used.id],
  );
  await store.upkeep.expireConversations({ days: DAYS, limit: 10 });
  expect(await store.conversations.progress(used.id)).toMatchObject({ lastSeq: 3 });
});

it('the inbox and refused requests go by their age, but not what a handoff is still to get', async () => {
  const { store, query } = fixture;
  const botId = newId('bot');
  const insert = (key: string, days: number, handoffId: string | null, outcome: string | null) =>
    query(
      `insert into inbox (bot_id, desk, dedupe_key, desk_conversation_id, handoff_id, signal, received_at, outcome)
       values ($1, 'webhook', $2, 'c', $3, '{}', now() - make_interval(days => $4), $5)`,
      [botId, key, handoffId, days, outcome],
    );
  await insert('waits', 90, 'ho_x', null);
  await insert('forwarded', 60, 'ho_x', 'forwarded');
  await insert('nobody', 50, null, 'unknown');
  await insert('young', 2, 'ho_x', 'forwarded');
  for (const days of [40, 31, 2]) {
    await query(`insert into refusals values ($1, now() - make_interval(days => $2), 'disabled', 'api')`, [
      botId,
      days,
    ]);
  }
  await store.upkeep.expireInbox({ days: DAYS, limit: 1_000 });
  const left = await query<{ dedupe_key: string }>(`select dedupe_key from inbox where bot_id = $1 order by id`, [
    botId,
  ]);
  expect(left.map((row) => row.dedupe_key)).toEqual(['waits', 'young']);
  expect(await store.upkeep.expireRefusals({ days: DAYS, limit: 1 })).toBe(1);
  expect(await store.upkeep.expireRefusals({ days: DAYS, limit: 1_000 })).toBe(1);
});

it('a walk stands where it was left, in every process', async () => {
  const { upkeep } = fixture.store;
  const name = newId('walk');
  expect(await upkeep.cursor(name)).toBeUndefined();
  await upkeep.setCursor(name, 'a');
  await upkeep.setCursor(name, 'b');
  expect(await upkeep.cursor(name)).toBe('b');
  await upkeep.setCursor(name, undefined);
  expect(await upkeep.cursor(name)).toBeUndefined();
});

it('knows every table that has rows of handoffs: a new one has to be added to what is deleted', async () => {
  const rows = await fixture.query<{ table_name: string }>(
    `select table_name from information_schema.columns
     where table_schema = 'public' and column_name = 'handoff_id' order by table_name`,
  );
  expect(rows.map((row) => row.table_name)).toEqual(['events', 'histories', 'inbox', 'late_messages', 'ledger']);
});
