import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FiguresQuestion } from '../../activities/store/store.ts';
import { CLOSE_REASONS } from '../../workflows/contracts.ts';
import { bucketsOf } from '../../api/buckets.ts';
import { seededRandom, testSeed } from '../support/seed.ts';
import { newHandoff, newId, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

interface Handoff {
  id: string;
  bot: string;
  desk: string;
  startedMs: number;
  /** From the request to the opening that it asked for; 0: for a human now. */
  scheduledMs: number;
  /** From there to the answer. */
  waitedMs: number | null;
  reason: string | null;
  /** The second desk has had it. */
  isMoved: boolean;
  counts: { user: number; agent: number; failed: number } | null;
}

interface Refused {
  bot: string;
  atMs: number;
  reason: string;
}

const DESKS = ['webhook', 'intercom', 'sobot'];
const REFUSALS = ['disabled', 'out_of_hours'];
const ABANDONED = ['user_closed', 'wait_timeout', 'email_not_given'];
const DAY_MS = 86_400_000;
/** Around the night of a clock change in Paris. */
const START_MS = Date.parse('2026-10-20T00:00Z');
const SPREAD_MS = 10 * DAY_MS;

type Random = () => number;
const pickWith =
  (random: Random) =>
  <T>(list: readonly T[]): T =>
    list[Math.floor(random() * list.length)]!;

async function makeHandoffs(random: Random, bots: string[], count: number): Promise<Handoff[]> {
  const pick = pickWith(random);
  const small = (): number => Math.floor(random() * 5);
  const made: Handoff[] = [];
  for (let i = 0; i < count; i += 1) {
    const { id, botId: bot, desk } = newHandoff({ botId: pick(bots), desk: pick(DESKS) });
    await fixture.store.handoffs.open(newHandoff({ id, botId: bot, desk }));
    made.push({
      id,
      bot,
      desk,
      startedMs: START_MS + Math.floor(random() * SPREAD_MS),
      scheduledMs: random() < 0.2 ? Math.floor(random() * DAY_MS) : 0,
      waitedMs: random() < 0.6 ? Math.floor(random() * 600_000) - 1_000 : null,
      reason: random() < 0.7 ? pick(CLOSE_REASONS) : null,
      isMoved: random() < 0.3,
      counts: random() < 0.8 ? { user: small(), agent: small(), failed: small() } : null,
    });
  }
  await fixture.query(
    `update handoffs set started_at = to_timestamp(x.ms / 1000.0), close_reason = x.reason, counts = x.counts,
       active_at = to_timestamp((x.ms + x.scheduled + x.waited) / 1000.0),
       moved_at = case when x.moved then now() end,
       opens_at = to_timestamp((x.ms + nullif(x.scheduled, 0)) / 1000.0),
       status = case when x.reason is null then 'active' else 'closed' end
     from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::jsonb[], $6::bigint[], $7::boolean[])
       as x (id, ms, waited, reason, counts, scheduled, moved)
     where handoffs.id = x.id`,
    [
      made.map((one) => one.id),
      made.map((one) => one.startedMs),
      made.map((one) => one.waitedMs),
      made.map((one) => one.reason),
      made.map((one) => one.counts && JSON.stringify(one.counts)),
      made.map((one) => one.scheduledMs),
      made.map((one) => one.isMoved),
    ],
  );
  return made;
}

async function makeRefusals(random: Random, bots: string[], count: number): Promise<Refused[]> {
  const pick = pickWith(random);
  const made = Array.from({ length: count }, () => ({
    bot: pick(bots),
    atMs: START_MS + Math.floor(random() * SPREAD_MS),
    reason: pick(REFUSALS),
  }));
  await fixture.query(
    `insert into refusals (bot_id, at, reason, channel)
     select bot, to_timestamp(ms / 1000.0), reason, 'web' from unnest($1::text[], $2::bigint[], $3::text[]) as x (bot, ms, reason)`,
    [made.map((one) => one.bot), made.map((one) => one.atMs), made.map((one) => one.reason)],
  );
  return made;
}

/** As the textbook has it, and PostgreSQL: between the two nearest. */
function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}

function replyOf(handoffs: Handoff[]) {
  const waits = handoffs.flatMap(({ waitedMs }) => (waitedMs === null ? [] : [Math.max(0, waitedMs) / 1000]));
  if (waits.length === 0) return null;
  return { median: expect.closeTo(percentile(waits, 0.5), 3), p90: expect.closeTo(percentile(waits, 0.9), 3) };
}

const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);

