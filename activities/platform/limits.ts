import { z } from 'zod';
import { cidrList, toggle, wholeNumber } from './variables.ts';

/** What an operator may set to fit a machine or a cluster. Per process, unless it says otherwise. */
export interface Limits {
  /** Connections to PostgreSQL beside the one that listens. Ten is the least: updates of a desk's memory hold up to eight. */
  databaseConnections: number;
  /** Until PostgreSQL gives up one statement. */
  databaseTimeoutSeconds: number;
  /** Handoffs that a worker keeps ready; an idle one costs about 130 KB (estimated). 0 replays each one at every step. */
  cachedHandoffs: number;
  /** Workflow tasks at the same time. */
  workflowTasks: number;
  /** Regular activities at the same time on each of the two queues, and as many local ones. */
  activities: number;
  /** Calls to one bot's desk at the same time. */
  deskCallsPerBot: number;
  /** Calls to one bot's callback at the same time. */
  callbackCallsPerBot: number;
  /** How long calls under way may take when a worker stops; longer than the longest HTTP time-out. */
  workerGraceSeconds: number;
  /** When a worker that does not stop is given up. */
  workerForceSeconds: number;
  /** Between "not ready" and the end of listening; undefined: 5 for the role `api`, 0 for the others. */
  drainSeconds: number | undefined;
  /** Bytes of an ordinary call's body. */
  bodyBytes: number;
  /**
   * Bytes of the bodies that carry a whole conversation: starts, desk webhooks, MCP. 1 MiB is 400 turns of a long talk;
   * one Temporal payload may have 2 MiB.
   */
  largeBodyBytes: number;
  /** To receive one request. */
  requestTimeoutSeconds: number;
  /** How long an idle connection is kept; longer than the load balancer keeps it. */
  keepAliveSeconds: number;
  /** Live streams. */
  streams: number;
  /** Live streams of one key or session. */
  streamsPerKey: number;
  /** Wrong keys that one address may send in a minute. */
  wrongKeys: number;
  /** Mean delay of the event loop, milliseconds, above which calls are answered 503. */
  loadDelayMs: number;
  /** CIDR blocks of the proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: string[];
  /** Whether api and worker migrate the database themselves; otherwise they wait until a `migrate` job has done it. */
  migrate: boolean;
}

/** The variables of `Limits`. */
export const limitVariables = {
  BATON_DATABASE_CONNECTIONS: wholeNumber(10, 1_000).default(10).describe('Database connections of a process.'),
  BATON_DATABASE_TIMEOUT_SECONDS: wholeNumber(1, 600).default(5).describe('Until PostgreSQL gives up a statement.'),
  BATON_CACHED_HANDOFFS: wholeNumber(0, 100_000).default(1_000).describe('Handoffs that a worker keeps ready.'),
  BATON_WORKFLOW_TASKS: wholeNumber(2, 1_000).default(12).describe('Workflow tasks of a worker at the same time.'),
  BATON_ACTIVITIES: wholeNumber(1, 10_000).default(200).describe('Activities of a worker at the same time.'),
  BATON_DESK_CALLS_PER_BOT: wholeNumber(1, 1_000).default(20).describe("Calls to one bot's desk at the same time."),
  BATON_CALLBACK_CALLS_PER_BOT: wholeNumber(1, 1_000).default(10).describe("Calls to one bot's callback at a time."),
  BATON_WORKER_GRACE_SECONDS: wholeNumber(1, 600).default(12).describe('For calls under way when a worker stops.'),
  BATON_WORKER_FORCE_SECONDS: wholeNumber(1, 900).default(20).describe('When a stopping worker is given up.'),
  BATON_DRAIN_SECONDS: wholeNumber(0, 300).optional().describe('Between "not ready" and the end of listening.'),
  BATON_BODY_KB: wholeNumber(16, 1_024).default(256).describe('Size of a body.'),
  BATON_LARGE_BODY_KB: wholeNumber(64, 1_536).default(1_024).describe('Size of a body with a conversation in it.'),
  BATON_REQUEST_TIMEOUT_SECONDS: wholeNumber(1, 600).default(30).describe('To receive one request.'),
  BATON_KEEP_ALIVE_SECONDS: wholeNumber(1, 3_600).default(72).describe('How long an idle connection is kept.'),
  BATON_STREAMS: wholeNumber(0, 1_000_000).default(5_000).describe('Live streams of a process.'),
  BATON_STREAMS_PER_KEY: wholeNumber(0, 1_000_000).default(1_000).describe('Live streams of one key.'),
  BATON_WRONG_KEYS: wholeNumber(1, 1_000_000).default(60).describe('Wrong keys of one address in a minute.'),
  BATON_LOAD_DELAY_MS: wholeNumber(50, 60_000).default(1_500).describe('Event loop delay that sheds load.'),
  BATON_TRUSTED_PROXIES: cidrList
    .refine((blocks) => !blocks.some((block) => block.endsWith('/0')), 'must not be everybody: name your proxies')
    .default([])
    .describe('Proxies whose X-Forwarded-For is believed.'),
  BATON_MIGRATE: toggle.default(true).describe('Whether api and worker migrate the database themselves.'),
};

const shape = z.object(limitVariables);

/** From the variables as they were read. */
export const limitsOf = (read: z.output<typeof shape>): Limits => ({
  databaseConnections: read.BATON_DATABASE_CONNECTIONS,
  databaseTimeoutSeconds: read.BATON_DATABASE_TIMEOUT_SECONDS,
  cachedHandoffs: read.BATON_CACHED_HANDOFFS,
  workflowTasks: read.BATON_WORKFLOW_TASKS,
  activities: read.BATON_ACTIVITIES,
  deskCallsPerBot: read.BATON_DESK_CALLS_PER_BOT,
  callbackCallsPerBot: read.BATON_CALLBACK_CALLS_PER_BOT,
  workerGraceSeconds: read.BATON_WORKER_GRACE_SECONDS,
  workerForceSeconds: read.BATON_WORKER_FORCE_SECONDS,
  drainSeconds: read.BATON_DRAIN_SECONDS,
  bodyBytes: read.BATON_BODY_KB * 1_024,
  largeBodyBytes: read.BATON_LARGE_BODY_KB * 1_024,
  requestTimeoutSeconds: read.BATON_REQUEST_TIMEOUT_SECONDS,
  keepAliveSeconds: read.BATON_KEEP_ALIVE_SECONDS,
  streams: read.BATON_STREAMS,
  streamsPerKey: read.BATON_STREAMS_PER_KEY,
  wrongKeys: read.BATON_WRONG_KEYS,
  loadDelayMs: read.BATON_LOAD_DELAY_MS,
  trustedProxies: read.BATON_TRUSTED_PROXIES,
  migrate: read.BATON_MIGRATE,
});
