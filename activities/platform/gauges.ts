import type { Store } from '../store/store.ts';
import type { Metrics } from './metrics.ts';

/** A scrape is answered although the database or Temporal hangs: then their last values stand. Milliseconds. */
const LIMIT_MS = 2_000;

export interface Observed {
  metrics: Metrics;
  store: Pick<Store, 'gauges' | 'connections' | 'ping'>;
  /** Rejects when Temporal does not answer. */
  pingTemporal(): Promise<unknown>;
  /** Also what the database knows of the whole installation; API processes show it. */
  installation: boolean;
}

/** The text of `/metrics`, with every gauge as of now. Never throws for a dependency that is away. */
export async function renderMetrics({ metrics, store, pingTemporal, installation }: Observed): Promise<string> {
  const [database, temporal] = await Promise.all([
    within(installation ? readInstallation(metrics, store) : store.ping()),
    within(pingTemporal()),
  ]);
  metrics.dependencyUp.set({ dependency: 'postgresql' }, database ? 1 : 0);
  metrics.dependencyUp.set({ dependency: 'temporal' }, temporal ? 1 : 0);
  const { total, idle, waiting } = store.connections();
  for (const [state, value] of Object.entries({ total, idle, waiting }))
    metrics.databaseConnections.set({ state }, value);
  return await metrics.registry.metrics();
}

async function readInstallation(metrics: Metrics, store: Observed['store']): Promise<void> {
  const now = await store.gauges();
  // What is not there any more is nothing, and not its last value.
  metrics.handoffsOpen.reset();
  for (const { desk, status, count } of now.open) metrics.handoffsOpen.set({ desk, status }, count);
  for (const { handoff, count, oldestSeconds } of now.inbox) {
    metrics.inboxPending.set({ handoff }, count);
    metrics.inboxOldest.set({ handoff }, oldestSeconds);
  }
  metrics.callbacksFailing.set(now.callbacksFailing);
  metrics.servicesUnavailable.reset();
  for (const { desk, count } of now.servicesUnavailable) metrics.servicesUnavailable.set({ desk }, count);
}

/** Whether it answered in time. */
async function within(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LIMIT_MS);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  const inTime = await Promise.race([done, late]);
  clearTimeout(timer);
  return inTime;
}
