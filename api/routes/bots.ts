import { isDeepStrictEqual } from 'node:util';
import type { FastifySchemaCompiler } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { DateTime } from 'luxon';
import { z } from 'zod';
import { effectivePeriods, isOpen, nextOpening } from '../../activities/hours.ts';
import { botSettingsSchema, type DeskSetting, parseSettings, type BotSettings } from '../../activities/settings.ts';
import { ChangedMeanwhile } from '../../activities/store/store.ts';
import { principalOf, requireBot, requireOperator } from '../auth.ts';
import { viewOf, visibleBot } from '../bot-view.ts';
import type { ApiContext } from '../context.ts';
import { ApiError, invalid, notFound } from '../errors.ts';
import { bot, botPage, botParams, botStatus, newBotId, tool, verified } from '../schemas/bots.ts';
import { cursorQuery, errors, limitQuery } from '../schemas/common.ts';
import { toolDefinition } from '../tool.ts';
import { serviceOf, verifyDesk } from '../verify.ts';
import { asOnlyDesk, notConfigured, type Which, whichDeskQuery, withOnlyDesk } from '../which-desk.ts';
import type { App, Routes } from './route.ts';

const tags = ['bots'];
const SAVE_TRIES = 10;

export const botRoutes: Routes = (app, context) => {
  settingsRoutes(app, context);
  serviceRoutes(app, context);
};

/** Settings are checked as a whole by `parseSettings`, which knows the desks and the stored secrets. */
const validateAllButBody: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === 'body'
    ? (value: unknown) => ({ value })
    : validatorCompiler(route as Parameters<typeof validatorCompiler>[0]);

