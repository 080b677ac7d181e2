import { z } from 'zod';

import { parseKeyRing, parsePayloadKeys } from './key-ring.ts';
import { limitsOf, limitVariables, type Limits } from './limits.ts';
import { rolloutOf, rolloutVariables, type Rollout } from './rollout.ts';
import { SECRET_FILE_VARIABLES, withSecretFiles } from './secret-files.ts';
import { checked, cidrList, toggle, wholeNumber } from './variables.ts';

/** Settings of the process, read from the environment. `undefined` = not given, the start decides. */
export interface Config {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Of the probes of a worker that runs alone; 0 = any free port. */
  workerPort: number;
  dataDir: string;
  /** Without a slash at its end. */
  publicUrl: string | undefined;
  operatorKey: string | undefined;
  /** May read `/metrics` and nothing else. */
  metricsKey: string | undefined;
  /** `kid:base64,…` */
  secretKeys: string | undefined;
  /** `kid:base64,…`; `off,kid:base64,…` only decrypts. */
  payloadKeys: string | undefined;
  /** CIDR blocks. */
  allowedNetworks: string[];
  /** Calls a minute for one key. */
  rateLimit: number;
  /** How long what has ended is kept, whole days; 0 = for ever. */
  retentionDays: number;
  /** Minutes; 0 = never. */
  reconcileMinutes: number;
  /** undefined: `playgroundIsOn` decides. */
  playground: boolean | undefined;
  /** Without a slash at its end. */
  temporalUiUrl: string | undefined;
  logLevel: string;
  databaseUrl: string | undefined;
  temporalAddress: string | undefined;
  /** host:port where the Temporal SDK of a worker serves its own metrics. */
  temporalMetricsAddress: string | undefined;
  temporalCliPath: string | undefined;
  temporalTestServerPath: string | undefined;
  chromiumPath: string | undefined;
  limits: Limits;
  rollout: Rollout;
}

/** Names every problem of the environment at once; never a secret value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: { variable: string; message: string }[];

  constructor(problems: { variable: string; message: string }[]) {
    super(`The environment is not right: ${problems.map((p) => `${p.variable} ${p.message}`).join('; ')}.`);
    this.problems = problems;
  }
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const text = z.string().optional();

const keysReadBy = (parse: (value: string) => unknown) =>
  checked((value) => {
    try {
      parse(value);
      return undefined;
    } catch (error) {
      return `must be kid:base64 with 32 bytes a key, several separated by commas: ${(error as Error).message}`;
    }
  });

const httpUrl = checked((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an http(s) address, such as https://baton.example.com';
  return url.search || url.hash || url.username ? 'must be an address without user, query and fragment' : undefined;
}).transform((value) => value.replace(/\/+$/, ''));

const postgresUrl = checked((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url && /^postgres(ql)?:$/.test(url.protocol)
    ? undefined
    : 'must be postgres://user:password@host:port/database';
});

const hostAndPort = checked((value) =>
  /^\S+:\d{1,5}$/.test(value) ? undefined : 'must be host:port, such as temporal.example.com:7233',
);

const key = checked((value) =>
  value.length >= 16 && !/\s/.test(value) ? undefined : 'must have at least 16 characters and no spaces',
);

/** Callbacks are tried for 72 hours, and a conversation may be idle for seven days: until then its data is needed. */
const RETENTION_MIN_DAYS = 7;

