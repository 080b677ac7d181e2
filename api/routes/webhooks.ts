import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { boundedEvents } from '../../activities/desks/bounds.ts';
import type { Desk, DeskEvent, RawRequest, RawResponse } from '../../activities/desks/desk.ts';
import type { DeskConfig } from '../../activities/store/store.ts';
import type { ApiContext } from '../context.ts';
import { receiveReport } from '../desk-events.ts';
import { ApiError } from '../errors.ts';
import { storable } from '../plugins/body.ts';
import { errors } from '../schemas/common.ts';
import { answerTurn } from '../turn.ts';
import type { App, Routes } from './route.ts';

const unknown = (): ApiError => new ApiError(404, 'not_found', 'There is nothing here.');

/** What desks call. The token names the bot; the desk's own signature is checked besides, over the raw bytes. */
export const webhookRoutes: Routes = (app, context) => {
  rawBodies(app);

  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT'],
    url: '/webhooks/:desk/:hookToken',
    // Desks send whole conversations in one call.
    bodyLimit: context.config.limits.largeBodyBytes,
    exposeHeadRoute: false,
    // A desk that is answered 429 slows down or gives up: what it reports is never too much.
    config: { rateLimit: false },
    schema: {
      tags: ['desk'],
      summary: 'What a desk calls',
      description:
        "The desk's own format, signed as the desk does it. 2xx means stored. A desk that waits for the bot gets what the bot has said for this call in the answer, or its own word for nothing when none came in time. GET and HEAD answer 200 when the address is right, and challenges in the words of the desk. Never 410 or 429 for an address that is right.",
      security: [],
      params: z.object({ desk: z.string().max(100), hookToken: z.string().max(200) }),
      response: { 200: z.any(), ...errors(400, 404, 413) },
    },
    handler: async (request, reply) => {
      const { desk, botId } = await addressee(context, request, request.params);
      if (request.method === 'HEAD') return reply.code(200).send();
      const raw = rawRequest(request);
      const challenge = desk.webhook?.challenge?.(raw);
      if (challenge !== undefined) return answerRaw(reply, challenge);
      if (request.method === 'GET') return reply.code(200).send({});
      const config = await authenticate(context, desk, botId, raw, request);
      await receiveReport(context, { botId, desk, events: parse(desk, raw, config), log: request.log });
      const answer = await answerTurn(context, { botId, desk, config, raw }, reply);
      return answer === undefined ? reply.code(200).send({}) : answerRaw(reply, answer);
    },
  });
};

/** What any body may have; one that Fastify cannot read it answers 415, and a desk's report would be lost. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+ *(;|$)/;

function rawBodies(app: App): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (!MEDIA_TYPE.test(headers['content-type'] ?? '')) delete headers['content-type'];
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

const rawRequest = ({ method, url, headers, body }: FastifyRequest): RawRequest => ({
  method,
  url,
  headers,
  body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
});

async function addressee(
  context: ApiContext,
  request: FastifyRequest,
  params: { desk: string; hookToken: string },
): Promise<{ desk: Desk; botId: string }> {
  const desk = context.desks.get(params.desk);
  const found = desk && (await context.store.bots.byHookToken(desk.id, params.hookToken));
  if (desk === undefined || found === undefined) {
    // Only counted after the look: wrong tokens from the desk's address must not stop the right ones.
    await request.server.guard.failed(request);
    throw unknown();
  }
  if (desk.webhook === undefined) throw unknown();
  return { desk, botId: found.botId };
}

/** Fails closed: also when the bot has no config of that desk any more. */
async function authenticate(
  context: ApiContext,
  desk: Desk,
  botId: string,
  raw: RawRequest,
  request: FastifyRequest,
): Promise<DeskConfig> {
  const config = await context.store.bots.desk(botId, desk.id);
  const result = config === undefined ? undefined : desk.webhook?.authenticate(raw, config);
  if (config !== undefined && result?.ok === true) return config;
  const reason = result?.ok === false ? result.reason : 'no config';
  request.log.warn({ desk: desk.id, botId, reason }, 'webhook refused');
  throw new ApiError(401, 'unauthorized', 'The signature is not right.');
}

function parse(desk: Desk, raw: RawRequest, config: DeskConfig): DeskEvent[] {
  try {
    return boundedEvents(storable(desk.webhook?.parse(raw, config) ?? []));
  } catch (error) {
    throw new ApiError(400, 'invalid_request', 'The body is not what this desk sends.', { cause: error });
  }
}

const answerRaw = (reply: FastifyReply, { status, headers, body }: RawResponse): FastifyReply =>
  reply
    .code(status)
    .headers(headers ?? {})
    .serializer((text: unknown) => String(text))
    .send(body ?? '');
