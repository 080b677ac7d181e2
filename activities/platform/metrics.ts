import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * One registry per process, served at `/metrics`. Labels are lanes, desks, outcomes and reasons, never ids. The only
 * file that knows the metrics library.
 */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    deliveries: new Counter({
      name: 'baton_deliveries_total',
      help: 'Tries to deliver to a desk or a callback, by outcome',
      labelNames: ['lane', 'desk', 'outcome'],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'baton_delivery_seconds',
      help: 'Duration of one try, in seconds',
      labelNames: ['lane', 'desk'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    callbacksFailing: new Gauge({
      name: 'baton_callbacks_failing',
      help: 'Bots whose callback fails now',
      registers,
    }),
    handoffsStarted: new Counter({
      name: 'baton_handoffs_started_total',
      help: 'Handoffs started, by desk',
      labelNames: ['desk'],
      registers,
    }),
    handoffsClosed: new Counter({
      name: 'baton_handoffs_closed_total',
      help: 'Handoffs closed, by reason',
      labelNames: ['reason'],
      registers,
    }),
    duplicates: new Counter({
      name: 'baton_duplicates_total',
      help: 'Repeats from desks and clients that changed nothing',
      labelNames: ['source'],
      registers,
    }),
    foreignEvents: new Counter({
      name: 'baton_foreign_events_total',
      help: 'Events of a desk about conversations that are not ours: dropped',
      labelNames: ['desk'],
      registers,
    }),
    inboxAlerts: new Counter({
      name: 'baton_inbox_alerts_total',
      help: 'Events of a desk for which no handoff was found in time',
      labelNames: ['desk'],
      registers,
    }),
  };
}
