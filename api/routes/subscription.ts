import type { FastifyRequest } from 'fastify';
import type { Desk, Subscribed, WebhookGuide } from '../../activities/desks/desk.ts';
import type { BotRecord } from '../../activities/store/store.ts';
import { visibleBot } from '../bot-view.ts';
import type { ApiContext } from '../context.ts';
import { callDesk } from '../desk-call.ts';
import { ApiError } from '../errors.ts';
import { botParams, subscription } from '../schemas/bots.ts';
import { errors } from '../schemas/common.ts';
import { failureOf } from '../verify.ts';
import { requireDesk, type Which, webhookOf, whichDeskQuery } from '../which-desk.ts';
import type { Routes } from './route.ts';

const tags = ['bots'];
/** Milliseconds: a desk takes one call for each topic. */
const SUBSCRIBE_MS = 20_000;
const PATH = '/v1/bots/:botId/subscription';

/** The desk's webhooks, made and removed for the operator where the desk's API can do it. */
export const subscriptionRoutes: Routes = (app, context) => {
  app.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Make the webhooks at the desk',
        description:
          'Each once, however often it is called. Where the desk or these credentials cannot do it, `subscribed` is ' +
          'false, `detail` says why, and `guide` says where to enter `webhookUrl` and which topics to choose. 409 ' +
          '`not_configured` without a desk, `no_webhooks` for a desk that calls other addresses.',
        params: botParams,
        querystring: whichDeskQuery,
        response: { 200: subscription, ...errors(400, 403, 404, 409) },
      },
    },
    async (request) => {
      const { bot, desk, ...hook } = await hookOf(context, request, request.query.desk);
      const { done, detail, field } = await subscribe(context, bot, desk, hook.webhookUrl);
      return { subscribed: done, detail, ...(field !== undefined && { field }), ...hook };
    },
  );

  app.delete(
    PATH,
    {
      schema: {
        tags,
        summary: 'Remove the webhooks at the desk',
        description: 'Those that lead to this bot. `subscribed` stays true where that failed; `detail` says why.',
        params: botParams,
        querystring: whichDeskQuery,
        response: { 200: subscription, ...errors(400, 403, 404, 409) },
      },
    },
    async (request) => {
      const { bot, desk, ...hook } = await hookOf(context, request, request.query.desk);
      const { done, detail, field } = await unsubscribe(context, bot, desk, hook.webhookUrl);
      return { subscribed: !done, detail, ...(field !== undefined && { field }), ...hook };
    },
  );
};

interface Hook {
  bot: BotRecord;
  desk: Desk;
  webhookUrl: string;
  guide: WebhookGuide;
}

async function hookOf(
  context: ApiContext,
  request: FastifyRequest<{ Params: { botId: string } }>,
  which: Which,
): Promise<Hook> {
  const bot = await visibleBot(context, request);
  const desk = requireDesk(context, bot, which);
  const { webhookUrl, webhookGuide } = webhookOf(context, bot, which);
  if (webhookUrl === null || webhookGuide === null) throw noWebhooks(context, desk);
  return { bot, desk, webhookUrl, guide: webhookGuide };
}

const noWebhooks = ({ config }: ApiContext, desk: Desk): ApiError =>
  new ApiError(
    409,
    'no_webhooks',
    `A ${desk.title} desk has no webhooks to make: let it call ${config.publicUrl}/v1/human/message/receive and ` +
      `${config.publicUrl}/v1/human/close with a key of this bot.`,
  );

type Outcome = Subscribed & { field?: string };

async function subscribe(context: ApiContext, bot: BotRecord, desk: Desk, url: string): Promise<Outcome> {
  if (desk.subscribe === undefined) return { done: false, detail: byHand(desk, 'made') };
  const { mode } = bot.settings;
  return await atDesk(context, bot, desk, 'subscribe', async (ctx) => {
    return (await desk.subscribe?.(ctx, { url, mode })) ?? { done: false, detail: byHand(desk, 'made') };
  });
}

async function unsubscribe(context: ApiContext, bot: BotRecord, desk: Desk, url: string): Promise<Outcome> {
  if (desk.unsubscribe === undefined) return { done: false, detail: byHand(desk, 'removed') };
  return await atDesk(context, bot, desk, 'unsubscribe', async (ctx) => {
    await desk.unsubscribe?.(ctx, { url });
    return { done: true, detail: `${desk.title} has no webhook that leads here any more.` };
  });
}

const byHand = ({ title }: Desk, what: 'made' | 'removed'): string =>
  `The webhooks of ${title} are ${what} by hand: follow the guide.`;

async function atDesk(
  context: ApiContext,
  bot: BotRecord,
  desk: Desk,
  operation: string,
  work: Parameters<typeof callDesk<Outcome>>[2],
): Promise<Outcome> {
  const config = await context.store.bots.desk(bot.id, desk.id);
  try {
    return await callDesk(context, { botId: bot.id, desk, config, operation, timeoutMs: SUBSCRIBE_MS }, work);
  } catch (error) {
    return { done: false, ...failureOf(context, desk.id, error, 'The desk could not be called.') };
  }
}
