import { duration, locale, number, word } from '../../lib/i18n.ts';
import { words } from '../../lib/texts.ts';
import { RowChart, type Row } from '../../ui/chart-rows.tsx';
import { countTicks, secondTicks } from '../../ui/chart-scale.ts';
import { TimeChart } from '../../ui/chart.tsx';
import type { Counted, Figures } from './figures.ts';
import { t } from './texts.ts';

type Point = { short: string; full: string };

export function Charts({ figures }: { figures: Figures }) {
  const points = figures.series.map(({ at }) => pointOf(at, figures.interval));
  return (
    <div class="charts">
      <HandoffsChart figures={figures} points={points} />
      <ReplyChart figures={figures} points={points} />
      <MessagesChart figures={figures} points={points} />
      <ReasonCharts figures={figures} />
    </div>
  );
}

interface OverTime {
  figures: Figures;
  points: Point[];
}

const otherOf = ({ started, answered, abandoned }: Counted): number => Math.max(0, started - answered - abandoned);

function HandoffsChart({ figures: { series, totals }, points }: OverTime) {
  return (
    <TimeChart
      title={t('handoffs_chart')}
      kind="bars"
      points={points}
      series={[
        { name: t('answered'), values: series.map(({ answered }) => answered), whole: totals.answered },
        { name: t('abandoned'), values: series.map(({ abandoned }) => abandoned), whole: totals.abandoned },
        { name: t('other'), values: series.map(otherOf), whole: otherOf(totals) },
      ]}
      format={number}
      ticksOf={countTicks}
    />
  );
}

function ReplyChart({ figures: { firstReplySeries, firstReplySeconds: reply }, points }: OverTime) {
  return (
    <TimeChart
      title={t('reply_chart')}
      kind="lines"
      points={points}
      series={[
        { name: t('median_line'), values: firstReplySeries.map(({ median }) => median), whole: reply?.median ?? null },
        { name: t('p90_line'), values: firstReplySeries.map(({ p90 }) => p90), whole: reply?.p90 ?? null },
      ]}
      format={duration}
      ticksOf={secondTicks}
    />
  );
}

function MessagesChart({ figures: { series, totals }, points }: OverTime) {
  return (
    <TimeChart
      title={t('messages_chart')}
      kind="bars"
      points={points}
      series={[{ name: t('messages_bars'), values: series.map(({ messages }) => messages), whole: totals.messages }]}
      format={number}
      ticksOf={countTicks}
    />
  );
}

function ReasonCharts({ figures }: { figures: Figures }) {
  const shared = { what: t('reason'), format: number };
  return (
    <>
      <RowChart
        {...shared}
        title={t('reasons_chart')}
        count={t('handoffs')}
        rows={rowsOf(figures.closeReasons)}
        empty={t('no_ends')}
      />
      <RowChart
        {...shared}
        title={t('refusals_chart')}
        count={t('requests')}
        rows={rowsOf(figures.refusals)}
        empty={t('no_refusals')}
      />
      <RowChart
        title={t('failures_chart')}
        what={t('desk')}
        count={t('messages')}
        format={number}
        rows={figures.desks.map(({ desk, failures, started }) => ({
          key: desk,
          name: desk,
          value: failures,
          more: t('of_handoffs', { n: number(started) }),
        }))}
        empty={t('no_desks')}
      />
    </>
  );
}

const rowsOf = (counted: Record<string, number>): Row[] =>
  Object.entries(counted)
    .map(([key, value]) => ({ key, name: word(words, key), value }))
    .toSorted((a, b) => b.value - a.value);

function pointOf(at: string, interval: 'hour' | 'day'): Point {
  const date = new Date(at);
  const text = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(locale.value, options).format(date);
  const day = { day: 'numeric', month: 'short' } as const;
  if (interval === 'day') return { short: text(day), full: text({ ...day, weekday: 'short', year: 'numeric' }) };
  return {
    short: date.getHours() === 0 ? text(day) : text({ hour: 'numeric' }),
    full: text({ ...day, hour: '2-digit', minute: '2-digit' }),
  };
}