const variables = z.object({
  HOST: z.string().default('127.0.0.1').describe('Where the API listens.'),
  PORT: wholeNumber(0, 65_535).default(8080).describe('Where the API listens; 0 = any free port.'),
  BATON_WORKER_PORT: wholeNumber(0, 65_535)
    .default(8081)
    .describe('Where a worker that runs alone answers probes; 0 = any free port.'),
  BATON_DATA_DIR: z.string().default('.data').describe('Folder of the embedded data.'),
  BATON_PUBLIC_URL: httpUrl.optional().describe('Our address as desks and browsers see it.'),
  BATON_OPERATOR_KEY: key.optional().describe("The operator's API key."),
  BATON_METRICS_KEY: key.optional().describe('A key that may read /metrics and nothing else.'),
  BATON_SECRET_KEYS: keysReadBy(parseKeyRing).optional().describe('Keys that encrypt secrets at rest.'),
  BATON_PAYLOAD_KEYS: keysReadBy(parsePayloadKeys).optional().describe('Keys that encrypt Temporal payloads.'),
  BATON_ALLOWED_NETWORKS: cidrList.default([]).describe('Private networks that desks and callbacks may be in.'),
  BATON_RETENTION_DAYS: wholeNumber(0, 36_500)
    .refine((days) => days === 0 || days >= RETENTION_MIN_DAYS, {
      error: `must be 0 (for ever) or at least ${RETENTION_MIN_DAYS}`,
    })
    .default(90)
    .describe('Days that closed handoffs are kept; 0 = for ever.'),
  BATON_RECONCILE_MINUTES: wholeNumber(0, 1_440)
    .default(2)
    .describe('Minutes of quiet after which a desk is asked what it has; 0 = never.'),
  BATON_RATE_LIMIT: wholeNumber(1, 1_000_000_000).default(6_000).describe('Calls a minute for one key.'),
  BATON_TEMPORAL_UI_URL: httpUrl.optional().describe('Your Temporal UI.'),
  BATON_LOG_LEVEL: z
    .enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` })
    .default('info')
    .describe('How much is logged.'),
  BATON_PLAYGROUND: toggle
    .optional()
    .describe('Whether there are a playground and simulated desks; otherwise only with both embedded servers.'),
  DATABASE_URL: postgresUrl.optional().describe('Your PostgreSQL instead of the embedded one.'),
  TEMPORAL_ADDRESS: hostAndPort.optional().describe('Your Temporal server instead of the embedded one.'),
  BATON_TEMPORAL_METRICS_ADDRESS: hostAndPort
    .optional()
    .describe('Where the Temporal SDK of a worker serves its metrics.'),
  TEMPORAL_CLI_PATH: text.describe('A Temporal CLI that you already have.'),
  TEMPORAL_TEST_SERVER_PATH: text.describe('A time-skipping Temporal test server that you already have.'),
  CHROMIUM_PATH: text.describe('A Chromium for the browser tests.'),
  ...rolloutVariables,
  ...limitVariables,
});

const together = variables.superRefine((read, context) => {
  if (read.BATON_WORKER_FORCE_SECONDS > read.BATON_WORKER_GRACE_SECONDS) return;
  const message = `must be more than BATON_WORKER_GRACE_SECONDS, which is ${read.BATON_WORKER_GRACE_SECONDS}`;
  context.addIssue({ code: 'custom', path: ['BATON_WORKER_FORCE_SECONDS'], message });
});

/** The standard variables that `@temporalio/envconfig` reads besides ours. */
export const TEMPORAL_VARIABLES = ['TEMPORAL_NAMESPACE', 'TEMPORAL_API_KEY', 'TEMPORAL_TLS'] as const;

/** Every variable that the product reads, for the documentation and its test. */
export const CONFIG_VARIABLES: readonly string[] = [
  ...Object.keys(variables.shape),
  ...TEMPORAL_VARIABLES,
  ...SECRET_FILE_VARIABLES,
];

/** Reads the settings, secrets also from files. An empty value counts as not given. Throws `ConfigError` that names every problem. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const files = withSecretFiles(env);
  const given = Object.fromEntries(
    Object.entries(files.env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const parsed = together.safeParse(given);
  const issues =
    parsed.error?.issues.map((issue) => ({ variable: String(issue.path[0]), message: issue.message })) ?? [];
  if (!parsed.success || files.problems.length > 0) throw new ConfigError([...files.problems, ...issues]);
  const read = parsed.data;
  return {
    host: read.HOST,
    port: read.PORT,
    workerPort: read.BATON_WORKER_PORT,
    dataDir: read.BATON_DATA_DIR,
    publicUrl: read.BATON_PUBLIC_URL,
    operatorKey: read.BATON_OPERATOR_KEY,
    metricsKey: read.BATON_METRICS_KEY,
    secretKeys: read.BATON_SECRET_KEYS,
    payloadKeys: read.BATON_PAYLOAD_KEYS,
    allowedNetworks: read.BATON_ALLOWED_NETWORKS,
    rateLimit: read.BATON_RATE_LIMIT,
    retentionDays: read.BATON_RETENTION_DAYS,
    reconcileMinutes: read.BATON_RECONCILE_MINUTES,
    playground: read.BATON_PLAYGROUND,
    temporalUiUrl: read.BATON_TEMPORAL_UI_URL,
    logLevel: read.BATON_LOG_LEVEL,
    databaseUrl: read.DATABASE_URL,
    temporalAddress: read.TEMPORAL_ADDRESS,
    temporalMetricsAddress: read.BATON_TEMPORAL_METRICS_ADDRESS,
    temporalCliPath: read.TEMPORAL_CLI_PATH,
    temporalTestServerPath: read.TEMPORAL_TEST_SERVER_PATH,
    chromiumPath: read.CHROMIUM_PATH,
    limits: limitsOf(read),
    rollout: rolloutOf(read),
  };
}

/** Whether this process shows the playground and its simulated desks: unless told otherwise, on embedded servers only. */
export const playgroundIsOn = (config: Pick<Config, 'playground' | 'databaseUrl' | 'temporalAddress'>): boolean =>
  config.playground ?? (config.databaseUrl === undefined && config.temporalAddress === undefined);
