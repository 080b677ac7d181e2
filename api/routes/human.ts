import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { DeskEvent } from '../../activities/desks/desk.ts';
import type { HandoffRow } from '../../activities/store/store.ts';
import { maySee, principalOf } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { type ApiError, logFailure, toApiError } from '../errors.ts';
import { receiveInbound } from '../inbound.ts';
import { storableJson } from '../plugins/body.ts';
import { humanAnswer, humanClose, humanMessage } from '../schemas/human.ts';
import type { App, Routes } from './route.ts';

/** The desk whose calls come here; every other desk has its own form at `/webhooks/…`. */
const DESK = 'webhook';

const SUCCESS = { code: 200, message: 'success' };

/** GPTBots' codes and the HTTP status that goes with each (the status is our choice: GPTBots documents none). */
const CODES = {
  40000: [400, 'parameter error'],
  40127: [401, 'developer authentication failed'],
  20055: [403, 'API feature disabled'],
  40356: [404, 'conversation does not exist'],
  40358: [403, 'conversation id does not match Agent or user'],
  42900: [429, 'too many requests'],
  50000: [500, 'internal error'],
} as const;

class HumanError extends Error {
  override readonly name = 'HumanError';
  readonly code: keyof typeof CODES;

  constructor(code: keyof typeof CODES) {
    super(CODES[code][1]);
    this.code = code;
  }
}

const response = {
  200: humanAnswer,
  400: humanAnswer.describe('40000: a field is missing or wrong.'),
  401: humanAnswer.describe('40127: no key, or an unknown one.'),
  403: humanAnswer.describe("20055: the bot's API is switched off. 40358: the conversation is another bot's."),
  404: humanAnswer.describe('40356: unknown or closed conversation.'),
  429: humanAnswer.describe('42900: too many requests; see `Retry-After`.'),
  503: humanAnswer.describe('50000: not stored, send it again; see `Retry-After`.'),
};

/** The two addresses that a GPTBots-compatible Webhook desk calls (gptbots-handoff section 5). */
export const humanRoutes: Routes = (app, context) => {
  app.setErrorHandler(humanErrorHandler);
  parseAnything(app);

  app.post(
    '/v1/human/message/receive',
    {
      schema: {
        tags: ['desk'],
        summary: 'A message of the agent (GPTBots-compatible)',
        description:
          'The first one starts the session. Success means stored: a repeat changes nothing and succeeds again.',
        body: humanMessage,
        response,
      },
    },
    async (request) => {
      const row = await conversation(context, request, request.body.conversation_id);
      const { agent, attachments, body: text } = request.body;
      const outcome = await receiveInbound(context, {
        ...inboundOf(request, row),
        event: {
          dedupeKey: dedupeKey(request.body),
          deskConversationId: request.body.conversation_id,
          signal: { kind: 'agentReply', id: '', text, ...(attachments && { attachments }), ...(agent && { agent }) },
        } as DeskEvent,
      });
      // Kept as late all the same.
      if (outcome === 'late' || row.desk !== DESK) throw new HumanError(40356);
      return SUCCESS;
    },
  );

  app.post(
    '/v1/human/close',
    {
      schema: {
        tags: ['desk'],
        summary: 'The agent closes (GPTBots-compatible)',
        description: 'Closing again succeeds again.',
        body: humanClose,
        response,
      },
    },
    async (request) => {
      const row = await conversation(context, request, request.body.conversation_id);
      if (row.status === 'closed') return SUCCESS;
      await receiveInbound(context, {
        ...inboundOf(request, row),
        event: {
          dedupeKey: `close:${row.id}`,
          deskConversationId: request.body.conversation_id,
          signal: { kind: 'close', id: '', by: 'agent' },
        },
      });
      return SUCCESS;
    },
  );
};

const inboundOf = (request: FastifyRequest, row: HandoffRow) => ({
  botId: row.botId,
  desk: DESK,
  handoffId: row.id,
  closed: row.status === 'closed',
  log: request.log,
});

/** The desk's conversation is the handoff. */
async function conversation(context: ApiContext, request: FastifyRequest, id: string): Promise<HandoffRow> {
  const row = await context.store.handoffs.get(id);
  if (row === undefined || !isOrWasHere(row)) throw new HumanError(40356);
  if (!maySee(principalOf(request), row.botId)) throw new HumanError(40358);
  return row;
}

const isOrWasHere = ({ desk, earlierDesks }: HandoffRow): boolean =>
  desk === DESK || earlierDesks.some((earlier) => earlier.desk === DESK);

function dedupeKey(message: z.output<typeof humanMessage>): string {
  const { conversation_id: conversationId, timestamp, body, message_id: id, attachments } = message;
  if (id !== undefined) return `id:${conversationId}:${id}`;
  const hash = createHash('sha256').update(
    JSON.stringify([conversationId, timestamp, body, ...(attachments ? [attachments] : [])]),
  );
  return `sha256:${hash.digest('hex')}`;
}

/** Desks that forget the content type are understood all the same. */
function parseAnything(app: App): void {
  app.addContentTypeParser('*', { parseAs: 'string' }, storableJson(app as unknown as FastifyInstance));
}

function humanErrorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toApiError(error);
  const code = error instanceof HumanError ? error.code : codeOf(answer);
  if (!(error instanceof HumanError)) logFailure(request, answer, error);
  const [status, text] = CODES[code];
  return reply
    .code(error instanceof HumanError || code !== 50000 ? status : answer.status)
    .headers(answer.headers)
    .send({ code, message: explained(text, answer) });
}

function codeOf(answer: ApiError): keyof typeof CODES {
  if (answer.code === 'api_disabled') return 20055;
  if (answer.status === 401) return 40127;
  if (answer.status === 429) return 42900;
  return answer.status < 500 ? 40000 : 50000;
}

function explained(text: string, { details }: ApiError): string {
  if (details === undefined) return text;
  return `${text}: ${details.map(({ path, message }) => `${path} ${message}`.trim()).join('; ')}`;
}
