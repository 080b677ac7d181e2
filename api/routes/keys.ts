import { z } from 'zod';
import { requireBot, requireOperator } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { notFound } from '../errors.ts';
import { botParams, keyList, keyRequest, newKey } from '../schemas/bots.ts';
import { errors } from '../schemas/common.ts';
import type { Routes } from './route.ts';

const tags = ['bots'];

/** Operator only: a key that could make keys would outlive its own deletion. */
export const keyRoutes: Routes = (app, context) => {
  const { store } = context;

  app.post(
    '/v1/bots/:botId/keys',
    {
      schema: {
        tags,
        summary: 'Make a key for a bot',
        description: 'The key is shown this once. Operator only.',
        params: botParams,
        body: keyRequest,
        response: { 201: newKey, ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { botId } = request.params;
      requireBot(request, botId);
      requireOperator(request);
      await requireKnown(context, botId);
      return reply.code(201).send(await store.keys.create(botId, request.body.label));
    },
  );

  app.get(
    '/v1/bots/:botId/keys',
    { schema: { tags, summary: 'Keys of a bot', params: botParams, response: { 200: keyList, ...errors(403, 404) } } },
    async (request) => {
      const { botId } = request.params;
      requireBot(request, botId);
      await requireKnown(context, botId);
      return { keys: await store.keys.list(botId) };
    },
  );

  app.delete(
    '/v1/bots/:botId/keys/:keyId',
    {
      schema: {
        tags,
        summary: 'Delete a key',
        description: 'Calls with it are refused within seconds. Operator only.',
        params: botParams.extend({ keyId: z.string().max(200) }),
        response: { 204: z.null(), ...errors(403, 404) },
      },
    },
    async (request, reply) => {
      const { botId, keyId } = request.params;
      requireBot(request, botId);
      requireOperator(request);
      if (!(await store.keys.delete(botId, keyId))) throw notFound('key');
      return reply.code(204).send(null);
    },
  );
};

async function requireKnown(context: ApiContext, botId: string): Promise<void> {
  if ((await context.store.bots.get(botId)) === undefined) throw notFound('bot');
}