const countedOf = (handoffs: Handoff[], refused: Refused[]) => ({
  started: handoffs.length,
  answered: handoffs.filter((one) => one.waitedMs !== null).length,
  refused: refused.length,
  abandoned: handoffs.filter((one) => one.waitedMs === null && ABANDONED.includes(one.reason ?? '')).length,
  closed: handoffs.filter((one) => one.reason !== null).length,
  moved: handoffs.filter((one) => one.isMoved).length,
  messages: total(handoffs.map(({ counts }) => (counts ? counts.user + counts.agent : 0))),
  failures: total(handoffs.map(({ counts }) => counts?.failed ?? 0)),
});

function tally(values: (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) if (value !== null) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** The same figures by looking at every handoff. */
function expected({ botId, buckets, toMs }: FiguresQuestion, handoffs: Handoff[], refused: Refused[]) {
  const from = buckets[0] ?? toMs;
  const inRange = (ms: number, low: number, high: number): boolean => ms >= low && ms < high;
  const mine = handoffs.filter((one) => botId === undefined || one.bot === botId);
  const noes = refused.filter((one) => botId === undefined || one.bot === botId);
  const all = mine.filter((one) => inRange(one.startedMs, from, toMs));
  const allRefused = noes.filter((one) => inRange(one.atMs, from, toMs));
  return {
    totals: countedOf(all, allRefused),
    firstReply: replyOf(all),
    series: buckets.map((low, index) => {
      const high = buckets[index + 1] ?? toMs;
      const here = all.filter((one) => inRange(one.startedMs, low, high));
      return {
        ...countedOf(
          here,
          allRefused.filter((one) => inRange(one.atMs, low, high)),
        ),
        firstReply: replyOf(here),
      };
    }),
    refusals: tally(allRefused.map((one) => one.reason)),
    closeReasons: tally(all.map((one) => one.reason)),
    desks: Object.entries(tally(all.map((one) => one.desk)))
      .map(([desk, started]) => ({
        desk,
        started,
        failures: total(all.filter((one) => one.desk === desk).map(({ counts }) => counts?.failed ?? 0)),
      }))
      .toSorted((a, b) => b.started - a.started || (a.desk < b.desk ? -1 : 1)),
  };
}

describe('figures', () => {
  test('are those that a look at every handoff gives, for any range, bot and time zone', async () => {
    const random = seededRandom(testSeed('figures'));
    const bots = [newId('bot'), newId('bot'), newId('bot')];
    const handoffs = await makeHandoffs(random, bots.slice(0, 2), 150);
    const refused = await makeRefusals(random, bots, 60);
    for (let i = 0; i < 25; i += 1) {
      const [fromMs, toMs] = [random(), random()]
        .map((share) => START_MS + Math.floor((share * 1.4 - 0.2) * SPREAD_MS))
        .toSorted((a, b) => a - b) as [number, number];
      const zone = pickWith(random)(['UTC', 'Europe/Paris', 'Asia/Kolkata', 'America/New_York']);
      const question: FiguresQuestion = {
        botId: random() < 0.5 ? undefined : pickWith(random)(bots),
        buckets: bucketsOf(fromMs, toMs, zone)!.starts,
        toMs,
      };
      const figures = await fixture.store.insight.figures(question);
      expect(figures, JSON.stringify({ ...question, zone })).toEqual(expected(question, handoffs, refused));
    }
  });

  test('of nothing are zeros, and of no time as well', async () => {
    const botId = newId('bot');
    const zero = { started: 0, answered: 0, refused: 0, abandoned: 0, closed: 0, moved: 0, messages: 0, failures: 0 };
    const none = { totals: zero, firstReply: null, refusals: {}, closeReasons: {}, desks: [] };
    const { figures } = fixture.store.insight;
    expect(await figures({ botId, buckets: [0, 1_000], toMs: 2_000 })).toEqual({
      ...none,
      series: [
        { ...zero, firstReply: null },
        { ...zero, firstReply: null },
      ],
    });
    expect(await figures({ botId, buckets: [], toMs: 2_000 })).toEqual({ ...none, series: [] });
  });

  test('count a refused request at the time at which it was written', async () => {
    const botId = newId('bot');
    await fixture.store.insight.refused({ botId, reason: 'disabled', channel: 'whatsapp' });
    const now = Date.now();
    const found = await fixture.store.insight.figures({ botId, buckets: [now - 60_000], toMs: now + 60_000 });
    expect(found).toMatchObject({ totals: { refused: 1, started: 0 }, refusals: { disabled: 1 } });
    const rows = await fixture.query('select reason, channel from refusals where bot_id = $1', [botId]);
    expect(rows).toEqual([{ reason: 'disabled', channel: 'whatsapp' }]);
  });
});
