import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import pg from 'pg';

import { StartError } from './failure.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { postgresUser } from './postgres-user.ts';
import { commandLine, freePort, isAlive, sleep, stopProcess, waitFor } from './processes.ts';

const USER = 'baton';
const DATABASE = 'baton';
/** Recovery after a crash reads the write-ahead log, which may take a while on a slow disk. */
const READY_MS = 60_000;
const STOP_MS = 15_000;

export interface PostgresOptions {
  /** The data folder; everything of PostgreSQL in it has a name that starts with `postgres`. */
  folder: string;
  /** `name=value` server settings, for example `fsync=off` in tests. */
  settings?: string[];
  /** False: the server gets the signals of our terminal too. Default true. */
  detached?: boolean;
  say?: (line: string) => void;
}

export interface EmbeddedPostgres {
  url: string;
  port: number;
  pid: number;
  /** It ran before we came: left by a process that was killed, or owned by one that is alive. */
  adopted: boolean;
  stop(): Promise<void>;
}

interface Files {
  data: string;
  password: string;
  log: string;
}

/**
 * Starts the PostgreSQL of a data folder, or finds the one that already serves it. Loopback TCP only, password of our
 * making in a file with mode 0600.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const files: Files = {
    data: join(options.folder, 'postgres'),
    password: join(options.folder, 'postgres.password'),
    log: join(options.folder, 'postgres.log'),
  };
  const password = await keepPassword(files);
  if (!(await exists(join(files.data, 'PG_VERSION')))) await initialise(files, password, options);
  for (let attempt = 1; ; attempt += 1) {
    const running = await adopt(files, password);
    if (running) return running;
    const started = await launch(files, password, options);
    if (typeof started !== 'string') return started;
    if (attempt === 3) throw new StartError(`PostgreSQL did not start: ${started} (log: ${files.log})`);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function keepPassword(files: Files): Promise<string> {
  const fresh = randomBytes(24).toString('base64url');
  try {
    await writeFile(files.password, fresh, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(files.password, 'utf8')).trim();
  }
}

/** Under another name first: a kill in the middle leaves nothing that looks finished. */
async function initialise(files: Files, password: string, options: PostgresOptions): Promise<void> {
  options.say?.('PostgreSQL: creating the database folder');
  const { initdb } = await postgresBinaries();
  const user = await postgresUser();
  const temporary = await mkdtemp(`${files.data}.new-`);
  const passwordFile = join(temporary, 'password');
  const target = join(temporary, 'data');
  await mkdir(target, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await user.own(temporary);
  const quick = options.settings?.includes('fsync=off') ? ['--no-sync'] : [];
  const flags = [
    '-D',
    target,
    '-U',
    USER,
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--locale=C',
    ...quick,
  ];
  const { file, args, options: as } = user.command(initdb, flags);
  const child = spawn(file, args, { ...as, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close').catch((error: Error) => [error.message])) as [number | string | null];
  if (code !== 0) {
    await rm(temporary, { recursive: true, force: true });
    throw new StartError(`PostgreSQL could not create its folder ${files.data}: ${lastLine(output) || String(code)}`);
  }
  await rename(target, files.data).catch(async (error: NodeJS.ErrnoException) => {
    // Another start was quicker: its folder is as good as ours.
    if (!(await exists(join(files.data, 'PG_VERSION')))) throw error;
  });
  await rm(temporary, { recursive: true, force: true });
}

async function launch(files: Files, password: string, options: PostgresOptions): Promise<EmbeddedPostgres | string> {
  const { postgres } = await postgresBinaries();
  const user = await postgresUser();
  const port = await freePort(await lastPort(options.folder));
  await user.own(files.data);
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'timezone=UTC',
    'log_timezone=UTC',
    'log_checkpoints=off',
    ...(options.settings ?? []),
  ];
  const flags = ['-D', files.data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const { file, args, options: as } = user.command(postgres, flags);
  const log = openSync(files.log, 'a', 0o600);
  const child = spawn(file, args, {
    ...as,
    cwd: options.folder,
    stdio: ['ignore', log, log],
    detached: options.detached ?? true,
    env: { ...process.env, LC_ALL: 'C' },
  });
  closeSync(log);
  let gone: string | undefined;
  child.once('error', (error) => (gone = error.message));
  child.once('exit', (code, signal) => (gone ??= `it ended with ${signal ?? `code ${code}`}`));
  child.unref();
  const ready = await waitFor(async () => gone ?? ((await serves(files, port, password)) && 'ready'), READY_MS);
  if (ready !== 'ready') {
    if (child.pid) await stopProcess(child.pid, ['SIGINT', 'SIGQUIT'], 5_000);
    return ready === undefined
      ? `it did not answer within ${READY_MS / 1000} s`
      : `${await lastFatal(files.log)}`.trim() || ready;
  }
  await writeFile(join(options.folder, 'postgres.json'), JSON.stringify({ pid: child.pid, port }), { mode: 0o600 });
  return handle(child.pid!, port, password, false);
}

/** The server that already runs on this folder, once it takes connections; undefined when there is none. */
async function adopt(files: Files, password: string): Promise<EmbeddedPostgres | undefined> {
  const found = await readPidFile(files.data);
  if (!found || !isAlive(found.pid)) return undefined; // PostgreSQL itself removes the file of a dead server.
  const ready = await waitFor(
    async () => {
      if (await serves(files, found.port, password)) return 'ready';
      if (!isAlive(found.pid)) return 'gone';
      return !(await isPostgresOf(found.pid, files.data)) && 'stranger';
    },
    READY_MS / 2,
    100,
  );
  if (ready === 'ready') return handle(found.pid, found.port, password, true);
  if (ready === 'stranger') await rm(join(files.data, 'postmaster.pid'), { force: true }); // The number was given to another program.
  else if (ready === undefined) await stopProcess(found.pid, ['SIGINT', 'SIGQUIT'], STOP_MS);
  return undefined;
}

function handle(pid: number, port: number, password: string, adopted: boolean): EmbeddedPostgres {
  const stop = async (): Promise<void> => {
    if (!(await stopProcess(pid, ['SIGINT', 'SIGQUIT'], STOP_MS)))
      throw new StartError(`PostgreSQL (process ${pid}) does not stop.`);
  };
  return { url: urlOf(port, password, DATABASE), port, pid, adopted, stop };
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

/**
 * Whether the server on this port is the one of this folder, takes our password and has our database. A connection that
 * takes too long, as on a busy machine, is no failure: it is asked again.
 */
async function serves(files: Files, port: number, password: string): Promise<boolean> {
  try {
    const [row] = await query(port, password, 'show data_directory');
    if ((await realpath(String(row?.['data_directory']))) !== (await realpath(files.data))) return false;
    await ensureDatabase(port, password);
    return true;
  } catch {
    return false;
  }
}

async function query(port: number, password: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: urlOf(port, password, 'postgres'), connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const rows = await query(port, password, `select 1 from pg_database where datname = '${DATABASE}'`);
  if (rows.length > 0) return;
  await query(port, password, `create database ${DATABASE}`).catch((error: { code?: string }) => {
    if (error.code !== '42P04' && error.code !== '23505') throw error; // Another start made it at the same moment.
  });
}

/** postmaster.pid: process id, data folder, start time, port, … one a line. */
async function readPidFile(data: string): Promise<{ pid: number; port: number } | undefined> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const [pid, , , port] = text.split('\n').map(Number);
    if (pid && port) return { pid, port };
    await sleep(100); // It is being written.
  }
  return undefined;
}

async function isPostgresOf(pid: number, data: string): Promise<boolean> {
  const line = await commandLine(pid);
  return line === '' || (line.includes('postgres') && line.includes(join(basename(dirname(data)), basename(data))));
}

async function lastPort(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'postgres.json'), 'utf8').catch(() => '{}');
  try {
    return (JSON.parse(text) as { port?: number }).port;
  } catch {
    return undefined;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

async function lastFatal(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-20);
  return (lines.findLast((line) => line.includes('FATAL')) ?? lines.at(-1) ?? '').replace(/^.*FATAL:\s*/, '');
}
