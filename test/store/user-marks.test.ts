import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStore, type Store } from '../../activities/store/store.ts';
import { newEvent, newHandoff, newId, newKey, openStores, silent, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

const ADA = { id: 'ada', anonymousId: 'a-1', email: 'Ada@Example.com', phone: '+44 20 7946-0001', name: 'Ada' };

async function found(marks: string[] | null): Promise<string[]> {
  const rows = await fixture.query<{ id: string }>('select id from handoffs where user_marks && $1 order by n', [
    marks,
  ]);
  return rows.map((row) => row.id);
}

const marksOf = async (id: string): Promise<string[] | null> =>
  (await fixture.query<{ user_marks: string[] | null }>('select user_marks from handoffs where id = $1', [id]))[0]!
    .user_marks;

async function openFor(store: Store, more: Parameters<typeof newHandoff>[0]) {
  const handoff = newHandoff(more);
  await store.handoffs.open(handoff);
  return handoff;
}

test('a user is found by each of his names, however they are written, in every process', async () => {
  const [here, there] = fixture.stores as [Store, Store];
  const botId = newId('bot');
  const { id } = await openFor(here, { botId, user: ADA });
  await openFor(here, { botId, user: { id: 'a-1', anonymousId: 'ada', email: 'bob@example.com' } });
  for (const user of [
    { id: 'ada' },
    { anonymousId: 'a-1' },
    { email: ' ada@example.COM' },
    { phone: '+442079460001' },
    { id: 'somebody', email: 'ada@example.com' },
  ]) {
    expect(await found(await there.userMarks(botId, user)), JSON.stringify(user)).toEqual([id]);
  }
  expect(await there.userMarks(botId, {})).toEqual([]);
});

test('marks of one bot say nothing about another one, and nothing without the keys', async () => {
  const [one, other] = [newId('bot'), newId('bot')];
  const first = await openFor(fixture.store, { botId: one, user: ADA });
  const second = await openFor(fixture.store, { botId: other, user: ADA });
  const [marks, others] = [(await marksOf(first.id))!, (await marksOf(second.id))!];
  expect(marks).toHaveLength(4);
  expect(marks.filter((mark) => others.includes(mark))).toEqual([]);
  // No short name is looked for: by chance, any three letters are in some hash.
  for (const mark of marks) expect(mark).toMatch(/^[\w-]{22}$/);
  expect(marks.join()).not.toMatch(/ada@|example|20794/i);
});

test('an e-mail that is given later is a further mark, once', async () => {
  const { handoffs, journal, userMarks } = fixture.store;
  const handoff = await openFor(fixture.store, { status: 'awaiting_email', user: { id: 'ada' } });
  const { id: handoffId, botId } = handoff;
  const byEmail = await userMarks(botId, { email: 'ada@example.com' });
  await handoffs.emailGiven(handoffId, 'Ada@example.com');
  expect(await found(byEmail)).toEqual([handoffId]);
  const events = [newEvent(handoff, 1, 'handoff.connecting')];
  await journal.append({ handoffId, botId, events, late: [], email: 'ada@example.com' });
  expect(await marksOf(handoffId)).toHaveLength(2);
  // The run is what decides.
  const more = [newEvent(handoff, 2, 'handoff.active')];
  await journal.append({ handoffId, botId, events: more, late: [], email: 'lovelace@example.com' });
  expect(await found(await userMarks(botId, { email: 'lovelace@example.com' }))).toEqual([handoffId]);
});

test('a row of a version without marks gets none, so that it is not taken for a complete one', async () => {
  const { handoffs, journal } = fixture.store;
  const handoff = await openFor(fixture.store, { status: 'awaiting_email' });
  const { id: handoffId, botId } = handoff;
  await fixture.query('update handoffs set user_marks = null where id = $1', [handoffId]);
  await handoffs.emailGiven(handoffId, 'ada@example.com');
  const events = [newEvent(handoff, 1, 'handoff.connecting')];
  await journal.append({ handoffId, botId, events, late: [], email: 'ada@example.com' });
  expect(await marksOf(handoffId)).toBeNull();
  expect(await handoffs.get(handoffId)).toMatchObject({ status: 'connecting', user: { email: 'ada@example.com' } });
});

test('marks stay the same when the secret keys are changed, and a lost key stops no handoff', async () => {
  const botId = newId('bot');
  const before = await fixture.store.userMarks(botId, ADA);
  const options = { databaseUrl: fixture.url, log: silent };
  const changed = createStore({ ...options, secretKeys: `${newKey('k2')},${fixture.secretKeys}` });
  const stranger = createStore({ ...options, secretKeys: newKey('k3') });
  try {
    expect(await changed.userMarks(botId, ADA)).toEqual(before);
    const handoff = newHandoff({ botId, user: ADA });
    expect(await stranger.handoffs.open(handoff)).toMatchObject({ created: true });
    expect(await marksOf(handoff.id)).toBeNull();
  } finally {
    await Promise.all([changed.close(), stranger.close()]);
  }
});
