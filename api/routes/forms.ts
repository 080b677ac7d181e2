import { DateTime } from 'luxon';
import type { Desk } from '../../activities/desks/desk.ts';
import { configFields } from '../../activities/desks/registry.ts';
import { effectivePeriods, isOpen, nextClosing, nextOpening, type Hours } from '../../activities/hours.ts';
import { parseHours } from '../../activities/settings.ts';
import { TEXT_DESCRIPTIONS } from '../../activities/text/descriptions.ts';
import { BUILT_IN_TEXTS, USER_TEXT_KEYS } from '../../activities/text/languages.ts';
import { errors } from '../schemas/common.ts';
import { deskList, hoursPreview, hoursRequest, textList } from '../schemas/forms.ts';
import type { Routes } from './route.ts';

const tags = ['bots'];
const PREVIEW_DAYS = 7;

/** What a form needs to know before it can be filled in. Nothing of it belongs to a bot. */
export const formRoutes: Routes = (app, { desks }) => {
  app.get(
    '/v1/desks',
    {
      schema: { tags, summary: 'Desks and the fields of their settings', response: { 200: deskList, ...errors(403) } },
    },
    async () => ({ desks: desks.all().map(viewOf) }),
  );

  app.post(
    '/v1/hours',
    {
      // Checked as the settings of a bot are, with the same words.
      validatorCompiler: () => (value: unknown) => ({ value }),
      schema: {
        tags,
        summary: 'What hours mean, without saving them',
        body: hoursRequest,
        response: { 200: hoursPreview, ...errors(400, 403) },
      },
    },
    async (request) => previewOf(parseHours(request.body), Date.now()),
  );

  app.get(
    '/v1/texts',
    { schema: { tags, summary: 'The built-in sentences', response: { 200: textList, ...errors(403) } } },
    async () => ({
      languages: Object.keys(BUILT_IN_TEXTS),
      keys: USER_TEXT_KEYS.map((key) => ({ key, description: TEXT_DESCRIPTIONS[key] })),
      texts: BUILT_IN_TEXTS,
    }),
  );
};

function viewOf(desk: Desk) {
  const { id, title, docs, limits } = desk;
  const { modes, ...capabilities } = desk.capabilities;
  const [consent, subscribes] = [desk.consent !== undefined, desk.subscribe !== undefined];
  return { id, title, docs, modes, capabilities, limits, consent, subscribes, fields: configFields(desk) };
}

function previewOf(hours: Hours | null, nowMs: number) {
  const today = DateTime.fromMillis(nowMs, { zone: hours?.timezone ?? 'utc' });
  return {
    open: isOpen(hours, nowMs),
    nextOpening: nextOpening(hours, nowMs),
    nextClosing: nextClosing(hours, nowMs),
    days: Array.from({ length: PREVIEW_DAYS }, (_, index) => {
      const day = today.plus({ days: index });
      const date = day.toFormat('yyyy-MM-dd');
      return { date, weekday: day.weekday, periods: effectivePeriods(hours, date) };
    }),
  };
}
