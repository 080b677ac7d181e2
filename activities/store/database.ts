import { Kysely, PostgresDialect } from 'kysely';
import { Pool, type ClientConfig } from 'pg';
import type { Logger } from 'pino';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/**
 * Runs a statement that every message needs: PostgreSQL reads and plans it once per connection and not at each call.
 * One `name` always goes with the same `text`.
 */
export type Prepared = <R extends object>(query: { name: string; text: string; values: unknown[] }) => Promise<R[]>;

interface OpenDatabase {
  db: Database;
  prepared: Prepared;
  /** Of the pool at this moment; `waiting`: queries that have to wait for a connection. */
  connections(): { total: number; idle: number; waiting: number };
}

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_SECONDS = 5;
/** Our own time-out is longer than the server's by this, which leaves the connection usable. Milliseconds. */
const ANSWER_MARGIN_MS = 1_000;

/** For every connection to the database, also the one that listens. `statementSeconds`: 5 by default. */
export function connectionConfig(databaseUrl: string, statementSeconds = STATEMENT_SECONDS): ClientConfig {
  const statementMs = statementSeconds * 1_000;
  return {
    connectionString: databaseUrl,
    application_name: 'baton',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementMs,
    query_timeout: statementMs + ANSWER_MARGIN_MS,
    idle_in_transaction_session_timeout: statementMs + ANSWER_MARGIN_MS,
    keepAlive: true,
  };
}

/** Connects when needed, and anew after the server was away. */
export function openDatabase(
  databaseUrl: string,
  poolSize: number,
  log: Logger,
  statementSeconds?: number,
): OpenDatabase {
  const pool = new Pool({ ...connectionConfig(databaseUrl, statementSeconds), max: poolSize });
  surviveLostConnections(pool, (error) => log.warn({ reason: error.message }, 'lost a database connection'));
  return {
    db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    prepared: async <R extends object>(query: { name: string; text: string; values: unknown[] }) =>
      (await pool.query<R>(query)).rows,
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  };
}

/**
 * A connection that breaks reports it beside the query that it fails, and without a listener that ends the process. The
 * pool listens to idle connections only, so those in use need one of their own.
 */
export function surviveLostConnections(pool: Pool, tell: (error: Error) => void): void {
  pool.on('error', tell);
  pool.on('connect', (client) => client.on('error', () => {}));
}

/** PostgreSQL text holds no NUL; everything else goes through. */
export const cleanText = (text: string): string => text.replaceAll('\u0000', '\uFFFD');

export const isoTime = (time: Date): string => time.toISOString();
export const isoTimeOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;
