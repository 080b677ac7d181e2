import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { visibleRow } from '../acts.ts';
import { principalOf } from '../auth.ts';
import { errors } from '../schemas/common.ts';
import { timezoneQuery, transcript } from '../schemas/insight.ts';
import { transcriptText } from '../transcript-text.ts';
import { transcriptJson, transcriptParts } from '../transcript.ts';
import type { Routes } from './route.ts';

const FORMS = {
  text: { type: 'text/plain; charset=utf-8', extension: 'txt' },
  json: { type: 'application/json; charset=utf-8', extension: 'json' },
} as const;

const answer = {
  description: 'A file to keep.',
  content: { 'application/json': { schema: transcript }, 'text/plain': { schema: z.string() } },
};

export const transcriptRoutes: Routes = (app, context) => {
  const { store } = context;

  app.get(
    '/v1/handoffs/:id/transcript',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['handoffs'],
        summary: 'A handoff to read or to keep',
        description:
          'What was said before, the question, the handoff, how it ended, and what came too late; as a download, however long it is.',
        params: z.object({ id: z.string() }),
        querystring: z.object({
          format: z.enum(['text', 'json']).default('text'),
          timezone: timezoneQuery.describe('Of the times in the text.'),
        }),
        response: { 200: answer, ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const row = await visibleRow(context, principalOf(request), request.params.id);
      const { format, timezone } = request.query;
      const head = { row, before: (await store.insight.history(row.id)) ?? null };
      const parts = transcriptParts(store, row);
      const chunks = format === 'json' ? transcriptJson(head, parts) : transcriptText(head, parts, timezone);
      return download(reply, row.id, format, chunks);
    },
  );
};

/** The generator is asked for more only when the socket has room. */
function download(reply: FastifyReply, id: string, format: keyof typeof FORMS, chunks: AsyncIterable<string>) {
  const { type, extension } = FORMS[format];
  const name = id.replaceAll(/[^\w-]/g, '_');
  return reply
    .header('content-type', type)
    .header('content-disposition', `attachment; filename="handoff-${name}.${extension}"`)
    .header('cache-control', 'no-store')
    .send(Readable.from(chunks));
}
