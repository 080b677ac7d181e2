import type { FastifyInstance } from 'fastify';
import type { ZohoSalesiqSandbox } from './index.ts';
import type { Switches } from './world.ts';

const CHECKS: { [Name in keyof Switches]: (value: unknown) => boolean } = {
  consent: (value) => value === 'allow' || value === 'deny',
  location: (value) => typeof value === 'string',
  errorsAs4xx: (value) => typeof value === 'boolean',
  expiresInMs: (value) => typeof value === 'boolean',
  forwarding: (value) => value === null || [1001, 1002, 1003].includes(value as number),
  preview: (value) => typeof value === 'boolean',
  closeMethod: (value) => value === 'PUT' || value === 'POST',
};

/** What only SalesIQ can do, under `_control/zoho-salesiq/`. Steps answer `{ status }` or what they have made. */
export function registerZohoControl(app: FastifyInstance, sandbox: ZohoSalesiqSandbox): void {
  const steps: Record<string, (conversationId: string) => Promise<number>> = {
    'picks-up': (id) => sandbox.picksUp(id),
    misses: (id) => sandbox.misses(id),
    'visitor-closes': (id) => sandbox.visitorCloses(id),
    'visitor-rates': (id) => sandbox.visitorRates(id, 5),
  };
  for (const [name, step] of Object.entries(steps)) {
    app.post(`/zoho-salesiq/${name}`, async ({ body }, reply) => {
      const { conversationId } = (body ?? {}) as { conversationId?: unknown };
      if (typeof conversationId !== 'string' || sandbox.conversation(conversationId) === undefined) {
        return await reply.code(404).send({ error: 'unknown conversation' });
      }
      return { status: await step(conversationId) };
    });
  }

  app.post('/zoho-salesiq/switch', async ({ body }, reply) => {
    const given = Object.entries((body ?? {}) as Record<string, unknown>);
    const wrong = given.find(([name, value]) => !Object.hasOwn(CHECKS, name) || !CHECKS[name as keyof Switches](value));
    if (wrong !== undefined)
      return await reply.code(400).send({ error: `${wrong[0]} is unknown or has a wrong value` });
    sandbox.switch(Object.fromEntries(given.map(([name, value]) => [name, value ?? undefined])));
    return await reply.code(204).send();
  });
  app.post('/zoho-salesiq/advance-clock', async ({ body }, reply) => {
    const { ms } = (body ?? {}) as { ms?: unknown };
    if (typeof ms !== 'number' || ms < 0) return await reply.code(400).send({ error: 'ms: 0 or more' });
    await sandbox.advanceClock(ms);
    return await reply.code(204).send();
  });
  app.post('/zoho-salesiq/grant-code', async ({ body }, reply) => {
    const { mode = 'external' } = (body ?? {}) as { mode?: unknown };
    if (mode !== 'external' && mode !== 'native') return await reply.code(400).send({ error: 'external or native' });
    return { code: sandbox.grantCode(mode) };
  });
  /** What the administrator's browser does with the address of the consent page: where it sends him back. */
  app.post('/consent', async ({ body }, reply) => {
    const { url } = (body ?? {}) as { url?: unknown };
    if (typeof url !== 'string' || !URL.canParse(url)) return await reply.code(400).send({ error: 'url is needed' });
    const { pathname, search, host } = new URL(url);
    // It names itself by the host that it is asked at.
    const { statusCode, headers } = await app.inject({ url: pathname + search, headers: { host } });
    if (statusCode !== 302) return await reply.code(400).send({ error: 'this is no consent page' });
    return { location: String(headers.location) };
  });
  app.post('/zoho-salesiq/revoke-refresh-tokens', async (_request, reply) => {
    sandbox.revokeRefreshTokens();
    return await reply.code(204).send();
  });
  app.post('/zoho-salesiq/foreign-chat', async () => ({ conversationId: await sandbox.foreignChat('Hello') }));
  app.get('/zoho-salesiq/zobot', async () => {
    const { calls, problems, disabled } = sandbox.zobot;
    return { calls, problems, disabled };
  });
}
