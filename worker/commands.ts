import type { Config } from '../activities/platform/config.ts';
import type { Logger } from '../activities/platform/log.ts';
import { migrateWhenThere } from './database.ts';
import { rotateKeys } from './rotate-keys.ts';

/** Something that is done once and ends: `node worker/main.ts <name>`. */
export interface Command {
  /** Variables that must be given besides DATABASE_URL. */
  needs: readonly (keyof typeof VARIABLES)[];
  /** Without DATABASE_URL it works on the data folder, with the keys in it; also while Baton runs there. */
  ownServers?: true;
  /** Prints what it did through `say`; a thrown error's message is the sentence that the operator reads. */
  run(context: CommandContext): Promise<void>;
}

export interface CommandContext {
  config: Config;
  databaseUrl: string;
  log: Logger;
  /** Aborts when the process is told to stop. */
  signal: AbortSignal;
  say: (line: string) => void;
}

/** How commands call what they need. */
export const VARIABLES = {
  BATON_SECRET_KEYS: (config: Config) => config.secretKeys,
  BATON_PAYLOAD_KEYS: (config: Config) => config.payloadKeys,
} as const;

/** A job is started again by whoever keeps it, so it need not wait for ever. */
const PATIENCE_MS = 120_000;

/** Brings the database to the form that this code needs; again, or by several at once, does no harm. */
const migrate: Command = {
  needs: [],
  async run({ databaseUrl, log, signal, say }) {
    await migrateWhenThere(databaseUrl, { log, signal, forMs: PATIENCE_MS });
    if (!signal.aborted) say('The database has its newest form.');
  },
};

export const COMMANDS: Readonly<Record<string, Command>> = { migrate, 'rotate-keys': rotateKeys };
