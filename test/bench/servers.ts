import { Connection } from '@temporalio/client';
import { findBinary, TEMPORAL_CLI } from '../../worker/local/binaries.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { ensureSearchAttributes } from '../../worker/local/search-attributes.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { install, missing } from '../cluster/installation.ts';
import type { Context } from './context.ts';
import { createDatabase } from './sql.ts';

export type Servers = Pick<Context, 'postgresUrl' | 'temporalAddress' | 'namespace' | 'temporalKind'>;
type Later = Context['later'];

/** What `npm start` starts: PostgreSQL and the Temporal dev server, both with their data on disk. */
export async function embeddedServers(folder: string, later: Later): Promise<Servers> {
  const binary = (): Promise<string> => findBinary(TEMPORAL_CLI, process.env, console.log);
  const postgres = await startPostgres({ folder, detached: false });
  later(() => postgres.stop());
  const temporal = await startTemporal({ folder, binary, detached: false, ui: false });
  later(() => temporal.stop());
  const { address: temporalAddress, namespace } = temporal;
  return { postgresUrl: postgres.url, temporalAddress, namespace, temporalKind: 'dev server' };
}

/** Why there is no cluster to measure, in words. */
export const noCluster = missing;

/** The real Temporal server on PostgreSQL, the same that the cluster tests take; Baton's tables beside its own. */
export async function clusterServers(later: Later): Promise<Servers> {
  const installation = await install({ fsync: true });
  later(() => installation.stop());
  await installation.temporal?.up();
  await installation.prepareNamespace();
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, DATABASE_URL } = installation.env;
  const temporalAddress = TEMPORAL_ADDRESS!;
  const namespace = TEMPORAL_NAMESPACE!;
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    await ensureSearchAttributes(connection, namespace);
  } finally {
    await connection.close();
  }
  const name = `bench_${namespace.replaceAll('-', '_')}`;
  const postgresUrl = await createDatabase(DATABASE_URL!, name);
  return { postgresUrl, temporalAddress, namespace, temporalKind: 'cluster' };
}
