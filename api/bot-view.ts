import type { FastifyRequest } from 'fastify';
import type { WebhookGuide } from '../activities/desks/desk.ts';
import type { BotRecord } from '../activities/store/store.ts';
import { requireBot } from './auth.ts';
import type { ApiContext } from './context.ts';
import { notFound } from './errors.ts';

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

/** Where the bot's desk calls us and what to set there; nulls for a desk that calls other addresses. */
export function webhookOf(
  { config, desks }: ApiContext,
  { settings, hookToken }: BotRecord,
): { webhookUrl: string | null; webhookGuide: WebhookGuide | null } {
  const desk = settings.desk === null ? undefined : desks.get(settings.desk.kind);
  if (desk?.webhook === undefined) return { webhookUrl: null, webhookGuide: null };
  return {
    webhookUrl: `${config.publicUrl}/webhooks/${desk.id}/${hookToken}`,
    webhookGuide: desk.webhook.guide(settings.mode),
  };
}

/** A bot as the API shows it. */
export function viewOf(context: ApiContext, record: BotRecord) {
  const { id, settings, service, createdAt, updatedAt } = record;
  return { id, settings: { ...settings }, service, ...webhookOf(context, record), createdAt, updatedAt };
}
