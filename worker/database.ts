import type { Lifecycle } from '../activities/platform/lifecycle.ts';
import { isMigrated, migrate } from '../activities/store/store.ts';
import { persevere, type Patience } from './persevere.ts';

/** A migration that was changed, or a database that is newer than this code: waiting helps nobody. */
const isPermanent = (error: unknown): boolean => error instanceof Error && error.name === 'MigrationError';

/** Migrates as soon as PostgreSQL answers; throws what does not pass. */
export const migrateWhenThere = (databaseUrl: string, patience: Patience): Promise<unknown> =>
  persevere('The database', () => migrate(databaseUrl), { ...patience, isPermanent });

/** Waits until somebody else, such as a `migrate` job, has migrated. */
export const waitUntilMigrated = (databaseUrl: string, patience: Patience): Promise<unknown> =>
  persevere(
    'The database',
    async () => {
      if (!(await isMigrated(databaseUrl))) throw new Error('it is not migrated yet (BATON_MIGRATE is false)');
    },
    { ...patience, isPermanent },
  );

/** Sets `lifecycle.migrated` when the database has the form that this code needs, unless the process stops before. */
export async function prepareDatabase(
  databaseUrl: string,
  options: { migrate: boolean; lifecycle: { -readonly [K in keyof Lifecycle]: Lifecycle[K] }; patience: Patience },
): Promise<void> {
  await (options.migrate ? migrateWhenThere : waitUntilMigrated)(databaseUrl, options.patience);
  options.lifecycle.migrated = !options.patience.signal.aborted;
}
