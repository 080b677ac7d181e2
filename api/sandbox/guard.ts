import type { FastifyInstance } from 'fastify';
import { timingSafeEqual } from 'node:crypto';
import type { SandboxMount } from './desk-sandbox.ts';

const WRONG = { status: 401, error: 'the token of the sandbox is missing or wrong' };

/** Lets in who has the token, and whom the mounting server lets in, or everybody when neither is given; errors are `{ error }`. */
export function guardControl(app: FastifyInstance, token: string | undefined, { refuseControl }: SandboxMount): void {
  app.addHook('onRequest', async (request, reply) => {
    if (token === undefined && refuseControl === undefined) return undefined;
    if (token !== undefined && same(request.headers.authorization ?? '', `Bearer ${token}`)) return undefined;
    const refused = refuseControl === undefined ? WRONG : await refuseControl(request);
    return refused && (await reply.code(refused.status).send({ error: refused.error }));
  });
  app.setErrorHandler(async (error: { statusCode?: number; message: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return await reply.code(status).send({ error: status < 500 ? error.message : 'the sandbox failed' });
  });
}

/** Whether two texts are equal, in a time that tells nothing about where they differ. */
export function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
