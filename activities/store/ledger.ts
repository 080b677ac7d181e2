import { sql } from 'kysely';
import type { Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import type { Lane, Ledger } from './types.ts';

interface Mark {
  handoffId: string;
  lane: Lane;
  started: number;
  sent: number;
}

/** One row of high-water marks per handoff and lane. */
export function createLedger(db: Database): Ledger & { idle(): Promise<void> } {
  const commits = new GroupCommit<Mark>((marks) => write(db, marks));
  return {
    async get(handoffId, lane) {
      const row = await db
        .selectFrom('ledger')
        .select(['started', 'sent'])
        .where('handoff_id', '=', handoffId)
        .where('lane', '=', lane)
        .executeTakeFirst();
      return row ?? { started: 0, sent: 0 };
    },
    started: (handoffId, lane, n) => commits.add({ handoffId, lane, started: n, sent: 0 }),
    // What was sent was started, also when the mark of the start was skipped or lost.
    sent: (handoffId, lane, n) => commits.add({ handoffId, lane, started: n, sent: n }),
    idle: () => commits.idle(),
  };
}

async function write(db: Database, marks: Mark[]): Promise<void> {
  const rows = highest(marks);
  await sql`
    insert into ledger (handoff_id, lane, started, sent)
    select * from unnest(
      ${rows.map((row) => row.handoffId)}::text[],
      ${rows.map((row) => row.lane)}::text[],
      ${rows.map((row) => row.started)}::integer[],
      ${rows.map((row) => row.sent)}::integer[]
    )
    on conflict (handoff_id, lane) do update set
      started = greatest(ledger.started, excluded.started),
      sent = greatest(ledger.sent, excluded.sent)
  `.execute(db);
}

/** One mark per row, always in the same order: two processes that lock the same rows must not wait for each other. */
function highest(marks: Mark[]): Mark[] {
  const byRow = new Map<string, Mark>();
  for (const mark of marks) {
    const key = `${mark.handoffId}/${mark.lane}`;
    const known = byRow.get(key) ?? mark;
    byRow.set(key, {
      ...mark,
      started: Math.max(known.started, mark.started),
      sent: Math.max(known.sent, mark.sent),
    });
  }
  return [...byRow.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, mark]) => mark);
}
