import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Desk, DeskEvent, RawRequest, RawResponse } from '../../activities/desks/desk.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { receiveInbound } from '../inbound.ts';
import { storable } from '../plugins/body.ts';
import { errors } from '../schemas/common.ts';
import type { App, Routes } from './route.ts';

/** Desks send whole conversations in one call. */
const BODY_LIMIT = 1024 * 1024;

const unknown = (): ApiError => new ApiError(404, 'not_found', 'There is nothing here.');

/** What desks call. The token names the bot; the desk's own signature is checked besides, over the raw bytes. */
export const webhookRoutes: Routes = (app, context) => {
  rawBodies(app);

  app.route({
    method: ['GET', 'POST', 'PUT'],
    url: '/webhooks/:desk/:hookToken',
    bodyLimit: BODY_LIMIT,
    exposeHeadRoute: false,
    schema: {
      tags: ['desk'],
      summary: 'What a desk calls',
      description: "The desk's own format. 2xx means stored.",
      security: [],
      params: z.object({ desk: z.string().max(100), hookToken: z.string().max(200) }),
      response: { 200: z.any(), ...errors(400, 404) },
    },
    handler: async (request, reply) => {
      const { desk, botId } = await addressee(context, request, request.params);
      const raw = rawRequest(request);
      const challenge = desk.webhook?.challenge?.(raw);
      if (challenge !== undefined) return answerRaw(reply, challenge);
      await authenticate(context, desk, botId, raw, request);
      // In order: a desk may report a message and the close behind it in one call.
      for (const event of parse(desk, raw)) {
        await receiveInbound(context, { botId, desk: desk.id, event: storable(event), log: request.log });
      }
      return reply.code(200).send({});
    },
  });
};

function rawBodies(app: App): void {
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
  const { guard } = request.server;
  await guard.check(request, params.hookToken);
  const desk = context.desks.get(params.desk);
  const found = desk && (await context.store.bots.byHookToken(desk.id, params.hookToken));
  if (desk === undefined || found === undefined) {
    await guard.failed(request);
    throw unknown();
  }
  guard.passed(params.hookToken);
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
): Promise<void> {
  const config = await context.store.bots.desk(botId, desk.id);
  const result = config === undefined ? undefined : desk.webhook?.authenticate(raw, config);
  if (result?.ok === true) return;
  const reason = result?.ok === false ? result.reason : 'no config';
  request.log.warn({ desk: desk.id, botId, reason }, 'webhook refused');
  throw new ApiError(401, 'unauthorized', 'The signature is not right.');
}

function parse(desk: Desk, raw: RawRequest): DeskEvent[] {
  try {
    return desk.webhook?.parse(raw) ?? [];
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
