import { z } from 'zod';
import type { Desk, WebhookGuide } from '../activities/desks/desk.ts';
import type { BotSettings } from '../activities/settings.ts';
import type { BotRecord, Service } from '../activities/store/store.ts';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';

const WHICH = ['first', 'second'] as const;
export type Which = (typeof WHICH)[number];

/** Of routes that are about one of a bot's desks. */
export const whichDeskQuery = z.object({
  desk: z.enum(WHICH).default('first').describe('`second`: the one of `secondDesk`.'),
});

/** The settings as if this desk was the only one. */
export const asOnlyDesk = (settings: BotSettings, which: Which): BotSettings => ({
  ...settings,
  desk: which === 'first' ? settings.desk : settings.secondDesk,
  secondDesk: null,
});

/** The bot as if this desk was the only one. */
export function withOnlyDesk(bot: BotRecord, which: Which): BotRecord {
  const { hookToken, service } = which === 'first' ? bot : (bot.secondDesk ?? NONE);
  return { ...bot, settings: asOnlyDesk(bot.settings, which), hookToken, service, secondDesk: null };
}

const NONE: { hookToken: string; service: Service } = {
  hookToken: '',
  service: { state: 'not_configured', since: null },
};

/** 409 `not_configured` when the bot has no such desk. */
export function requireDesk({ desks }: ApiContext, { settings }: BotRecord, which: Which): Desk {
  const config = asOnlyDesk(settings, which).desk;
  const desk = config === null ? undefined : desks.get(config.kind);
  if (desk === undefined) throw notConfigured(which);
  return desk;
}

export const notConfigured = (which: Which): ApiError =>
  new ApiError(409, 'not_configured', which === 'first' ? 'The bot has no desk.' : 'The bot has no second desk.');

/** Where this desk calls us and what to set there; nulls for a desk that calls other addresses. */
export function webhookOf(
  { config, desks }: ApiContext,
  bot: BotRecord,
  which: Which = 'first',
): { webhookUrl: string | null; webhookGuide: WebhookGuide | null } {
  const { settings, hookToken } = withOnlyDesk(bot, which);
  const desk = settings.desk === null ? undefined : desks.get(settings.desk.kind);
  if (desk?.webhook === undefined) return { webhookUrl: null, webhookGuide: null };
  return {
    webhookUrl: `${config.publicUrl}/webhooks/${desk.id}/${hookToken}`,
    webhookGuide: desk.webhook.guide(settings.mode),
  };
}
