import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** Of one try of an HTTP call, seconds. */
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Of a call of ours, from a cached answer to `Prefer: wait=60`, seconds. */
const ANSWER_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 60];
/** What people wait for people, seconds to a day. */
const HUMAN_SECONDS = [5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400];
/** From the moment that something happened until a backend has heard of it, seconds to 72 hours. */
const LAG_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200, 259_200];

export interface MetricsOptions {
  /** Of `package.json`. */
  version?: string;
  /** `api`, `worker` or `all`. */
  role?: string;
}

/**
 * One registry per process, served at `/metrics`. Labels are lanes, desks, outcomes and reasons, never ids. The only
 * file that knows the metrics library.
 *
 * Counters and histograms say what this process did: add them up over processes. Gauges of the database (open handoffs,
 * inbox, callbacks that fail, services) are the same from every API process: take the greatest.
 */
export function createMetrics({ version = 'unknown', role = 'all' }: MetricsOptions = {}) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = {
    registry,
    ...handoffMetrics(registry),
    ...deliveryMetrics(registry),
    ...inboundMetrics(registry),
    ...processMetrics(registry),
  };
  metrics.buildInfo.set({ version, role, node: process.versions.node }, 1);
  return metrics;
}

const handoffMetrics = (registry: Registry) => ({
  handoffsStarted: counter(registry, 'baton_handoffs_started_total', 'Handoffs started', ['desk']),
  handoffsRefused: counter(registry, 'baton_handoffs_refused_total', 'Requests for a human that were not taken', [
    'reason',
  ]),
  deskChanges: counter(registry, 'baton_desk_changes_total', 'Handoffs that went on at the second desk of their bot', [
    'from',
    'to',
    'why',
  ]),
  handoffsClosed: counter(registry, 'baton_handoffs_closed_total', 'Handoffs closed', ['reason']),
  handoffsOpen: gauge(registry, 'baton_handoffs_open', 'Handoffs that are open now', ['desk', 'status']),
  firstReply: histogram(
    registry,
    'baton_first_reply_seconds',
    'From the request to the first reply of an agent, in seconds',
    ['desk'],
    HUMAN_SECONDS,
  ),
  messages: counter(registry, 'baton_messages_total', 'Messages in the journal, by who wrote them', ['from']),
  messagesFailed: counter(registry, 'baton_messages_failed_total', 'Messages that could not be delivered', ['reason']),
  messagesLate: counter(registry, 'baton_messages_late_total', 'Messages of agents that came after the end', []),
});

const deliveryMetrics = (registry: Registry) => ({
  deliveries: counter(registry, 'baton_deliveries_total', 'Tries to deliver to a desk or a callback', [
    'lane',
    'desk',
    'outcome',
  ]),
  deliverySeconds: histogram(
    registry,
    'baton_delivery_seconds',
    'Duration of one try, in seconds',
    ['lane', 'desk'],
    CALL_SECONDS,
  ),
  callbackLag: histogram(
    registry,
    'baton_callback_lag_seconds',
    'From an event until the callback of its bot has taken it, in seconds',
    [],
    LAG_SECONDS,
  ),
  callbacksFailing: gauge(registry, 'baton_callbacks_failing', 'Bots whose callback fails now', []),
  servicesUnavailable: gauge(
    registry,
    'baton_desk_service_unavailable',
    'Bots whose desk does not take their credentials now',
    ['desk'],
  ),
});

const inboundMetrics = (registry: Registry) => ({
  deskEvents: counter(registry, 'baton_desk_events_total', 'Events that desks reported, by what became of them', [
    'desk',
    'outcome',
  ]),
  duplicates: counter(registry, 'baton_duplicates_total', 'Repeats from desks and clients that changed nothing', [
    'source',
  ]),
  foreignEvents: counter(
    registry,
    'baton_foreign_events_total',
    'Events of a desk about conversations that are not ours: dropped',
    ['desk'],
  ),
  inboxPending: gauge(
    registry,
    'baton_inbox_pending',
    'Events of desks in the inbox: not yet forwarded to their handoff (known), or still without one (unknown)',
    ['handoff'],
  ),
  inboxOldest: gauge(registry, 'baton_inbox_oldest_seconds', 'Age of the oldest of them, in seconds', ['handoff']),
  inboxAlerts: counter(
    registry,
    'baton_inbox_alerts_total',
    'Events of a desk for which no handoff was found in time',
    ['desk'],
  ),
  repairs: counter(
    registry,
    'baton_repairs_total',
    'What maintenance and reconciliation put right, by kind (replayed, run_gone, message, closed, ...)',
    ['kind', 'desk'],
  ),
  expired: counter(
    registry,
    'baton_retention_deleted_total',
    'What was kept long enough and is deleted: handoffs, conversations, events, lateMessages, inbox, refusals',
    ['what'],
  ),
  maintenanceRuns: counter(registry, 'baton_maintenance_runs_total', 'Rounds of maintenance that this worker did', []),
});

const processMetrics = (registry: Registry) => ({
  buildInfo: gauge(registry, 'baton_build_info', 'Always 1: what runs', ['version', 'role', 'node']),
  httpSeconds: histogram(
    registry,
    'baton_http_request_duration_seconds',
    'Time to answer, by the pattern of the route, in seconds; streams are not in it',
    ['method', 'route', 'status'],
    ANSWER_SECONDS,
  ),
  streamsOpen: gauge(registry, 'baton_streams_open', 'Live event streams that are read now', ['kind']),
  temporalSeconds: histogram(
    registry,
    'baton_temporal_call_seconds',
    'Calls to Temporal that somebody waits for, in seconds',
    ['operation', 'outcome'],
    ANSWER_SECONDS,
  ),
  databaseConnections: gauge(
    registry,
    'baton_database_connections',
    'Connections of the pool: total, idle; waiting = queries without one',
    ['state'],
  ),
  dependencyUp: gauge(registry, 'baton_dependency_up', '1 when PostgreSQL or Temporal answered this process just now', [
    'dependency',
  ]),
});

function counter<L extends string>(registry: Registry, name: string, help: string, labelNames: L[]): Counter<L> {
  return new Counter({ name, help, labelNames, registers: [registry] });
}

function gauge<L extends string>(registry: Registry, name: string, help: string, labelNames: L[]): Gauge<L> {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}

function histogram<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[],
  buckets: number[],
): Histogram<L> {
  return new Histogram({ name, help, labelNames, buckets, registers: [registry] });
}
