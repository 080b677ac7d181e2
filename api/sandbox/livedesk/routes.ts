import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SandboxOperation } from '../desk-sandbox.ts';
import { jsonOf, type Served, type Shell } from '../shell.ts';
import { type Fields, LivedeskError } from './model.ts';
import { checkKeys, type KeyPair, sendError } from './request.ts';
import type { LivedeskSwitches } from './switches.ts';

export interface RouteCall {
  request: FastifyRequest;
  params: Record<string, string>;
  query: Record<string, string>;
}

export interface Route {
  method: 'GET' | 'POST';
  /** Below `/api/v2/accounts`: the account is never in the path. */
  path: string;
  /** Which of Baton's operations the call is. */
  operation?(call: RouteCall & { body: Fields }): SandboxOperation | undefined;
  run(call: RouteCall): Served | Promise<Served>;
}

interface Doors {
  shell: Shell;
  keys(): KeyPair;
  errors(): LivedeskSwitches['errors'];
}

const ROOT = '/api/v2/accounts';

/** Every call is checked before anything is done. */
export function registerRoutes(app: FastifyInstance, routes: readonly Route[], doors: Doors): void {
  app.setErrorHandler((error, _request, reply) => sendError(reply, error, doors.errors()));
  for (const { method, path, operation, run } of routes) {
    app.route({
      method,
      url: `${ROOT}${path}`,
      exposeHeadRoute: false,
      async handler(request, reply) {
        const { params, query } = request as { params: RouteCall['params']; query: RouteCall['query'] };
        const call = { request, params, query };
        const json = jsonOf(request);
        const body = (typeof json === 'object' && json !== null ? json : {}) as Fields;
        return await doors.shell.serve(request, reply, operation?.({ ...call, body }), () => {
          checkKeys(request, doors.keys());
          return run(call);
        });
      },
    });
  }
  app.all('/*', async (request) => {
    checkKeys(request, doors.keys());
    const [path = ''] = request.url.split('?');
    const known = routes.some((route) => pattern(route.path).test(path));
    throw new LivedeskError(known ? 405 : 404, known ? 'Method not allowed' : 'Resource could not be found');
  });
}

const pattern = (path: string): RegExp => new RegExp(`${ROOT}${path.replaceAll(/:\w+/g, '[^/]+')}$`);
