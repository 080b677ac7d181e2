import type { WebhookGuide } from '../activities/desks/desk.ts';
import type { BotRecord } from '../activities/store/store.ts';
import type { ApiContext } from './context.ts';

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
