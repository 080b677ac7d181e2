import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError } from '../errors.ts';

export interface RouteEntry {
  method: string;
  url: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route of the app, for the 405 answer and for tests that must not forget one. */
    routeTable: RouteEntry[];
  }
}

/** Register before the routes. Answers 404, and 405 with `Allow` where the address takes other methods. */
export const routeTable = fp(async (app: FastifyInstance) => {
  const entries: (RouteEntry & { pattern: RegExp })[] = [];
  app.decorate('routeTable', entries);
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) entries.push({ method: one, url, pattern: patternOf(url) });
  });

  // Fastify asks for its content type before it says that nobody takes it.
  app.addHttpMethod('QUERY', { hasBody: false, overrideExisting: true });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, async (request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = [...new Set(entries.filter((e) => e.pattern.test(path)).map((e) => e.method))];
    if (allowed.length === 0 || allowed.includes(request.method))
      throw new ApiError(404, 'not_found', 'There is nothing here.');
    throw new ApiError(405, 'method_not_allowed', `This address takes ${allowed.join(', ')}.`, {
      headers: { allow: allowed.join(', ') },
    });
  });
});

const patternOf = (url: string): RegExp => {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[A-Za-z]+/g, '[^/]+').replace('*', '.*')}$`);
};
