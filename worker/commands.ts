import type { Config } from '../activities/platform/config.ts';
import type { Logger } from '../activities/platform/log.ts';
import { dataConverter } from '../activities/platform/payload-codec.ts';
import { connectTemporal } from '../activities/platform/temporal.ts';
import { migrateWhenThere } from './database.ts';
import { StartError } from './local/failure.ts';
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
  TEMPORAL_ADDRESS: (config: Config) => config.temporalAddress,
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

/** Open runs that are tried. */
const RUNS = 500;

/** Whether this version can go on with the runs that are open now; fails when it cannot. Changes nothing. */
const replay: Command = {
  needs: ['TEMPORAL_ADDRESS'],
  async run({ config, log, signal, say }) {
    // The worker's code, which other commands do not need.
    const [{ replayOpenRuns }, { workflowBundle }, { installRuntime }] = await Promise.all([
      import('./replay.ts'),
      import('./bundle.ts'),
      import('./telemetry.ts'),
    ]);
    installRuntime(log, undefined);
    const temporal = connectTemporal({ address: config.temporalAddress!, payloadKeys: config.payloadKeys });
    try {
      const converter = dataConverter(config.payloadKeys);
      const bundle = await workflowBundle(converter?.failureConverterPath);
      const { client } = temporal;
      const { replayed, failed } = await replayOpenRuns({
        client,
        bundle,
        dataConverter: converter,
        limit: RUNS,
        signal,
      });
      for (const { workflowId, message } of failed) say(`${workflowId}: ${message.split('\n')[0]}`);
      say(`Replayed ${replayed} open runs: ${failed.length} cannot go on under this version.`);
      if (failed.length > 0) throw new StartError('Do not deploy this version: open runs cannot go on under it.');
    } finally {
      await temporal.close();
    }
  },
};

export const COMMANDS: Readonly<Record<string, Command>> = { migrate, replay, 'rotate-keys': rotateKeys };
