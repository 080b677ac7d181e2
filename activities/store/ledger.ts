import type { Prepared } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import type { Lane, Ledger } from './types.ts';

interface Mark {
  handoffId: string;
  lane: Lane;
  started: number;
  sent: number;
}

/** A mark to be filled in; both lanes of a handoff, and handoffs that ask at the same time, share one query. */
type Read = Mark;

/** One row of high-water marks per handoff and lane. */
export function createLedger(run: Prepared): Ledger & { idle(): Promise<void> } {
  const commits = new GroupCommit<Mark>((marks) => write(run, marks));
  const reads = new GroupCommit<Read>((wanted) => read(run, wanted));
  return {
    async get(handoffId, lane) {
      const wanted: Read = { handoffId, lane, started: 0, sent: 0 };
      await reads.add(wanted);
      return { started: wanted.started, sent: wanted.sent };
    },
    started: (handoffId, lane, n) => commits.add({ handoffId, lane, started: n, sent: 0 }),
    // What was sent was started, also when the mark of the start was skipped or lost.
    sent: (handoffId, lane, n) => commits.add({ handoffId, lane, started: n, sent: n }),
    idle: () => commits.idle(),
  };
}

const READ = 'select handoff_id, lane, started, sent from ledger where handoff_id = any($1::text[])';

interface Row {
  handoff_id: string;
  lane: Lane;
  started: number;
  sent: number;
}

async function read(run: Prepared, wanted: Read[]): Promise<void> {
  const ids = [...new Set(wanted.map((mark) => mark.handoffId))];
  const rows = await run<Row>({ name: 'ledger-read', text: READ, values: [ids] });
  const stored = new Map(rows.map((row) => [keyOf(row.handoff_id, row.lane), row]));
  for (const mark of wanted) {
    const row = stored.get(keyOf(mark.handoffId, mark.lane));
    if (row) Object.assign(mark, { started: row.started, sent: row.sent });
  }
}

const keyOf = (handoffId: string, lane: Lane): string => `${handoffId}/${lane}`;

const WRITE = `
  insert into ledger (handoff_id, lane, started, sent)
  select * from unnest($1::text[], $2::text[], $3::integer[], $4::integer[])
  on conflict (handoff_id, lane) do update set
    started = greatest(ledger.started, excluded.started),
    sent = greatest(ledger.sent, excluded.sent)
`;

async function write(run: Prepared, marks: Mark[]): Promise<void> {
  const rows = highest(marks);
  const values = [
    rows.map((row) => row.handoffId),
    rows.map((row) => row.lane),
    rows.map((row) => row.started),
    rows.map((row) => row.sent),
  ];
  await run({ name: 'ledger-write', text: WRITE, values });
}

/** One mark per row, always in the same order: two processes that lock the same rows must not wait for each other. */
function highest(marks: Mark[]): Mark[] {
  const byRow = new Map<string, Mark>();
  for (const mark of marks) {
    const key = keyOf(mark.handoffId, mark.lane);
    const known = byRow.get(key) ?? mark;
    byRow.set(key, {
      ...mark,
      started: Math.max(known.started, mark.started),
      sent: Math.max(known.sent, mark.sent),
    });
  }
  return [...byRow.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, mark]) => mark);
}
