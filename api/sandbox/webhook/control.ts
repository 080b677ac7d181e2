import type { FastifyInstance } from 'fastify';
import type { SandboxMount } from '../desk-sandbox.ts';
import { guardControl } from '../guard.ts';
import { readFault } from './faults.ts';
import type { SandboxCall, SandboxEndpoint } from './records.ts';
import { SANDBOX_ENDPOINTS } from './records.ts';
import { readScript } from './scripts.ts';
import { endpointOf, registerShared } from './shared-control.ts';
import type { WebhookSandbox } from './index.ts';

interface ControlOptions {
  /** Bearer token of the control calls. */
  controlToken?: string;
  mount: SandboxMount;
  /** Under which Baton reaches the desk. */
  baseUrl?: string;
}

const isEndpoint = (value: unknown): value is SandboxEndpoint => SANDBOX_ENDPOINTS.some((known) => known === value);

/** Credentials of the caller are not for everybody who looks at the sandbox. */
const shown = (call: SandboxCall): SandboxCall => ({
  ...call,
  headers: { ...call.headers, ...(call.headers['authorization'] !== undefined && { authorization: '***' }) },
});

/** Programs the sandbox over HTTP, under `_control/`. Answers are `{ error }` with 400 or what was asked for. */
export function registerControl(app: FastifyInstance, sandbox: WebhookSandbox, options: ControlOptions): void {
  const { controlToken: token, baseUrl, mount } = options;
  guardControl(app, token, mount);

  app.get('/calls', async (request) => {
    const { conversationId } = request.query as { conversationId?: string };
    const calls = sandbox.calls.filter(
      ({ body }) =>
        conversationId === undefined ||
        (body as { conversation_id?: unknown } | undefined)?.conversation_id === conversationId,
    );
    return { calls: calls.map(shown), raw: sandbox.raw };
  });

  app.post('/faults', async (request, reply) => {
    const { operation, ...given } = (request.body ?? {}) as { operation?: unknown; endpoint?: unknown };
    const { endpoint, ...input } = operation === undefined ? given : { ...given, endpoint: endpointOf(operation) };
    if (!isEndpoint(endpoint)) return reply.code(400).send({ error: `endpoint: ${SANDBOX_ENDPOINTS.join(', ')}` });
    const fault = readFault(input);
    if (typeof fault === 'string') return reply.code(400).send({ error: fault });
    sandbox.fault(endpoint, fault);
    return { ...(operation === undefined ? { endpoint } : { operation }), ...fault };
  });
  app.delete('/faults', async (_request, reply) => {
    sandbox.clearFaults();
    return reply.code(204).send();
  });

  app.post('/script', async (request, reply) => {
    const { botId, script: name, ...input } = (request.body ?? {}) as { botId?: unknown; script?: unknown };
    const script = readScript(name === undefined ? input : { name });
    if (typeof script === 'string') return reply.code(400).send({ error: script });
    sandbox.setScript(script, typeof botId === 'string' ? botId : undefined);
    return script;
  });

  app.get('/connect', async ({ query }) => {
    const { botId } = query as { botId?: string };
    return { connected: sandbox.isConnected(botId ?? '') };
  });
  app.post('/connect', async (request, reply) => {
    const { botId, apiKey } = (request.body ?? {}) as { botId?: unknown; apiKey?: unknown };
    if (typeof apiKey !== 'string' || typeof botId !== 'string') {
      return reply.code(400).send({ error: 'botId and apiKey (a key of that bot) are needed' });
    }
    sandbox.connect({ botId, apiKey });
    return reply.code(204).send();
  });

  app.post('/reply', async (request, reply) => {
    const { conversationId, text, ...options } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof conversationId !== 'string' || typeof text !== 'string') {
      return reply.code(400).send({ error: 'conversationId and text are needed' });
    }
    return await sandbox.reply(conversationId, text, options);
  });
  app.post('/close', async (request, reply) => {
    const { conversationId } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof conversationId !== 'string') return reply.code(400).send({ error: 'conversationId is needed' });
    return await sandbox.close(conversationId);
  });
  registerShared(app, sandbox, baseUrl);
  app.post('/reset', async (_request, reply) => {
    sandbox.reset();
    return reply.code(204).send();
  });
}
