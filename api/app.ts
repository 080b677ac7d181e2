import { randomUUID } from 'node:crypto';
import { maxHeaderSize, type ServerOptions } from 'node:http';
import cookie from '@fastify/cookie';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { RUNNING, type Lifecycle } from '../activities/platform/lifecycle.ts';
import { createAuth, type Auth } from './auth.ts';
import { refuseUnreadable } from './client-errors.ts';
import type { ApiContext, ApiDeps } from './context.ts';
import { errorHandler, toApiError } from './errors.ts';
import { createIntake } from './intake.ts';
import { mcpRoutes } from './mcp/routes.ts';
import { createPending } from './pending.ts';
import { body, NULL_BODY } from './plugins/body.ts';
import { docs } from './plugins/docs.ts';
import { gate } from './plugins/gate.ts';
import { guarded, keyed } from './plugins/keyed.ts';
import { limits } from './plugins/limits.ts';
import { observe } from './plugins/metrics.ts';
import { routeTable } from './plugins/route-table.ts';
import { security } from './plugins/security.ts';
import { spareConnections } from './plugins/spare-connections.ts';
import { trace } from './plugins/trace.ts';
import { botRoutes } from './routes/bots.ts';
import { codecRoutes } from './routes/codec.ts';
import { consoleRoutes } from './routes/console.ts';
import { consentReturnRoutes, consentRoutes } from './routes/consent.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { eventRoutes } from './routes/events.ts';
import { formRoutes } from './routes/forms.ts';
import { handoffMessageRoutes } from './routes/handoff-messages.ts';
import { handoffRoutes } from './routes/handoffs.ts';
import { humanRoutes } from './routes/human.ts';
import { keyRoutes } from './routes/keys.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { nativeRoutes } from './routes/native.ts';
import { overviewRoutes } from './routes/overview.ts';
import { probeRoutes } from './routes/probes.ts';
import type { App, Routes } from './routes/route.ts';
import { subscriptionRoutes } from './routes/subscription.ts';
import { serviceRoutes } from './routes/service.ts';
import { sessionRoutes } from './routes/session.ts';
import { transcriptRoutes } from './routes/transcript.ts';
import { userRoutes } from './routes/users.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { sessionSecret } from './session.ts';
import { createStreamPlaces } from './stream-places.ts';

export type { ApiDeps } from './context.ts';

/** A socket on which nothing moves: longer than `Prefer: wait=60` and than the heartbeat of a stream. */
const CONNECTION_TIMEOUT_MS = 90_000;
/** To receive the headers of a request, at most. */
const HEADERS_TIMEOUT_MS = 60_000;
/** Between two looks for requests that take too long. */
const CHECK_MS = 5_000;

