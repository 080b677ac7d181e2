import { afterAll, beforeAll, expect, test } from 'vitest';
import { createContentBox } from '../../activities/store/content.ts';
import { openDatabase } from '../../activities/store/database.ts';
import { createHookTokens } from '../../activities/store/hook-tokens.ts';
import { sealedTables } from '../../activities/store/sealed-tables.ts';
import { createSecretBox } from '../../activities/store/secrets.ts';
import { createStore, type Store } from '../../activities/store/store.ts';
import type { HandoffSignal, LateMessage } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { newEvent, newHandoff, newId, newKey, openStores, silent, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
const opened: Store[] = [];
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await fixture.close();
});

function storeWith(payloadKeys: string | undefined, secretKeys = fixture.secretKeys): Store {
  const store = createStore({ databaseUrl: fixture.url, secretKeys, payloadKeys, log: silent });
  opened.push(store);
  return store;
}

/** Every row of every table, as a dump has them. */
async function dump(): Promise<string> {
  const tables = await fixture.query<{ name: string }>(
    `select format('%I', table_name) as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  let all = '';
  for (const { name } of tables) {
    for (const row of await fixture.query<{ text: string }>(`select t::text as text from ${name} t`)) all += row.text;
  }
  return all;
}

/** A handoff with everything that people can write; each text of it has `mark`. */
async function talk(store: Store, mark: string) {
  const said = (what: string): string => `${what} ${mark} "quoted" \u0000 \ud800`;
  const user = { id: mark, name: said('name'), email: `${mark}@example.com`, phone: `+1${mark}` };
  const handoff = newHandoff({
    status: 'awaiting_email',
    user,
    question: said('question'),
    metadata: { note: said('note') },
    history: [{ role: 'user', text: said('before') }],
  });
  const { id: handoffId, botId } = handoff;
  await store.handoffs.open(handoff);
  await store.handoffs.emailGiven(handoffId, `given-${mark}@example.com`);
  const events = [
    newEvent(handoff, 1, 'handoff.active', { agent: { id: 'a1', name: said('agent') } }),
    newEvent(handoff, 2, 'message.agent', { messageId: 'm1', text: said('reply') }),
  ];
  const late: LateMessage[] = [{ id: 'l1', at: '2026-01-30T09:16:00.000Z', from: 'agent', text: said('late') }];
  await store.journal.append({ handoffId, botId, events, late, email: `later-${mark}@example.com` });
  const signal: HandoffSignal = { kind: 'agentReply', id: 's1', text: said('webhook') };
  const key = { botId, desk: 'webhook', dedupeKey: newId('key'), deskConversationId: newId('talk') };
  await store.inbox.receive({ ...key, handoffId, signal });
  return { handoff, handoffId, botId, events, late, signal };
}

async function readsAll(
  store: Store,
  { handoff, handoffId, botId, events, late, signal }: Awaited<ReturnType<typeof talk>>,
) {
  const { user, question, metadata } = handoff;
  const email = `later-${user.id}@example.com`;
  const agent = (events[0]!.data as { agent: object }).agent;
  expect(await store.handoffs.get(handoffId)).toMatchObject({ user: { ...user, email }, question, metadata, agent });
  expect((await store.handoffs.list({ botId, limit: 5 })).handoffs).toMatchObject([{ question }]);
  expect(await store.insight.history(handoffId)).toEqual(handoff.history);
  expect(await store.journal.read(handoffId, 0, 10)).toEqual(events);
  // A bot's events wait for older transactions, also those of other tests.
  const readBot = async () => {
    const { events: found } = await store.journal.readBot(botId, 'start', 10);
    return found.length === events.length ? found : undefined;
  };
  const page = await until(readBot, { message: "the bot's events" });
  expect(page.map(({ event }) => event)).toEqual(events);
  expect(await store.journal.late(handoffId)).toEqual(late);
  expect((await store.inbox.adopt(handoffId, botId, 'webhook', 'none'))[0]).toMatchObject({ signal });
}

test('with payload keys nothing that people wrote is in the tables, and all of it reads back', async () => {
  const store = storeWith(newKey('p1'));
  const mark = 'Zebra7391';
  const written = await talk(store, mark);
  await readsAll(store, written);
  expect(await dump()).not.toMatch(/zebra7391/i);
  const known = await fixture.query('select message_id from events where handoff_id = $1 order by seq', [
    written.handoffId,
  ]);
  expect(known).toEqual([{ message_id: null }, { message_id: 'm1' }]);
});

test('rows from before the keys stay readable beside sealed ones; without the keys an error says which is missing', async () => {
  const keys = newKey('p1');
  const sealing = storeWith(keys);
  const before = await talk(fixture.store, 'plain1');
  const after = await talk(sealing, 'sealed1');
  await readsAll(sealing, before);
  await readsAll(sealing, after);
  await expect(fixture.store.handoffs.get(after.handoffId)).rejects.toThrow(/request.*key p1.*BATON_PAYLOAD_KEYS/);
  await expect(storeWith(newKey('p1')).journal.read(after.handoffId, 0, 1)).rejects.toThrow(
    /cannot be opened with key p1/,
  );
  await readsAll(storeWith(`${newKey('p2')},${keys}`), after);
});

test('every column with JSON is sealed, or holds nothing that people wrote', async () => {
  const clear = [
    'bots.settings', // an operator's; its secrets are beside it
    'desk_configs.config',
    'handoffs.counts',
    'handoffs.deadline',
  ];
  const secrets = createSecretBox(fixture.secretKeys);
  const db = openDatabase(fixture.url, 1, silent).db;
  const hookTokens = createHookTokens(db, secrets, true);
  const marks = fixture.store.userMarks;
  const tables = sealedTables({ secrets, content: createContentBox(undefined), marks, hookTokens });
  await db.destroy();
  const sealed = tables.flatMap(({ name, columns }) => Object.keys(columns).map((column) => `${name}.${column}`));
  const found = await fixture.query<{ name: string }>(
    `select table_name || '.' || column_name as name from information_schema.columns
     where table_schema = 'public' and data_type in ('json', 'jsonb')`,
  );
  expect(
    found
      .map(({ name }) => name)
      .filter((name) => !sealed.includes(name))
      .toSorted(),
  ).toEqual(clear);
});

test('the token of a webhook address is sealed too, and what a dump shows of it opens nothing', async () => {
  const store = storeWith(newKey('p1'));
  const [botId, older] = [newId('bot'), newId('bot')];
  const { hookToken } = await store.bots.put(botId, webhookSettings());
  const before = await fixture.store.bots.put(older, webhookSettings());
  expect(hookToken).toMatch(/^[\w-]{32}$/);
  expect(await store.bots.byHookToken('webhook', hookToken)).toEqual({ botId });
  expect(await store.bots.byHookToken('intercom', hookToken)).toBeUndefined();
  // A row as the version before wrote it.
  await fixture.query('update desk_configs set hook_hash = null where bot_id = $1', [older]);
  expect(await store.bots.byHookToken('webhook', before.hookToken)).toEqual({ botId: older });
  const [row] = await fixture.query<{ hook_token: string; hook_hash: string }>(
    'select hook_token, hook_hash from desk_configs where bot_id = $1',
    [botId],
  );
  expect(JSON.stringify(row)).not.toContain(hookToken);
  for (const seen of [row!.hook_token, row!.hook_hash]) {
    expect(await store.bots.byHookToken('webhook', seen)).toBeUndefined();
  }
  // New settings keep the address.
  expect((await store.bots.put(botId, webhookSettings({ contextRounds: 3 }))).hookToken).toBe(hookToken);
});

test('a sealed value that is moved to another row does not open', async () => {
  const store = storeWith(newKey('p1'));
  const [one, other] = [await talk(store, 'one'), await talk(store, 'other')];
  await fixture.query('update handoffs set request = (select request from handoffs where id = $1) where id = $2', [
    one.handoffId,
    other.handoffId,
  ]);
  await expect(store.handoffs.get(other.handoffId)).rejects.toThrow(/cannot be opened/);
  await fixture.query(
    'update events set event = (select event from events where handoff_id = $1 and seq = 1) where handoff_id = $1 and seq = 2',
    [one.handoffId],
  );
  await expect(store.journal.read(one.handoffId, 0, 5)).rejects.toThrow(/events\/event\/.*\/2 cannot be opened/);
});

test('a message that the journal has is not late, however old or sealed its row is', async () => {
  const plain = fixture.store;
  const store = storeWith(newKey('p1'));
  for (const [writer, isOld] of [
    [plain, true],
    [plain, false],
    [store, false],
  ] as const) {
    const { handoffId, botId } = await talk(writer, 'late');
    if (isOld) await fixture.query('update events set message_id = null where handoff_id = $1', [handoffId]);
    const late = ['m1', 'l2'].map((id) => ({ id, at: '2026-01-30T09:16:00.000Z', from: 'agent' as const, text: id }));
    await store.journal.append({ handoffId, botId, events: [], late });
    expect((await store.journal.late(handoffId)).map(({ id }) => id)).toEqual(['l1', 'l2']);
  }
});

test('rotation seals what was plain or had an older key, and completes old rows', async () => {
  const [p1, p2, k2] = [newKey('p1'), newKey('p2'), newKey('k2')];
  const { botId, ...old } = await talk(fixture.store, 'Yak5520');
  await fixture.query('update events set message_id = null where handoff_id = $1', [old.handoffId]);
  await fixture.query('update handoffs set user_marks = null where id = $1', [old.handoffId]);
  const sealed = await talk(storeWith(p1), 'Yak5520');
  const settings = webhookSettings();
  const { hookToken } = await fixture.store.bots.put(botId, settings);
  await fixture.store.memory(botId, 'webhook').put('token', { value: 'v1.k1.not a key' });
  const marks = await fixture.store.userMarks(botId, { id: 'x' });

  const secretKeys = `${k2},${fixture.secretKeys}`;
  const both = storeWith(`${p2},${p1}`, secretKeys);
  const told: string[] = [];
  const unreadable = async () => (await both.rotateKeys()).reduce((sum, table) => sum + table.unreadable, 0);
  // Rows of the other tests have keys of their own.
  await fixture.query(`delete from handoffs where bot_id not in ($1, $2)`, [botId, sealed.botId]);
  for (const table of ['events', 'inbox'])
    await fixture.query(`delete from ${table} where bot_id not in ($1, $2)`, [botId, sealed.botId]);
  await fixture.query(`delete from late_messages where handoff_id not in ($1, $2)`, [old.handoffId, sealed.handoffId]);
  const tables = await both.rotateKeys({ onTable: ({ name }) => told.push(name) });
  expect(told).toEqual(tables.map(({ name }) => name));
  for (const { name, rows, unreadable: bad, values, problem, keys } of tables) {
    expect([name, rows > 0, bad, problem]).toEqual([name, true, 0, undefined]);
    expect(Object.keys(values), name).toEqual([keys === 'content' ? 'p2' : 'k2']);
  }
  expect(tables.filter(({ resealed }) => resealed === 0)).toEqual([]);
  const sealedDump = await dump();
  expect(sealedDump).not.toMatch(/yak5520/i);
  expect(sealedDump).not.toContain(hookToken);

  // The old keys are not needed any more.
  const fresh = storeWith(p2, k2);
  await readsAll(fresh, { ...old, botId });
  await readsAll(fresh, sealed);
  expect(await fresh.bots.withSecrets(botId)).toEqual(settings);
  expect((await fresh.bots.get(botId))?.hookToken).toBe(hookToken);
  expect(await fresh.bots.byHookToken('webhook', hookToken)).toEqual({ botId });
  expect(await fresh.memory(botId, 'webhook').get('token')).toEqual({ value: 'v1.k1.not a key' });
  expect(await fresh.userMarks(botId, { id: 'x' })).toEqual(marks);
  const found = await fixture.query<{ id: string }>('select id from handoffs where user_marks @> $1', [
    await fresh.userMarks(botId, { id: 'Yak5520', email: 'LATER-Yak5520@example.com' }),
  ]);
  expect(found).toEqual([{ id: old.handoffId }]);
  const ids = await fixture.query('select message_id from events where handoff_id = $1 and seq = 2', [old.handoffId]);
  expect(ids).toEqual([{ message_id: 'm1' }]);

  // Again: there is nothing to do.
  expect((await fresh.rotateKeys()).map(({ resealed }) => resealed)).toEqual(tables.map(() => 0));
  expect(await unreadable()).toBe(0);
});

test('rotation leaves what it cannot open, says so without a value, and waits for nobody', async () => {
  const [p1, p2] = [newKey('p1'), newKey('p2')];
  const lost = await talk(storeWith(newKey('p0')), 'Gnu9');
  const kept = await talk(storeWith(p1), 'Gnu9');
  const held = await fixture.connect();
  await held.query('begin');
  await held.query('select 1 from events where handoff_id = $1 for update', [kept.handoffId]);
  const rotating = storeWith(`${p2},${p1}`);
  const first = await rotating.rotateKeys();
  const events = first.find(({ name }) => name === 'events');
  expect(events).toMatchObject({ unreadable: 2, values: { p0: 2, p1: 2 } });
  expect(events?.problem).toMatch(/^events\/event\/.* was sealed with key p0, which is not in BATON_PAYLOAD_KEYS$/);
  await held.query('rollback');
  const second = (await rotating.rotateKeys()).find(({ name }) => name === 'events');
  expect(second).toMatchObject({ resealed: 2, unreadable: 2 });
  expect(second?.values).toMatchObject({ p0: 2 });
  await readsAll(rotating, kept);
  await expect(rotating.handoffs.get(lost.handoffId)).rejects.toThrow(/key p0/);
});

test('rotation beside a writer loses nothing of it', async () => {
  const [p1, p2] = [newKey('p1'), newKey('p2')];
  const writer = storeWith(p1);
  const rotating = storeWith(`${p2},${p1}`);
  const handoffs = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const handoff = newHandoff();
      await writer.handoffs.open(handoff);
      return handoff;
    }),
  );
  const write = async (seq: number): Promise<void> => {
    await Promise.all(
      handoffs.map((handoff) => {
        const events = [newEvent(handoff, seq, 'handoff.agent_changed', { agent: { id: `a${seq}` } })];
        return writer.journal.append({ handoffId: handoff.id, botId: handoff.botId, events, late: [] });
      }),
    );
  };
  const writing = (async () => {
    for (let seq = 1; seq <= 10; seq += 1) await write(seq);
  })();
  await Promise.all([writing, rotating.rotateKeys()]);
  for (const { id } of handoffs) {
    expect(await rotating.handoffs.get(id)).toMatchObject({ lastSeq: 10, agent: { id: 'a10' } });
    expect((await rotating.journal.read(id, 0, 20)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
});

test('a key that is known and not yet used opens what others seal, and seals nothing', async () => {
  const key = newKey('p9');
  const [known, used] = [storeWith(`off,${key}`), storeWith(key)];
  const [clear, sealed] = [await talk(known, newId('clear')), await talk(used, newId('sealed'))];
  for (const store of [known, used]) {
    for (const { handoffId, events, handoff } of [clear, sealed]) {
      expect(await store.journal.read(handoffId, 0, 10)).toEqual(events);
      expect((await store.handoffs.get(handoffId))?.question).toBe(handoff.question);
    }
  }
  const all = await dump();
  expect(all).toContain(clear.handoff.user.id);
  expect(all).not.toContain(sealed.handoff.user.id);
});
