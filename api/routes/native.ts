import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { conversationSettings } from '../../activities/settings.ts';
import type { BotRecord, ConversationRow } from '../../activities/store/store.ts';
import type { ConversationEvent } from '../../workflows/contracts.ts';
import { visibleBot } from '../bot-view.ts';
import type { ApiContext } from '../context.ts';
import { ApiError, notFound } from '../errors.ts';
import { conversationInput } from '../inbound.ts';
import { inOwnMessenger } from '../../activities/desks/messenger.ts';
import { afterSeqQuery, eventLimitQuery, errors } from '../schemas/common.ts';
import {
  botMessageAccepted,
  conversation,
  conversationEventPage,
  conversationParams,
} from '../schemas/conversations.ts';
import { messageRequest } from '../schemas/handoffs.ts';
import type { Routes } from './route.ts';

const tags = ['conversations'];
const BASE = '/v1/bots/:botId/conversations/:conversationId';

/** Native mode: the conversations in the messenger of the bot's desk. */
export const nativeRoutes: Routes = (app, context) => {
  const { store } = context;

  app.post(
    `${BASE}/messages`,
    {
      schema: {
        tags,
        summary: "Native mode: the bot speaks in the desk's conversation",
        description:
          'Accepted means delivered, in order: it is kept until the desk has it, or `message.failed` says so. 409 ' +
          '`human_has_it` while a handoff is open for the conversation or a human has taken it. A conversation is known ' +
          "from the user's first message on. The same `id` again changes nothing until `conversation.ended`.",
        params: conversationParams,
        body: messageRequest,
        response: { 202: botMessageAccepted, ...errors(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const bot = await visibleBot(context, request);
      if (!isInMessenger(context, bot)) throw notNative();
      const row = await knownConversation(context, bot, request.params.conversationId);
      const { owner } = await ownerOf(context, row);
      if (owner === 'human') throw humanHasIt();
      const { text, attachments } = request.body;
      const id = request.body.id ?? `msg_${randomBytes(12).toString('hex')}`;
      const signal = { kind: 'botMessage' as const, id, text, ...(attachments && { attachments }) };
      // The session may have ended by its idle time: the bot may speak first.
      await context.intake.send(row.id, signal, conversationInput(row, conversationSettings(bot.settings)));
      return reply.code(202).send({ id, conversationId: row.deskConversationId });
    },
  );

  app.get(
    BASE,
    {
      schema: {
        tags,
        summary: 'Who has a native conversation',
        params: conversationParams,
        response: { 200: conversation, ...errors(403, 404) },
      },
    },
    async (request) => {
      const bot = await visibleBot(context, request);
      const row = await knownConversation(context, bot, request.params.conversationId);
      const { deskConversationId: id, desk, lastSeq, startedAt } = row;
      return { id, desk, ...(await ownerOf(context, row)), lastSeq, startedAt };
    },
  );

  app.get(
    `${BASE}/events`,
    {
      schema: {
        tags,
        summary: 'The journal of a native conversation',
        description:
          "What happened while no handoff had it, in order, over all its sessions. A live stream of it is the bot's.",
        params: conversationParams,
        querystring: z.object({ after: afterSeqQuery, limit: eventLimitQuery }),
        response: { 200: conversationEventPage, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const { after, limit } = request.query;
      const bot = await visibleBot(context, request);
      const row = await knownConversation(context, bot, request.params.conversationId);
      const events = await store.journal.read<ConversationEvent>(row.id, after, limit);
      return { events, next: events.at(-1)?.seq ?? after };
    },
  );
};

function isInMessenger({ desks }: ApiContext, { settings }: BotRecord): boolean {
  const desk = settings.desk === null ? undefined : desks.get(settings.desk.kind);
  return desk !== undefined && inOwnMessenger(desk, settings);
}

/** At the bot's present desk; one that no webhook has told of is unknown. */
async function knownConversation({ store }: ApiContext, bot: BotRecord, id: string): Promise<ConversationRow> {
  const desk = bot.settings.desk?.kind;
  const row = desk === undefined ? undefined : await store.conversations.find(bot.id, desk, id);
  if (row === undefined) throw notFound('conversation');
  return row;
}

async function ownerOf({ store }: ApiContext, row: ConversationRow) {
  const handoff = await store.handoffs.openFor(row.botId, row.deskConversationId);
  const handoffId = handoff?.desk === row.desk ? handoff.id : null;
  return { owner: handoffId !== null || row.human ? ('human' as const) : ('bot' as const), handoffId };
}

const notNative = (): ApiError =>
  new ApiError(409, 'not_native', 'The users of this bot are not in the messenger of its desk.');

const humanHasIt = (): ApiError =>
  new ApiError(409, 'human_has_it', 'A human has the conversation or is being called: the bot is silent.');