/** Composition of the HTTP side. It opens nothing: the caller listens and closes. */
export async function buildApp(deps: ApiDeps): Promise<FastifyInstance> {
  const { config, log, metrics, lifecycle = RUNNING } = deps;
  const { limits: allowed } = config;
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    loggerInstance,
    // Its lines carry addresses, and ours carry tokens; `observe` logs the route's pattern instead.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: allowed.bodyBytes,
    requestTimeout: allowed.requestTimeoutSeconds * 1_000,
    http: receiveLimits(allowed.requestTimeoutSeconds * 1_000),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: allowed.keepAliveSeconds * 1_000,
    trustProxy: allowed.trustedProxies.length > 0 && allowed.trustedProxies,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    // What cannot be routed at all, such as a wrong percent escape.
    frameworkErrors: (error, request, reply) => void errorHandler(error, request, reply),
    clientErrorHandler: refuseUnreadable,
    // As long as Node takes an address: how long an id may be is said by each route, with a 400.
    routerOptions: { maxParamLength: maxHeaderSize },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validateAbsentBody);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(errorHandler);

  await app.register(spareConnections);
  await app.register(trace);
  await app.register(observe, { metrics });
  await app.register(security, { publicUrl: config.publicUrl });
  // Before the limits, which count a session by its own name.
  await app.register(cookie, { secret: sessionSecret(config.operatorKey) });
  await app.register(limits, { callsPerMinute: config.rateLimit, ...allowed });
  await app.register(gate, { lifecycle });
  await app.register(body);
  await app.register(routeTable);
  await app.register(docs);

  const context = createContext(app, { ...deps, lifecycle });
  const group = (routes: Routes) => async (scope: FastifyInstance) =>
    routes(scope.withTypeProvider<ZodTypeProvider>(), context);
  await app.register(group(probeRoutes));
  await app.register(group(metricsRoutes));
  await app.register(group(sessionRoutes));
  await app.register(group(webhookRoutes));
  await app.register(group(consentReturnRoutes));
  await app.register(group(consoleRoutes));
  await app.register(async (scope) => {
    await scope.register(keyed, { auth: context.auth });
    for (const routes of KEYED) await scope.register(group(routes));
  });
  for (const [desk, sandbox] of Object.entries(deps.sandboxes ?? {})) {
    await app.register(sandbox, { prefix: `/sandbox/${desk}`, refuseControl: refuseAllButOperator(app, context.auth) });
  }
  await app.ready();
  return app;
}

/**
 * Node swaps the two limits when the one for the headers is the longer one, which is a minute by default, and looks every
 * 30 seconds only: a body could take three times as long as a whole request may.
 */
const receiveLimits = (requestMs: number): ServerOptions => ({
  requestTimeout: requestMs,
  headersTimeout: Math.min(requestMs, HEADERS_TIMEOUT_MS),
  connectionsCheckingInterval: Math.min(requestMs / 2, CHECK_MS),
});

/** Who may program the simulated desks. They share no code with us, so we decide for them. */
const refuseAllButOperator = (app: FastifyInstance, auth: Auth) => async (request: FastifyRequest) => {
  try {
    const { kind } = await guarded(app, auth, request);
    return kind === 'operator' ? undefined : { status: 401, error: "This takes the operator's key." };
  } catch (error) {
    const { status, message } = toApiError(error);
    return { status, error: message };
  }
};

/** Fastify calls an absent body null; a schema with a default for it wants undefined. */
const validateAbsentBody: typeof validatorCompiler = (route) => {
  const validate = validatorCompiler(route);
  return route.httpPart === 'body'
    ? (value: unknown) => validate(value === NULL_BODY ? null : (value ?? undefined))
    : validate;
};

/** Every address in here asks for a key before anything else. */
const KEYED: Routes[] = [
  botRoutes,
  subscriptionRoutes,
  consentRoutes,
  keyRoutes,
  userRoutes,
  formRoutes,
  handoffRoutes,
  handoffMessageRoutes,
  eventRoutes,
  deliveryRoutes,
  transcriptRoutes,
  overviewRoutes,
  serviceRoutes,
  nativeRoutes,
  humanRoutes,
  mcpRoutes,
  codecRoutes,
];

function createContext(app: App, deps: ApiDeps & { lifecycle: Lifecycle }): ApiContext {
  const closing = new AbortController();
  // Before the server waits for its connections: streams would keep it waiting.
  app.addHook('preClose', async () => closing.abort());
  // An answer that was under way would leave its connection open for the keep-alive time, and the server with it.
  app.addHook('onSend', async (_request, reply) => {
    if (closing.signal.aborted || deps.lifecycle.draining) void reply.header('connection', 'close');
  });
  const pending = createPending();
  app.addHook('onClose', () => pending.settled());
  return {
    ...deps,
    pending,
    places: createStreamPlaces(deps.config.limits),
    auth: createAuth(deps.config, deps.store),
    intake: createIntake(deps.client, { pending, metrics: deps.metrics }),
    retrying: new Set<string>(),
    closing: closing.signal,
  };
}
