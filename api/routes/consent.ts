import { z } from 'zod';
import type { Desk } from '../../activities/desks/desk.ts';
import { visibleBot } from '../bot-view.ts';
import { beginConsent, finishConsent, returnPaths } from '../consent.ts';
import type { ApiContext } from '../context.ts';
import { ApiError, logFailure, toApiError } from '../errors.ts';
import { sendPage } from '../page.ts';
import { botParams, consentBegun } from '../schemas/bots.ts';
import { errors } from '../schemas/common.ts';
import { notConfigured, requireDesk, whichDeskQuery } from '../which-desk.ts';
import type { App, Routes } from './route.ts';

/** For desks whose credentials a human gives in his browser. */
export const consentRoutes: Routes = (app, context) => {
  const { store } = context;

  app.post(
    '/v1/bots/:botId/consent',
    {
      schema: {
        tags: ['bots'],
        summary: 'Begin the consent in the browser',
        description:
          'Open `url` in the browser of somebody who may allow it at the desk, within 10 minutes and once: he is asked ' +
          'there, and comes back to a page of Baton that says how it went and has set the service status. `redirectUri` ' +
          'has to be registered at the desk before. 409 `not_configured` without a desk, `no_consent` for a desk whose ' +
          'credentials are only typed.',
        params: botParams,
        querystring: whichDeskQuery,
        response: { 200: consentBegun, ...errors(400, 403, 404, 409) },
      },
    },
    async (request) => {
      const bot = await visibleBot(context, request);
      const { id: botId, settings } = bot;
      const which = request.query.desk;
      const desk = requireDesk(context, bot, which);
      const config = await store.bots.desk(botId, desk.id);
      if (config === undefined) throw notConfigured(which);
      const { consent } = desk;
      if (consent === undefined) {
        throw new ApiError(409, 'no_consent', `A ${desk.title} desk needs no consent: its credentials are typed.`);
      }
      return await beginConsent(context, { botId, desk, consent, config, mode: settings.mode });
    },
  );
};

/** Where desks send the browser back; what anybody may call. */
export const consentReturnRoutes: Routes = (app, context) => {
  app.setErrorHandler((error, request, reply) => {
    const answer = toApiError(error);
    logFailure(request, answer, error);
    const again = 'Begin again in the settings of the bot.';
    return sendPage(reply.headers(answer.headers), answer.status, {
      title: 'This did not work',
      lines: [answer.message, again],
    });
  });
  for (const desk of context.desks.all()) {
    for (const path of returnPaths(desk)) returnRoute(app, context, desk, path);
  }
};

const text = z.string().optional();
const query = z.looseObject({
  state: text.describe('As Baton gave it.'),
  code: text.describe('For tokens, by the desk.'),
  error: text.describe('Why there is no code, RFC 6749.'),
  error_description: text,
});

const html = (description: string) => ({
  description: `A page for the operator. ${description}`,
  content: { 'text/html': { schema: z.string() } },
});

function returnRoute(app: App, context: ApiContext, desk: Desk, path: string): void {
  app.get(
    path,
    {
      // Nothing but the browser itself may use up what is good for one time.
      exposeHeadRoute: false,
      schema: {
        tags: ['desk'],
        summary: `Where ${desk.title} sends the operator's browser back`,
        description: 'Ends what `POST /v1/bots/{botId}/consent` has begun. Further parameters are for the desk.',
        security: [],
        querystring: query,
        response: {
          200: html('The desk is connected.'),
          400: html('Refused at the desk, or an address that is unknown, over or used.'),
          502: html('The desk could not be asked, or does not work yet.'),
        },
      },
    },
    async (request, reply) => {
      const { status, page } = await finishConsent(context, desk, path, texts(request.query));
      return sendPage(reply, status, page);
    },
  );
}

/** What came once: a parameter that is there twice is none that a desk sends. */
const texts = (all: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
