import type { FastifyRequest } from 'fastify';
import type { BotRecord } from '../activities/store/store.ts';
import { requireBot } from './auth.ts';
import type { ApiContext } from './context.ts';
import { notFound } from './errors.ts';
import { webhookOf } from './which-desk.ts';

/** The bot that the address names. Throws 404 for unknown and foreign bots alike. */
export async function visibleBot(
  { store }: ApiContext,
  request: FastifyRequest<{ Params: { botId: string } }>,
): Promise<BotRecord> {
  const { botId } = request.params;
  requireBot(request, botId);
  const bot = await store.bots.get(botId);
  if (bot === undefined) throw notFound('bot');
  return bot;
}

/** A bot as the API shows it. */
export function viewOf(context: ApiContext, record: BotRecord) {
  const { id, settings, service, createdAt, updatedAt, secondDesk } = record;
  const second = secondDesk && { service: secondDesk.service, ...webhookOf(context, record, 'second') };
  const first = { service, ...webhookOf(context, record) };
  return { id, settings: { ...settings }, ...first, secondDesk: second, createdAt, updatedAt };
}
