import { TooManyToCount, type Figures } from '../../activities/store/store.ts';
import { askedBot } from '../auth.ts';
import { bucketsOf, type Buckets } from '../buckets.ts';
import { invalid, requireOrder } from '../errors.ts';
import { errors } from '../schemas/common.ts';
import { overview, overviewQuery } from '../schemas/insight.ts';
import type { Routes } from './route.ts';

const DEFAULT_RANGE_MS = 7 * 86_400_000;

export const overviewRoutes: Routes = (app, { store }) => {
  app.get(
    '/v1/overview',
    {
      schema: {
        tags: ['operations'],
        summary: 'Figures over time',
        description:
          "Handoffs that began in a range and what became of them, by hour or day, at most 400 of them. All bots with the operator's key, its own with a bot's key.",
        querystring: overviewQuery,
        response: { 200: overview, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const botId = askedBot(request, request.query.botId);
      const { from, to, timezone } = request.query;
      const toMs = to === undefined ? Date.now() : Date.parse(to);
      const fromMs = from === undefined ? Math.max(0, toMs - DEFAULT_RANGE_MS) : Date.parse(from);
      requireOrder(fromMs, toMs);
      const buckets = bucketsOf(fromMs, toMs, timezone);
      if (buckets === undefined) {
        throw invalid([{ path: 'from', message: 'is more than 400 days before `to`: ask for a shorter range' }]);
      }
      const figures = await store.insight.figures({ botId, buckets: buckets.starts, toMs }).catch(tooMany);
      return { from: iso(fromMs), to: iso(toMs), ...answerOf(buckets, figures) };
    },
  );
};

function tooMany(error: unknown): never {
  if (!(error instanceof TooManyToCount)) throw error;
  const message = 'is too early: counting so many handoffs takes too long. Ask for a shorter range, or for one bot';
  throw invalid([{ path: 'from', message }]);
}

const iso = (ms: number): string => new Date(ms).toISOString();

function answerOf({ interval, starts }: Buckets, { firstReply, series, ...figures }: Figures) {
  return {
    interval,
    ...figures,
    series: series.map(({ firstReply: _firstReply, ...counts }, index) => ({ at: iso(starts[index]!), ...counts })),
    firstReplySeconds: firstReply,
    firstReplySeries: series.map(({ firstReply: reply }, index) => ({
      at: iso(starts[index]!),
      median: reply?.median ?? null,
      p90: reply?.p90 ?? null,
    })),
  };
}
