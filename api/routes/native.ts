import { z } from 'zod';
import { requireBot } from '../auth.ts';
import { ApiError, notFound } from '../errors.ts';
import { botParams } from '../schemas/bots.ts';
import { errors } from '../schemas/common.ts';
import { messageAccepted, messageRequest } from '../schemas/handoffs.ts';
import type { Routes } from './route.ts';

export const nativeRoutes: Routes = (app, { store }) => {
  app.post(
    '/v1/bots/:botId/conversations/:conversationId/messages',
    {
      schema: {
        tags: ['handoffs'],
        summary: "Native mode: the bot speaks in the desk's conversation",
        description: 'No desk of this version has a native mode, so the answer is 409 `not_native`.',
        params: botParams.extend({ conversationId: z.string() }),
        body: messageRequest,
        response: { 202: messageAccepted, ...errors(400, 403, 404, 409) },
      },
    },
    async (request) => {
      const { botId } = request.params;
      requireBot(request, botId);
      if ((await store.bots.get(botId)) === undefined) throw notFound('bot');
      throw new ApiError(
        409,
        'not_native',
        'The bot is in external mode: its users are not in the messenger of a desk.',
      );
    },
  );
};
