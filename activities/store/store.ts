import { sql } from 'kysely';
import type { Logger } from 'pino';
import { desks as ourDesks, type DeskRegistry } from '../desks/registry.ts';
import { createBots } from './bots.ts';
import { createCallbacks } from './callbacks.ts';
import { createContentBox } from './content.ts';
import { createConversations } from './conversations.ts';
import { openDatabase } from './database.ts';
import { readGauges } from './gauges.ts';
import { createHandoffs } from './handoffs.ts';
import { createHookTokens } from './hook-tokens.ts';
import { createInbox } from './inbox.ts';
import { createInsight } from './insight.ts';
import { createJournal } from './journal.ts';
import { createKeys } from './keys.ts';
import { createLedger } from './ledger.ts';
import { createUserMarks } from './marks.ts';
import { createMemory } from './memory.ts';
import { rotate } from './rotation.ts';
import { sealedTables } from './sealed-tables.ts';
import { createQuiet } from './quiet.ts';
import { createSecretBox } from './secrets.ts';
import type { Store } from './types.ts';
import { createUpkeep } from './upkeep.ts';
import { createWakeups } from './wakeups.ts';

export type * from './types.ts';
export { ChangedMeanwhile } from './bots.ts';
export { CursorError } from './cursor.ts';
export { TooManyToCount } from './insight.ts';
export { isMigrated, migrate } from './migrate.ts';
export { isUnavailable } from './unavailable.ts';

export interface StoreOptions {
  databaseUrl: string;
  /** `kid:base64,...`, see `createSecretBox`. */
  secretKeys: string;
  /** The same; with them content is sealed, see `createContentBox`. */
  payloadKeys?: string | undefined;
  log: Logger;
  /** Which config fields are secret; the product's own registry by default. */
  desks?: DeskRegistry;
  /** Connections beside the one that listens; 10 by default. */
  poolSize?: number;
  /** Until the server gives up one statement; 5 by default. */
  statementSeconds?: number;
}

const POOL_SIZE = 10;

/** Opens nothing: the first query connects, so that a process can start while its database is away. */
export function createStore({
  databaseUrl,
  secretKeys,
  payloadKeys,
  log,
  desks = ourDesks,
  poolSize = POOL_SIZE,
  statementSeconds,
}: StoreOptions): Store {
  const { db, prepared, connections } = openDatabase(databaseUrl, poolSize, log, statementSeconds);
  const keys = createKeys(db, log);
  const box = createSecretBox(secretKeys);
  const content = createContentBox(payloadKeys);
  const hookTokens = createHookTokens(db, box, content.first !== undefined);
  const bots = createBots({ db, box, hookTokens, desks, changed: keys.forget });
  const memory = createMemory(db, box);
  const userMarks = createUserMarks(db, box, log);
  const journal = createJournal(db, content, userMarks);
  const ledger = createLedger(prepared);
  const wakeups = createWakeups(databaseUrl, log);
  return {
    bots,
    keys,
    handoffs: createHandoffs(db, content, userMarks),
    journal,
    wakeups,
    ledger,
    inbox: createInbox(db, content, log),
    callbacks: createCallbacks(db),
    conversations: createConversations(db, content),
    insight: createInsight(db, content),
    userMarks,
    upkeep: createUpkeep(db),
    quiet: createQuiet(db),
    memory: memory.of,
    forgetExpiredMemory: memory.forgetExpired,
    connections,
    gauges: () => readGauges(db),
    rotateKeys: (options) =>
      rotate(
        db,
        sealedTables({ secrets: box, content, marks: userMarks, hookTokens }),
        { secrets: box.first, content: content.first },
        options,
      ),
    async ping() {
      await sql`select 1`.execute(db);
    },
    async close() {
      await Promise.all([journal.idle(), ledger.idle(), wakeups.close()]);
      await db.destroy();
    },
  };
}
