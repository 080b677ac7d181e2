import fp from 'fastify-plugin';
import type { Lifecycle } from '../../activities/platform/lifecycle.ts';
import { unavailable } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers also while the database is not ready. */
    beforeReady?: boolean;
  }
}

/** Refuses calls until the database has its tables: a process listens before that, so that its probes can say so. */
export const gate = fp<{ lifecycle: Lifecycle }>(async (app, { lifecycle }) => {
  app.addHook('onRequest', async (request) => {
    if (!lifecycle.migrated && request.routeOptions.config.beforeReady !== true) throw unavailable('postgresql');
  });
});
