import { pathToFileURL } from 'node:url';

import { ConfigError, loadConfig, type Config } from '../activities/platform/config.ts';
import { createLogger, type Logger } from '../activities/platform/log.ts';
import { startBackends, type Backends } from './local/backends.ts';
import { prepareConsole } from './local/console.ts';
import { keepSecret, newOperatorKey, newSecretKeys, openDataFolder } from './local/data-folder.ts';
import { EXIT_CONFIG, StartError } from './local/failure.ts';
import { Shutdown } from './local/shutdown.ts';

const ROLES = ['all', 'api', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** Keys of the process, from the environment or from the data folder. */
export interface Keys {
  operator: { value: string; fresh: boolean; path: string | undefined };
  secrets: string;
}

/**
 * Runs Baton until it is stopped: `all` (default), or `api` or `worker` alone on backends of yours. Or does one thing and
 * ends: a command of `worker/commands.ts`.
 */
export async function main(args: string[]): Promise<void> {
  const shutdown = new Shutdown();
  shutdown.install((line) => console.log(line));
  try {
    const [name = 'all'] = args;
    if (args.length < 2 && isRole(name)) return await shutdown.during(start(name, shutdown));
    await shutdown.during(runCommand(args, shutdown));
    process.exit(0);
  } catch (error) {
    if (shutdown.asked) return; // It is being stopped already.
    for (const line of sentences(error)) console.error(`baton: ${line}`);
    await shutdown.run();
    process.exit(exitCode(error));
  }
}

async function start(role: Role, shutdown: Shutdown): Promise<void> {
  const startedAt = Date.now();
  const config = loadConfig(process.env);
  if (role !== 'all') requireExternal(role, config);
  const say = (line: string): void => console.log(line);
  const log = await processLogger(config);
  // Its own process, beside the children: it is there before anybody can open it.
  const consoleReady = role === 'worker' ? undefined : prepareConsole();
  const folder = role === 'all' ? await openDataFolder(config.dataDir) : undefined;
  const backends: Backends = folder
    ? await startBackends({
        config,
        folder,
        log,
        shutdown,
        say,
        onWaiting: () => void loadRest(role).catch(() => undefined),
      })
    : { databaseUrl: config.databaseUrl!, temporal: undefined };
  const keys = await readKeys(config, folder);
  const { compose } = await loadRest(role);
  // What `npm start` says shall fit on one screen: only what is wrong gets between.
  if (folder && config.logLevel === 'info') log.level = 'warn';
  await compose({ role, config, folder, backends, keys, log, shutdown, startedAt, consoleReady });
  log.level = config.logLevel;
}

async function runCommand(args: string[], shutdown: Shutdown): Promise<void> {
  // Much code, that `npm start` loads later.
  const { COMMANDS, VARIABLES } = await import('./commands.ts');
  const [name = ''] = args;
  const command = args.length === 1 ? COMMANDS[name] : undefined;
  const known = [...ROLES, ...Object.keys(COMMANDS)].join(', ');
  if (command === undefined)
    throw new StartError(`Unknown arguments "${args.join(' ')}": give one of ${known}, or nothing.`, EXIT_CONFIG);
  const given = loadConfig(process.env);
  const say = (line: string): void => console.log(line);
  const own = command.ownServers && given.databaseUrl === undefined ? await ownDatabase(given, say) : undefined;
  const config: Config = { ...given, ...own?.config };
  const needed = Object.fromEntries(command.needs.map((variable) => [variable, VARIABLES[variable](config)]));
  requireGiven(`"${name}"`, { DATABASE_URL: config.databaseUrl, ...needed });
  const log = await processLogger(config);
  const { signal } = shutdown;
  try {
    await command.run({ config, databaseUrl: config.databaseUrl!, log, signal, say });
  } finally {
    await own?.stop();
  }
}

/** The PostgreSQL and the keys of the data folder. One that runs already stays: it is a running Baton's. */
async function ownDatabase(config: Config, say: (line: string) => void) {
  const { startPostgres } = await import('./local/postgres.ts');
  const folder = await openDataFolder(config.dataDir);
  const { secrets } = await readKeys(config, folder);
  const { url, adopted, stop } = await startPostgres({ folder, say });
  return { config: { databaseUrl: url, secretKeys: secrets }, stop: async () => (adopted ? undefined : stop()) };
}

/** Most of the code: a second to load, so it is loaded while the children start. */
async function loadRest(role: Role) {
  const { compose, loadApi } = await import('./compose.ts');
  if (role !== 'worker') await loadApi();
  return { compose };
}

const isRole = (name: string): name is Role => (ROLES as readonly string[]).includes(name);

/** Keys that were made here would be unknown to the other processes, and so is where the API is: they must be given. */
function requireExternal(role: Role, config: Config): void {
  requireGiven(`The role "${role}" runs beside other processes and`, {
    DATABASE_URL: config.databaseUrl,
    TEMPORAL_ADDRESS: config.temporalAddress,
    BATON_SECRET_KEYS: config.secretKeys,
    BATON_PUBLIC_URL: config.publicUrl,
    ...(role === 'api' ? { BATON_OPERATOR_KEY: config.operatorKey } : {}),
  });
}

/** `who` begins the sentence. */
function requireGiven(who: string, variables: Record<string, string | undefined>): void {
  const missing = Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length > 0) throw new StartError(`${who} needs ${missing.join(', ')}.`, EXIT_CONFIG);
}

async function readKeys(config: Config, folder: string | undefined): Promise<Keys> {
  const kept = (name: string, make: () => string): ReturnType<typeof keepSecret> => keepSecret(folder!, name, make);
  const operator = config.operatorKey
    ? { value: config.operatorKey, fresh: false, path: undefined }
    : folder
      ? await kept('operator.key', newOperatorKey)
      : { value: '', fresh: false, path: undefined };
  const secrets = config.secretKeys ?? (await kept('secret.keys', newSecretKeys)).value;
  return { operator, secrets };
}

/** For people on a terminal, JSON lines for everything else. */
async function processLogger(config: Config): Promise<Logger> {
  if (!process.stdout.isTTY) return createLogger(config.logLevel);
  const { default: pretty } = await import('pino-pretty');
  return createLogger(config.logLevel, pretty({ sync: true, ignore: 'pid,hostname' }));
}

function sentences(error: unknown): string[] {
  if (error instanceof ConfigError) return error.problems.map((problem) => `${problem.variable} ${problem.message}.`);
  const message = error instanceof Error ? error.message : String(error);
  return [message.split('\n')[0] || String(error)];
}

function exitCode(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_CONFIG;
  return error instanceof StartError ? error.exitCode : 1;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
