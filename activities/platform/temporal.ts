import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { dataConverter } from './payload-codec.ts';
import { withSecretFiles } from './secret-files.ts';

export interface TemporalOptions {
  /** host:port */
  address: string;
  namespace?: string | undefined;
  /** `kid:base64,...`; absent or empty: payloads are not encrypted. */
  payloadKeys?: string | undefined;
  env?: NodeJS.ProcessEnv | undefined;
}

export interface Temporal {
  connection: Connection;
  client: Client;
  namespace: string;
  close(): Promise<void>;
}

const DEFAULT_NAMESPACE = 'default';

/**
 * Where to connect and as whom, for client and worker alike. The standard `TEMPORAL_*` variables and their config file
 * (TLS, API key, namespace) count only when they name the address: they must not turn on TLS towards our own child.
 */
export function temporalTarget({ address, namespace, env = process.env }: TemporalOptions) {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(withSecretFiles(env).env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const named = env['TEMPORAL_ADDRESS'] === address ? loadClientConnectConfig({ overrideEnvVars }) : undefined;
  const { apiKey, tls, metadata } = named?.connectionOptions ?? {};
  return {
    namespace: namespace ?? named?.namespace ?? DEFAULT_NAMESPACE,
    connectionOptions: {
      address,
      ...(typeof apiKey === 'string' ? { apiKey } : {}),
      ...(tls === undefined || tls === null ? {} : { tls }),
      ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
    },
  };
}

/** Connects with the first call, so that a process can start while Temporal is away. */
export function connectTemporal(options: TemporalOptions): Temporal {
  const { connectionOptions, namespace } = temporalTarget(options);
  const converter = dataConverter(options.payloadKeys);
  const connection = Connection.lazy(connectionOptions);
  const client = new Client({ connection, namespace, ...(converter ? { dataConverter: converter } : {}) });
  return { connection, client, namespace, close: () => connection.close() };
}
