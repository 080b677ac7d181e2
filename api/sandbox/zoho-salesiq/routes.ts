import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type RefusingFault } from '../faults.ts';
import type { OutgoingWebhook } from '../outgoing.ts';
import type { Shell } from '../shell.ts';
import { BODY_LIMIT, type Call, matched, type Route } from './call.ts';
import { covers, type Grant, type Grants } from './grants.ts';
import { codeOfStatus, SiqError, statusOfCode } from './model.ts';
import type { World } from './world.ts';

interface RouteOptions {
  world: World;
  grants: Grants;
  shell: Shell;
  rest: Route[];
  visitor: Route[];
  /** Calls in one second before 1023; none is published. */
  burst: number;
  /** Takes the webhooks that were caused since it was asked before. */
  drain(): OutgoingWebhook[];
}

/** The APIs of SalesIQ itself, under `{base}/api`. */
export function registerSalesiq(app: FastifyInstance, options: RouteOptions): void {
  const { world, grants, shell, drain } = options;
  let recent: number[] = [];

  app.setErrorHandler(async (error: unknown, _request, reply) => {
    if (!(error instanceof SiqError)) throw error;
    return await reply.code(world.switches.errorsAs4xx ? statusOfCode(error.code) : 200).send(error.body);
  });

  for (const { prefix, routes, orgOnly } of [
    { prefix: '/api/v2', routes: options.rest, orgOnly: false },
    { prefix: '/api/visitor/v1', routes: options.visitor, orgOnly: true },
  ]) {
    app.route({
      method: ['GET', 'POST', 'PUT', 'DELETE'],
      url: `${prefix}/:screen/*`,
      bodyLimit: BODY_LIMIT,
      handler: async (request, reply) => {
        const { screen = '', '*': path = '' } = request.params as Record<string, string>;
        const near = routes.filter((route) => matched(route.path, path) !== undefined);
        const route = near.find(({ method }) => method === request.method);
        return await shell.serve(request, reply, route?.operation, async () => {
          if (screen !== world.screenName) throw new SiqError(1005);
          if (route === undefined) throw new SiqError(near.length === 0 ? 1006 : 1004);
          const call: Call = {
            request,
            grant: allowed(request, route.scope, orgOnly),
            params: matched(route.path, path) ?? {},
            query: request.query as Record<string, string>,
            url: `${prefix}/${screen}/${path}`,
          };
          const served = await route.run(call);
          return { ...served, webhooks: drain() };
        });
      },
    });
  }

  function allowed({ headers }: FastifyRequest, scope: string, orgOnly: boolean): Grant {
    const token = /^(?:Zoho-oauthtoken|Bearer) (\S+)$/.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) throw new SiqError(1002, { header: 'Authorization' });
    const grant = grants.find(token);
    if (grant === undefined) throw new SiqError(1008);
    if (!covers(grant, scope) || (orgOnly && grant.kind !== 'org')) throw new SiqError(1009);
    recent = [...recent.filter((at) => at > world.now() - 1000), world.now()];
    if (recent.length > options.burst) throw new SiqError(1023);
    return grant;
  }
}

/** A fault, in SalesIQ's own words. It tells nobody when its rate limit ends. */
export function refuseFault(world: World, reply: FastifyReply, fault: RefusingFault): unknown {
  if (fault.kind === 'rate_limit') {
    return reply.code(world.switches.errorsAs4xx ? 429 : 200).send(new SiqError(1023).body);
  }
  if (fault.retryAfter !== undefined) reply.header('retry-after', fault.retryAfter);
  const code = fault.code === undefined ? codeOfStatus(fault.status) : Number(fault.code);
  // What SalesIQ never says comes from something in front of it.
  if (code === undefined) return reply.code(fault.status).type('text/html').send('<h1>A fault of the sandbox</h1>');
  return reply.code(fault.status).send(new SiqError(code).body);
}