function settingsRoutes(app: App, context: ApiContext): void {
  const { store } = context;

  app.get(
    '/v1/bots',
    {
      schema: {
        tags,
        summary: 'Bots',
        querystring: z.object({ cursor: cursorQuery, limit: limitQuery }),
        response: { 200: botPage, ...errors(400, 403) },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      if (principal.kind === 'bot') {
        const own = await store.bots.get(principal.botId);
        return { bots: own === undefined ? [] : [viewOf(context, own)], nextCursor: null };
      }
      const page = await store.bots.list(request.query);
      return { bots: page.bots.map((record) => viewOf(context, record)), nextCursor: page.nextCursor };
    },
  );

  app.get(
    '/v1/bots/:botId',
    { schema: { tags, summary: 'Settings of a bot', params: botParams, response: { 200: bot, ...errors(403, 404) } } },
    async (request) => viewOf(context, await visibleBot(context, request)),
  );

  app.put(
    '/v1/bots/:botId',
    {
      validatorCompiler: validateAllButBody,
      schema: {
        tags,
        summary: 'Create or replace the settings',
        description:
          'Absent fields get their default. A secret that is absent or `"set"` keeps the stored one. New credentials are verified: the save succeeds all the same, `service` says how it went.',
        params: botParams,
        body: botSettingsSchema,
        response: { 200: bot, 201: bot, ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { botId } = request.params;
      requireBot(request, botId);
      const { created, record } = await save(context, botId, request.body, false);
      return created ? reply.code(201).send(viewOf(context, record)) : viewOf(context, record);
    },
  );

  app.patch(
    '/v1/bots/:botId',
    {
      validatorCompiler: validateAllButBody,
      schema: {
        tags,
        summary: 'Change some settings',
        description: 'Absent fields stay; `desk` and `callback` are merged field by field.',
        params: botParams,
        body: botSettingsSchema.partial(),
        response: { 200: bot, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const { botId } = request.params;
      requireBot(request, botId);
      const { record } = await save(context, botId, request.body, true);
      return viewOf(context, record);
    },
  );

  app.delete(
    '/v1/bots/:botId',
    {
      schema: {
        tags,
        summary: 'Delete settings and keys',
        description: 'Refused while a handoff is open. Handoffs and their journals stay. Operator only.',
        params: botParams,
        response: { 204: z.null(), ...errors(403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { botId } = request.params;
      requireBot(request, botId);
      requireOperator(request);
      if ((await store.handoffs.countOpen(botId)) > 0) {
        throw new ApiError(409, 'handoffs_open', 'The bot has open handoffs. Close them first.');
      }
      if (!(await store.bots.delete(botId))) throw notFound('bot');
      return reply.code(204).send(null);
    },
  );
}

function serviceRoutes(app: App, context: ApiContext): void {
  const { store } = context;

  app.post(
    '/v1/bots/:botId/verify',
    {
      schema: {
        tags,
        summary: 'Call the desk with the credentials',
        description:
          'Changes nothing at the desk and sets the service status. A failure says exactly what is missing, and in `field` which field of `desk` is to blame.',
        params: botParams,
        querystring: whichDeskQuery,
        response: { 200: verified, ...errors(400, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = await visibleBot(context, request);
      const which = request.query.desk;
      const both = await store.bots.withSecrets(id);
      if (both === undefined) throw notFound('bot');
      const settings = asOnlyDesk(both, which);
      const result = await verifyDesk(context, id, settings);
      if (result === undefined || settings.desk === null) throw notConfigured(which);
      await store.bots.setService(id, settings.desk.kind, serviceOf(result));
      const { service } = withOnlyDesk(await visibleBot(context, request), which);
      return { ...result, service };
    },
  );

  app.get(
    '/v1/bots/:botId/status',
    {
      schema: {
        tags,
        summary: 'Service status, hours and health of the callback',
        params: botParams,
        response: { 200: botStatus, ...errors(403, 404) },
      },
    },
    async (request) => {
      const record = await visibleBot(context, request);
      const { settings } = record;
      const { state, ...since } = record.service;
      const callback = settings.callback === null ? null : await store.callbacks.health(record.id);
      const hours = hoursOf(settings, Date.now());
      const secondDesk = record.secondDesk?.service ?? null;
      return { service: state, ...since, secondDesk, enabled: settings.enabled, ...hours, callback };
    },
  );

  app.get(
    '/v1/bots/:botId/tool',
    {
      schema: {
        tags,
        summary: 'The tool that lets the model ask for a human',
        params: botParams,
        response: { 200: tool, ...errors(403, 404) },
      },
    },
    async (request) => toolDefinition((await visibleBot(context, request)).settings.trigger),
  );
}

/** Again when somebody else has saved meanwhile, most of all while a desk took its time to be verified. */
async function save(context: ApiContext, botId: string, input: unknown, partial: boolean) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await saveOnce(context, botId, input, partial);
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || tries === SAVE_TRIES) throw error;
    }
  }
}

async function saveOnce(context: ApiContext, botId: string, input: unknown, partial: boolean) {
  const { store, desks } = context;
  const previous = await store.bots.withSecrets(botId);
  if (partial && previous === undefined) throw notFound('bot');
  if (previous === undefined) checkNewId(botId);
  const settings = parseSettings(input, previous, desks, { partial });
  // Another mode needs other permissions at the desk.
  const isNew = (place: DeskSetting): boolean =>
    settings.mode !== previous?.mode || !isDeepStrictEqual(settings[place], previous[place]);
  const check = (place: DeskSetting, which: Which) =>
    isNew(place) ? verifyDesk(context, botId, asOnlyDesk(settings, which)) : undefined;
  const [first, second] = await Promise.all([check('desk', 'first'), check('secondDesk', 'second')]);
  const service = first === undefined ? {} : { service: serviceOf(first) };
  const secondService = second === undefined ? {} : { secondService: serviceOf(second) };
  const record = await store.bots.put(botId, settings, { ...service, ...secondService, expected: previous });
  return { created: previous === undefined, record };
}

function checkNewId(botId: string): void {
  const result = newBotId.safeParse(botId);
  if (!result.success) throw invalid(result.error.issues.map(({ message }) => ({ path: 'botId', message })));
}

function hoursOf({ hours }: BotSettings, nowMs: number) {
  const timezone = hours?.timezone ?? null;
  const today = DateTime.fromMillis(nowMs, { zone: timezone ?? 'utc' }).toFormat('yyyy-MM-dd');
  return {
    open: isOpen(hours, nowMs),
    periods: effectivePeriods(hours, today),
    timezone,
    nextOpening: nextOpening(hours, nowMs),
  };
}
