import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { migrate } from '../../activities/store/migrate.ts';
import { findBinary, TEMPORAL_CLI, TEMPORAL_TEST_SERVER } from '../../worker/local/binaries.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { administer, databaseUrl, TEMPLATE } from './postgres.ts';
import { buildProgram } from './program.ts';
import { NAMESPACE_SEQUENCE, NAMESPACES } from './temporal.ts';

/** vitest runs this once per project, each time as a module of its own: all of them share one set of servers. */
const SHARED = Symbol.for('baton.test.servers');
const shared = globalThis as { [SHARED]?: { users: number; stop: Promise<() => Promise<void>> } };

export default async function setup(): Promise<() => Promise<void>> {
  const servers = (shared[SHARED] ??= { users: 0, stop: start() });
  servers.users += 1;
  const stop = await servers.stop;
  return async () => {
    servers.users -= 1;
    if (servers.users > 0) return;
    delete shared[SHARED];
    await stop();
  };
}

async function start(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-test-'));
  const binary = await findBinary(TEMPORAL_CLI, process.env, console.log);
  process.env['TEMPORAL_CLI_PATH'] = binary;
  process.env['TEMPORAL_TEST_SERVER_PATH'] = await findBinary(TEMPORAL_TEST_SERVER, process.env, console.log);
  // Speed over safety: this data lives as long as the run.
  const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=300', 'autovacuum=off'];
  const extraArgs = NAMESPACES.flatMap((name) => ['--namespace', name]);
  const [postgres, temporal, program] = await Promise.all([
    startPostgres({ folder, settings, detached: false }),
    startTemporal({
      folder,
      binary: () => Promise.resolve(binary),
      persistent: false,
      detached: false,
      ui: false,
      extraArgs,
    }),
    buildProgram(),
  ]);
  await makeTemplate(postgres.url);
  process.env['BATON_TEST_POSTGRES'] = postgres.url;
  process.env['BATON_TEST_TEMPORAL'] = temporal.address;
  process.env['BATON_TEST_PROGRAM'] = program.path;
  return async () => {
    await Promise.all([postgres.stop(), temporal.stop(), program.remove()]);
    await rm(folder, { recursive: true, force: true });
  };
}

async function makeTemplate(server: string): Promise<void> {
  await administer(server, `create sequence ${NAMESPACE_SEQUENCE}`);
  await administer(server, `create database ${TEMPLATE}`);
  await migrate(databaseUrl(server, TEMPLATE));
}
