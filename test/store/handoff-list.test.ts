import { afterAll, beforeAll, expect, test } from 'vitest';
import { CursorError, type HandoffFilter } from '../../activities/store/store.ts';
import { CLOSE_REASONS } from '../../workflows/contracts.ts';
import { seededRandom, testSeed } from '../support/seed.ts';
import { newHandoff, newId, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

interface Row {
  id: string;
  bot: string;
  desk: string;
  status: string;
  reason: string | null;
  startedMs: number;
}

const START_MS = Date.UTC(2026, 0, 1);
const SPREAD_MS = 100 * 60_000;

/** Many with the same time, and times in another order than that of creation. */
async function randomHandoffs(random: () => number, count: number): Promise<Row[]> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const bots = [newId('bot'), newId('bot')];
  const rows: Row[] = [];
  for (let i = 0; i < count; i += 1) {
    const handoff = newHandoff({ botId: pick(bots), desk: pick(['webhook', 'intercom', 'sobot']) });
    await fixture.store.handoffs.open(handoff);
    const status = pick(['awaiting_email', 'opening', 'active', 'closed', 'closed']);
    const reason = status === 'closed' ? pick(CLOSE_REASONS.slice(0, 3)) : null;
    const startedMs = START_MS + Math.floor(random() * 20) * (SPREAD_MS / 20);
    rows.push({ id: handoff.id, bot: handoff.botId, desk: handoff.desk, status, reason, startedMs });
  }
  await fixture.query(
    `update handoffs set status = x.status, close_reason = x.reason, started_at = to_timestamp(x.ms / 1000.0)
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as x (id, status, reason, ms) where handoffs.id = x.id`,
    [rows.map((r) => r.id), rows.map((r) => r.status), rows.map((r) => r.reason), rows.map((r) => r.startedMs)],
  );
  return rows;
}

const matches = (row: Row, { botId, desk, status, closeReason, from, to }: Partial<HandoffFilter>): boolean =>
  (botId === undefined || row.bot === botId) &&
  (desk === undefined || row.desk === desk) &&
  (status === undefined || (status === 'open' ? row.status !== 'closed' : row.status === status)) &&
  (closeReason === undefined || row.reason === closeReason) &&
  (from === undefined || row.startedMs >= Date.parse(from)) &&
  (to === undefined || row.startedMs < Date.parse(to));

async function pages(filter: Partial<HandoffFilter>, limit: number): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await fixture.store.handoffs.list({ ...filter, cursor, limit });
    expect(page.handoffs.length).toBeLessThanOrEqual(limit);
    seen.push(...page.handoffs.map(({ id }) => id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return seen;
}

test('any filters together, page by page, give what a look at every row gives', async () => {
  const random = seededRandom(testSeed('handoff list'));
  const rows = await randomHandoffs(random, 120);
  const maybe = <T>(value: T): T | undefined => (random() < 0.4 ? value : undefined);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const time = (): string => new Date(START_MS + Math.floor(random() * SPREAD_MS)).toISOString();
  let found = 0;
  for (let i = 0; i < 60; i += 1) {
    const filter = {
      botId: maybe(rows[0]!.bot),
      desk: maybe(pick(['webhook', 'intercom', 'sobot'])),
      status: maybe(pick(['open', 'active', 'closed'] as const)),
      closeReason: maybe(pick(CLOSE_REASONS.slice(0, 3))),
      from: maybe(time()),
      to: maybe(time()),
    };
    const expected = rows.filter((row) => matches(row, filter)).toReversed();
    // Newest first; in a range by time, and where that is the same by creation.
    if (filter.from !== undefined || filter.to !== undefined) expected.sort((a, b) => b.startedMs - a.startedMs);
    const ids = await pages(filter, 1 + Math.floor(random() * 40));
    expect(ids, JSON.stringify(filter)).toEqual(expected.map(({ id }) => id));
    found += ids.length;
  }
  expect(found).toBeGreaterThan(0);
});

test('a range includes its beginning and not its end, to the microsecond of the row', async () => {
  const handoff = newHandoff();
  const { botId } = handoff;
  await fixture.store.handoffs.open(handoff);
  await fixture.query(`update handoffs set started_at = '2026-03-01T10:00:00.000400Z' where id = $1`, [handoff.id]);
  const found = async (from: string, to: string) => (await pages({ botId, from, to }, 10)).length;
  expect(await found('2026-03-01T10:00:00.000Z', '2026-03-01T10:00:00.001Z')).toBe(1);
  expect(await found('2026-03-01T12:00:00.000+02:00', '2026-03-01T10:00:00.001Z')).toBe(1);
  expect(await found('2026-03-01T09:00:00Z', '2026-03-01T10:00:00Z')).toBe(0);
  expect(await found('2026-03-01T10:00:00.001Z', '2026-03-01T11:00:00Z')).toBe(0);
});

test('a cursor belongs to its kind of list', async () => {
  const { handoffs } = fixture.store;
  const botId = newId('bot');
  for (let i = 0; i < 3; i += 1) await handoffs.open(newHandoff({ botId }));
  const range = { from: '2020-01-01T00:00:00Z' };
  const plain = (await handoffs.list({ botId, limit: 1 })).nextCursor!;
  const byTime = (await handoffs.list({ botId, limit: 1, ...range })).nextCursor!;
  await expect(handoffs.list({ botId, limit: 1, cursor: byTime })).rejects.toThrow(CursorError);
  await expect(handoffs.list({ botId, limit: 1, cursor: plain, ...range })).rejects.toThrow(CursorError);
});
