import { createMcpHandler, type AuthInfo } from '@modelcontextprotocol/server';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { principalOf } from '../auth.ts';
import { NULL_BODY } from '../plugins/body.ts';
import { errorBody, errors } from '../schemas/common.ts';
import type { App, Routes } from '../routes/route.ts';
import type { ApiContext } from '../context.ts';
import { goneSignal } from '../wait.ts';
import type { Call } from './call.ts';
import { refuseForeignPages } from './origin.ts';
import { createServer } from './server.ts';

/** One JSON-RPC message: a batch would be many calls for the price of one. */
const message = z.record(z.string(), z.unknown()).meta({
  id: 'McpMessage',
  description: 'A JSON-RPC message of MCP.',
  examples: [{ jsonrpc: '2.0', id: 1, method: 'tools/list' }],
});

const rpcError = z
  .object({
    jsonrpc: z.literal('2.0'),
    id: z.union([z.string(), z.number(), z.null()]),
    error: z.object({ code: z.int(), message: z.string(), data: z.unknown() }).partial({ data: true }),
  })
  .meta({ id: 'McpError', description: 'A refusal in the words of JSON-RPC.' });

/** Ours before the message is looked at, the protocol's after that. */
const refused = { content: { 'application/json': { schema: z.union([errorBody, rpcError]) } } };

/**
 * The Model Context Protocol over HTTP. Stateless: each request has a server of its own, which knows whose key it came
 * with. Key, limits and origin are checked before the SDK sees anything.
 */
export const mcpRoutes: Routes = (app, context) => {
  const serve = createServe(app, context);
  const onRequest = async (request: FastifyRequest): Promise<void> =>
    refuseForeignPages(request, context.config.publicUrl);
  const tags = ['handoffs'];

  app.post(
    '/mcp',
    {
      onRequest,
      bodyLimit: context.config.limits.largeBodyBytes,
      schema: {
        tags,
        summary: 'MCP: tools for models',
        description:
          'Streamable HTTP without sessions. Tools: `request_handoff`, `handoff_status`, `send_user_message`, `end_handoff`. With the operator key every call names its `botId`.',
        body: message,
        response: {
          200: z.unknown(),
          202: z.unknown(),
          ...errors(403),
          400: { description: 'No message of MCP.', ...refused },
          406: { description: 'Accept both application/json and text/event-stream.', ...refused },
          415: { description: 'The body is not JSON.', ...refused },
        },
      },
    },
    serve,
  );
  for (const method of ['GET', 'DELETE'] as const) {
    app.route({
      method,
      url: '/mcp',
      exposeHeadRoute: false,
      onRequest,
      schema: {
        tags,
        summary: 'MCP: 405, there are no sessions',
        response: { 405: { description: 'There are no sessions.', ...refused }, ...errors(403) },
      },
      handler: serve,
    });
  }
};

function createServe(app: App, context: ApiContext) {
  const report = (error: Error): void => context.log.debug({ err: error }, 'an MCP request was refused');
  const handler = createMcpHandler(
    ({ authInfo }) => {
      const extra = authInfo?.extra as Extra | undefined;
      if (extra === undefined) throw new Error('a request without its caller');
      return createServer(extra.call, extra.trigger);
    },
    // Nothing here ever changes, so nobody needs to listen for changes.
    { onerror: report, maxSubscriptions: 0 },
  );
  const toNode = toNodeHandler(handler, { onerror: report });
  app.addHook('onClose', () => handler.close());

  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const signal = goneSignal(reply, context.closing);
    const call: Call = { context, principal: principalOf(request), request, signal };
    const extra: Extra = { call, trigger: await triggerFor(call) };
    reply.hijack();
    if (request.method !== 'POST') void reply.header('allow', 'POST');
    passHeaders(reply);
    const auth: AuthInfo = { token: '', clientId: '', scopes: [], extra };
    await toNode(
      Object.assign(request.raw, { auth }) as NodeIncomingMessageLike,
      reply.raw,
      request.body === NULL_BODY ? null : request.body,
    );
    // Kept for another request, the connection would keep a server that closes waiting.
    if (context.closing.aborted) request.raw.socket.destroySoon();
  };
}

/** Travels with the request as what the SDK takes for facts about its key. */
type Extra = { call: Call; trigger: string | undefined };

/** Only the list of tools shows it. */
async function triggerFor({ context, principal, request }: Call): Promise<string | undefined> {
  const { method } = (request.body ?? {}) as { method?: unknown };
  if (method !== 'tools/list' || principal.kind !== 'bot') return undefined;
  return (await context.store.bots.get(principal.botId))?.settings.trigger;
}

/** Fastify writes nothing more on a hijacked reply, so the headers of our plugins are left to us. */
function passHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
}
