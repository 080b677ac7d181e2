import type { Client } from '@temporalio/client';
import type { FastifyPluginAsync } from 'fastify';
import type { Logger } from 'pino';
import type { DeskRegistry } from '../activities/desks/registry.ts';
import type { HttpClient } from '../activities/http/client.ts';
import type { Config } from '../activities/platform/config.ts';
import type { Lifecycle } from '../activities/platform/lifecycle.ts';
import type { Metrics } from '../activities/platform/metrics.ts';
import type { Store } from '../activities/store/store.ts';
import type { Auth } from './auth.ts';
import type { Intake } from './intake.ts';
import type { Pending } from './pending.ts';
import type { StreamPlaces } from './stream-places.ts';
import type { SandboxMount } from './sandbox/desk-sandbox.ts';

/** What the process that runs the API hands to it. */
export interface ApiDeps {
  config: Config & { publicUrl: string; operatorKey: string };
  store: Store;
  desks: DeskRegistry;
  http: HttpClient;
  client: Client;
  log: Logger;
  metrics: Metrics;
  /** Where the operator's Temporal UI is served: the only origin that may use the codec from a browser. */
  temporalUiUrl?: string;
  /** Whether the playground is there; the simulated desks are what it plays with. */
  playground?: boolean;
  /** Simulated desks by name, mounted under `/sandbox/{name}`. */
  sandboxes?: Record<string, FastifyPluginAsync<SandboxMount>>;
  /** Where the built console lies, or will lie. */
  consoleFolder?: string;
  /** Between two signs of life on a live stream, milliseconds; 15,000 by default. */
  heartbeatMs?: number;
  /** Where the process stands; without it, migrated and not about to stop. */
  lifecycle?: Lifecycle;
}

/** What every route works with. */
export interface ApiContext extends ApiDeps {
  auth: Auth;
  intake: Intake;
  pending: Pending;
  places: StreamPlaces;
  lifecycle: Lifecycle;
  /** Handoffs whose kept desk events are being forwarded in the background. */
  retrying: Set<string>;
  /** Aborts when the app closes: streams end, waits give up. */
  closing: AbortSignal;
}
