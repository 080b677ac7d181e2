import { sql, type RawBuilder } from 'kysely';
import type { Database } from './database.ts';
import type { SealedTable, TextRow } from './sealed-tables.ts';

export interface RotatedTable {
  name: string;
  keys: SealedTable['keys'];
  rows: number;
  /** Rows that were sealed anew or completed. */
  resealed: number;
  /** Rows with a value that no key opens; they stay as they are. */
  unreadable: number;
  /** Values by the id of the key that they are sealed with now; `plain`: not sealed. */
  values: Record<string, number>;
  /** What was wrong with one of the unreadable ones. Names the place and the key's id, never a value. */
  problem?: string;
}

export interface RotateOptions {
  /** Called when a table is done. */
  onTable?: (table: RotatedTable) => void;
  signal?: AbortSignal;
}

/** Key ids in a stored value: a secret may be one of several in an object, content is sealed as a whole. */
const SECRET = /(?<=^|")v1\.([\w-]{1,64})\.[\w-]{38,}(?="|$)/g;
const CONTENT = { json: /^"c1\.([\w-]{1,64})\./, text: /^c1\.([\w-]{1,64})\.[\w-]{38,}$/ };
/** Enough of content in a `json` column for that. */
const HEAD_MAX = 90;

/** What writes beside a walk may still be sealed with another key, and locked rows are passed over. */
const ROUNDS = 5;

/**
 * Seals everything anew that is not sealed with the first key. One short transaction for each page, which waits for
 * nobody's rows: safe beside any number of running processes, and begun again it goes on with what is left.
 */
export async function rotate(
  db: Database,
  tables: SealedTable[],
  first: Record<SealedTable['keys'], string | undefined>,
  { onTable, signal }: RotateOptions = {},
): Promise<RotatedTable[]> {
  const results: RotatedTable[] = [];
  for (const table of tables) {
    let resealed = 0;
    for (let round = 1; ; round += 1) {
      const walked = await walk(db, table, first[table.keys], signal);
      if (signal?.aborted) return results;
      resealed += walked.resealed;
      if (round < ROUNDS && (walked.resealed > 0 || walked.passedOver > 0)) continue;
      const { passedOver: _, ...result } = walked;
      results.push({ ...result, resealed });
      onTable?.({ ...result, resealed });
      break;
    }
  }
  return results;
}

interface Walked extends RotatedTable {
  passedOver: number;
}

async function walk(
  db: Database,
  table: SealedTable,
  first: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Walked> {
  const { name, keys } = table;
  const walked: Walked = { name, keys, rows: 0, resealed: 0, unreadable: 0, values: {}, passedOver: 0 };
  for (let after: TextRow | undefined; ;) {
    const page = await readPage(db, table, after);
    const stale = page.filter(
      (row) => row['is_incomplete'] === 'true' || keysIn(table, row).some((key) => key !== first),
    );
    const changed = stale.length === 0 ? new Map<string, TextRow>() : await resealRows(db, table, stale, walked);
    for (const row of page) {
      for (const key of keysIn(table, changed.get(idOf(table, row)) ?? row)) {
        walked.values[key ?? 'plain'] = (walked.values[key ?? 'plain'] ?? 0) + 1;
      }
    }
    walked.rows += page.length;
    after = page.at(-1);
    if (page.length < table.page || signal?.aborted) return walked;
  }
}

/** By which key each sealed column is sealed, of secrets each part of it; undefined: it is not. */
const keysIn = ({ keys, columns }: SealedTable, row: TextRow): (string | undefined)[] =>
  Object.entries(columns).flatMap(([column, type]) => {
    const stored = row[column];
    if (stored === null || stored === undefined) return [];
    if (keys === 'secrets') return [...stored.matchAll(SECRET)].map((match) => match[1]);
    return [CONTENT[type].exec(stored)?.[1]];
  });

const idOf = ({ primary }: SealedTable, row: TextRow): string =>
  JSON.stringify(Object.keys(primary).map((column) => row[column]));

const asText = (column: string): RawBuilder<unknown> => sql`${sql.ref(column)}::text as ${sql.ref(column)}`;

async function readPage(db: Database, table: SealedTable, after: TextRow | undefined): Promise<TextRow[]> {
  const names = Object.keys(table.primary);
  const primary = sql.join(names.map((name) => sql.ref(name)));
  const behind = sql.join(
    Object.entries(table.primary).map(([name, type]) => sql`${after?.[name] ?? null}::${sql.raw(type)}`),
  );
  const heads = Object.entries(table.columns).map(([column, type]) =>
    table.keys === 'content' && type === 'json'
      ? sql`left(${sql.ref(column)}::text, ${HEAD_MAX}) as ${sql.ref(column)}`
      : asText(column),
  );
  const { rows } = await sql<TextRow>`
    select ${sql.join([...names.map(asText), ...heads])},
      (${sql.raw(table.incomplete ?? 'false')})::text as is_incomplete
    from ${sql.table(table.name)}
    ${after === undefined ? sql`` : sql`where (${primary}) > (${behind})`}
    order by ${primary} limit ${table.page}
  `.execute(db);
  return rows;
}

/** Rows that somebody else holds are left for the next round: who waits for nobody is in no deadlock. */
async function resealRows(
  db: Database,
  table: SealedTable,
  stale: TextRow[],
  walked: Walked,
): Promise<Map<string, TextRow>> {
  const changed = new Map<string, TextRow>();
  await db.transaction().execute(async (tx) => {
    const locked = await lockRows(tx, table, stale);
    walked.passedOver += stale.length - locked.length;
    for (const row of locked) {
      try {
        changed.set(idOf(table, row), { ...row, ...(await table.reseal(row)) });
      } catch (error) {
        walked.unreadable += 1;
        walked.problem ??= error instanceof Error ? error.message : String(error);
      }
    }
    if (changed.size > 0) await writeRows(tx, table, [...changed.values()]);
  });
  walked.resealed += changed.size;
  return changed;
}

const listOf = (rows: TextRow[], column: string, type: string): RawBuilder<unknown> =>
  sql`${rows.map((row) => row[column] ?? null)}::${sql.raw(type)}[]`;

async function lockRows(tx: Database, table: SealedTable, rows: TextRow[]) {
  const { name, primary, columns, made = {}, more } = table;
  const keys = Object.entries(primary);
  const wanted = sql.join(keys.map(([column, type]) => listOf(rows, column, type)));
  const locked = await sql<TextRow>`
    select ${sql.join([...Object.keys({ ...primary, ...columns, ...made }), ...more].map(asText))}
    from ${sql.table(name)}
    where (${sql.join(keys.map(([column]) => sql.ref(column)))}) in (select * from unnest(${wanted}))
    for update skip locked
  `.execute(tx);
  return locked.rows;
}

async function writeRows(tx: Database, table: SealedTable, rows: TextRow[]): Promise<void> {
  const { name, primary } = table;
  const columns = { ...table.columns, ...table.made };
  const keys = Object.keys(primary);
  const set = Object.entries(columns).map(
    ([column, type]) => sql`${sql.ref(column)} = ${sql.ref(`x.${column}`)}::${sql.raw(type)}`,
  );
  const values = [
    ...Object.entries(primary).map(([column, type]) => listOf(rows, column, type)),
    // As text: a list of lists would be one list.
    ...Object.keys(columns).map((column) => listOf(rows, column, 'text')),
  ];
  await sql`
    update ${sql.table(name)} set ${sql.join(set)}
    from unnest(${sql.join(values)}) as x (${sql.join([...keys, ...Object.keys(columns)].map((column) => sql.ref(column)))})
    where ${sql.join(
      keys.map((column) => sql`${sql.ref(`${name}.${column}`)} = ${sql.ref(`x.${column}`)}`),
      sql` and `,
    )}
  `.execute(tx);
}
