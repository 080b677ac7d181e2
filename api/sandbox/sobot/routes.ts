import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SandboxOperation } from '../desk-sandbox.ts';
import type { Served, Shell } from '../shell.ts';
import type { Operation } from './operations.ts';
import { bodyOf, enveloped, sendError, SobotError, type Tokens } from './request.ts';
import type { SobotSwitches } from './switches.ts';

interface Doors {
  shell: Shell;
  tokens: Tokens;
  switches(): SobotSwitches;
}

/** Which of Baton's operations a call is. */
const OPERATIONS: Readonly<Record<string, SandboxOperation>> = {
  chat_connect: 'open',
  chat_send: 'send',
  out: 'close',
};
const PREFIXES = { short: '/api/5/user', chat: '/api/chat/5/user' } as const;

/** The open platform: a token, and every operation under two prefixes. */
export function registerRoutes(
  app: FastifyInstance,
  operations: Readonly<Record<string, Operation>>,
  doors: Doors,
): void {
  const { shell, tokens, switches } = doors;
  app.setErrorHandler((error, _request, reply) => sendError(reply, error, switches()));
  app.get(
    '/api/get_token',
    { exposeHeadRoute: false },
    async (request, reply) =>
      await shell.serve(request, reply, 'verify', () => ({
        body: enveloped({ item: tokens.give(request.query as Record<string, string>) }, switches()),
      })),
  );
  for (const [which, prefix] of Object.entries(PREFIXES)) {
    for (const [name, run] of Object.entries(operations)) {
      const serve = (request: FastifyRequest): Served => {
        const { prefixes } = switches();
        if (prefixes !== 'both' && prefixes !== which) throw notFound();
        tokens.check(request);
        const query = request.query as Record<string, string>;
        const { item, items, after } = run({ body: bodyOf(request), query });
        const list = items === undefined ? { item } : { [switches().listIn]: items };
        return { body: enveloped(list, switches()), ...(after && { webhooks: after }) };
      };
      app.post(
        `${prefix}/${name}`,
        async (request, reply) => await shell.serve(request, reply, OPERATIONS[name], () => serve(request)),
      );
    }
  }
  app.all('/*', async () => {
    throw notFound();
  });
}

const notFound = (): SobotError => new SobotError('999999', 'not found', 404);
