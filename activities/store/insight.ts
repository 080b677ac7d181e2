import { sql, type RawBuilder } from 'kysely';
import type { CloseReason, Turn } from '../../workflows/contracts.ts';
import { placeOf, type ContentBox } from './content.ts';
import type { Database } from './database.ts';
import type { Counted, Figures, FiguresQuestion, Insight, ReplyTime } from './insight-types.ts';

/** A handoff that ended by one of these without an answer was given up. */
const ABANDONED: readonly CloseReason[] = ['user_closed', 'wait_timeout', 'email_not_given'];

/** PostgreSQL gave up a statement because of its time. */
const QUERY_CANCELED = '57014';

/** So many handoffs lie in the range that counting them takes longer than a query may. */
export class TooManyToCount extends Error {
  override readonly name = 'TooManyToCount';
}

export function createInsight(db: Database, box: ContentBox): Insight {
  return {
    async refused({ botId, reason, channel }) {
      await db.insertInto('refusals').values({ bot_id: botId, reason, channel }).execute();
    },
    async history(handoffId) {
      const row = await db
        .selectFrom('histories')
        .select('turns')
        .where('handoff_id', '=', handoffId)
        .executeTakeFirst();
      return row && box.open<Turn[]>(row.turns, placeOf.turns(handoffId));
    },
    async figures(question) {
      try {
        const [counts, replies, refusals] = await Promise.all([
          countHandoffs(db, question),
          replyTimes(db, question),
          countRefusals(db, question),
        ]);
        return assemble(question.buckets.length, counts, replies, refusals);
      } catch (error) {
        if (isTooSlow(error)) throw new TooManyToCount('counting took too long', { cause: error });
        throw error;
      }
    },
  };
}

const isTooSlow = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && error.code === QUERY_CANCELED) || error.message === 'Query read timeout');

interface CountRow {
  bucket: number;
  desk: string;
  close_reason: CloseReason | null;
  started: string;
  answered: string;
  abandoned: string;
  closed: string;
  moved: string;
  messages: string;
  failures: string;
}

interface ReplyRow {
  bucket: number | null;
  reply: [median: number, p90: number] | null;
}

interface RefusalRow {
  bucket: number;
  reason: string;
  count: string;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const starts = ({ buckets }: FiguresQuestion): RawBuilder<unknown> => sql`${buckets.map(iso)}::timestamptz[]`;

/** Rows of the bot and range; without a bucket there is no range. */
function within(column: 'at' | 'started_at', { botId, buckets, toMs }: FiguresQuestion): RawBuilder<unknown> {
  const range = sql`${sql.ref(column)} >= ${iso(buckets[0] ?? toMs)} and ${sql.ref(column)} < ${iso(toMs)}`;
  return botId === undefined ? range : sql`bot_id = ${botId} and ${range}`;
}

async function countHandoffs(db: Database, question: FiguresQuestion): Promise<CountRow[]> {
  const { rows } = await sql<CountRow>`
    select width_bucket(started_at, ${starts(question)}) as bucket, desk, close_reason,
      count(*) as started,
      count(active_at) as answered,
      count(*) filter (where active_at is null and close_reason = any(${ABANDONED}::text[])) as abandoned,
      count(*) filter (where status = 'closed') as closed,
      sum(coalesce((counts->>'user')::int, 0) + coalesce((counts->>'agent')::int, 0)) as messages,
      count(moved_at) as moved,
      sum(coalesce((counts->>'failed')::int, 0)) as failures
    from handoffs where ${within('started_at', question)} group by 1, 2, 3
  `.execute(db);
  return rows;
}

/** Of each bucket and, without one, of all. Who asked for the next opening waits from then on. Clocks of two machines may put an answer before its question. */
async function replyTimes(db: Database, question: FiguresQuestion): Promise<ReplyRow[]> {
  const { rows } = await sql<ReplyRow>`
    select bucket, percentile_cont(array[0.5, 0.9]) within group (order by waited) as reply from (
      select width_bucket(started_at, ${starts(question)}) as bucket,
        greatest(extract(epoch from active_at - greatest(started_at, opens_at)), 0)::float8 as waited
      from handoffs where ${within('started_at', question)} and active_at is not null
    ) as answered group by grouping sets ((bucket), ())
  `.execute(db);
  return rows;
}

async function countRefusals(db: Database, question: FiguresQuestion): Promise<RefusalRow[]> {
  const { rows } = await sql<RefusalRow>`
    select width_bucket(at, ${starts(question)}) as bucket, reason, count(*) as count
    from refusals where ${within('at', question)} group by 1, 2 order by count(*) desc, 2
  `.execute(db);
  return rows;
}

function assemble(size: number, counts: CountRow[], replies: ReplyRow[], refused: RefusalRow[]): Figures {
  const replyIn = (bucket: number | null): ReplyTime | null => {
    const [median, p90] = replies.find((row) => row.bucket === bucket)?.reply ?? [];
    return median === undefined || p90 === undefined ? null : { median, p90 };
  };
  const byBucket = grouped(counts, (row) => row.bucket);
  const refusedIn = grouped(refused, (row) => row.bucket);
  const byDesk = [...grouped(counts, (row) => row.desk)];
  return {
    totals: counted(counts, refused),
    firstReply: replyIn(null),
    series: Array.from({ length: size }, (_, index) => ({
      ...counted(byBucket.get(index + 1) ?? [], refusedIn.get(index + 1) ?? []),
      firstReply: replyIn(index + 1),
    })),
    refusals: tally(refused, (row) => row.reason, 'count'),
    closeReasons: tally(
      counts.filter((row) => row.close_reason !== null),
      (row) => row.close_reason ?? '',
      'started',
    ),
    desks: byDesk
      .map(([desk, rows]) => ({ desk, started: sumOf(rows, 'started'), failures: sumOf(rows, 'failures') }))
      .toSorted((a, b) => b.started - a.started || (a.desk < b.desk ? -1 : 1)),
  };
}

const counted = (rows: CountRow[], refused: RefusalRow[]): Counted => ({
  started: sumOf(rows, 'started'),
  answered: sumOf(rows, 'answered'),
  refused: sumOf(refused, 'count'),
  abandoned: sumOf(rows, 'abandoned'),
  closed: sumOf(rows, 'closed'),
  moved: sumOf(rows, 'moved'),
  messages: sumOf(rows, 'messages'),
  failures: sumOf(rows, 'failures'),
});

/** PostgreSQL gives its big numbers as text. */
const sumOf = <K extends string>(rows: Record<K, string>[], field: K): number =>
  rows.reduce((sum, row) => sum + Number(row[field]), 0);

function grouped<T, K>(rows: T[], keyOf: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

const tally = <K extends string, R extends Record<K, string>>(rows: R[], nameOf: (row: R) => string, field: K) =>
  Object.fromEntries([...grouped(rows, nameOf)].map(([name, group]) => [name, sumOf(group, field)]));
