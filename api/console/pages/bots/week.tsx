import { dateTime, locale, translator } from '../../lib/i18n.ts';
import { ErrorNote } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { Card } from './form.tsx';
import { dayName } from './period-row.tsx';
import type { Hours, Week } from './types.ts';
import type { WeekPreview } from './use-week.ts';

const t = translator({
  en: {
    title: 'The week from today',
    hint: 'Periods that overlap or touch are one. The end minute is outside.',
    open: 'open now',
    closed: 'closed now',
    closes: 'Closes {at}',
    never_closes: 'Never closes.',
    opens: 'Opens next {at}',
    never_opens: 'No period lies ahead: it never opens.',
    always: 'Always open.',
    your_time: '(your time)',
    day_closed: 'closed',
    stale: 'as it was before the last change',
    today: 'today',
  },
  fr: {
    title: 'La semaine à partir d’aujourd’hui',
    hint: 'Les périodes qui se chevauchent ou se touchent n’en font qu’une. La dernière minute est en dehors.',
    open: 'ouvert maintenant',
    closed: 'fermé maintenant',
    closes: 'Ferme le {at}',
    never_closes: 'Ne ferme jamais.',
    opens: 'Ouvre le {at}',
    never_opens: 'Aucune période à venir : n’ouvre jamais.',
    always: 'Toujours ouvert.',
    your_time: '(votre heure)',
    day_closed: 'fermé',
    stale: 'tel qu’avant la dernière modification',
    today: 'aujourd’hui',
  },
});

/** What the periods come to, and whether it is open now. */
export function WeekCard({ hours, week, isStale, error }: WeekPreview & { hours: Hours | null }) {
  if (hours === null) {
    return (
      <Card title={t('title')}>
        <p class="row">
          <Chip value="available" text={t('open')} /> {t('always')}
        </p>
      </Card>
    );
  }
  return (
    <Card title={t('title')} hint={t('hint')}>
      <ErrorNote error={error} />
      {week ? (
        <>
          <p class="row" role="status">
            <Chip value={week.open ? 'available' : 'not_configured'} text={week.open ? t('open') : t('closed')} />
            <span>{nextChange(week)}</span>
            {isStale ? <span class="hint">({t('stale')})</span> : null}
          </p>
          <WeekPicture week={week} />
        </>
      ) : null}
    </Card>
  );
}

function nextChange({ open, nextOpening, nextClosing }: Week): string {
  if (open)
    return nextClosing === null ? t('never_closes') : `${t('closes', { at: dateTime(nextClosing) })} ${t('your_time')}`;
  return nextOpening === null ? t('never_opens') : `${t('opens', { at: dateTime(nextOpening) })} ${t('your_time')}`;
}

const DAY_MINUTES = 1_440;
const MARKS = [0, 6, 12, 18, 24];

/** Seven rows over 24 hours. The bars repeat what stands beside them as text. */
function WeekPicture({ week }: { week: Week }) {
  return (
    <ul class="week">
      <li class="week-day scale" aria-hidden="true">
        <Scale />
      </li>
      {week.days.map(({ date, weekday, periods }, at) => (
        <li key={date} class="week-day">
          <span class="week-name">
            <strong>{dayName(weekday)}</strong> <time dateTime={date}>{at === 0 ? t('today') : shortDate(date)}</time>
          </span>
          <Bar periods={periods} />
          <span class={periods.length === 0 ? 'hint' : undefined}>
            {periods.length === 0 ? t('day_closed') : periods.map(({ from, to }) => `${from}–${to}`).join(', ')}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Bar({ periods }: { periods: { from: string; to: string }[] }) {
  return (
    <svg class="week-bar" viewBox={`0 0 ${DAY_MINUTES} 20`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="closed" width={DAY_MINUTES} height="20" />
      {periods.map(({ from, to }) => (
        <rect key={from} class="open" x={minutes(from)} width={minutes(to) - minutes(from)} height="20" />
      ))}
      {MARKS.slice(1, -1).map((hour) => (
        <line key={hour} x1={hour * 60} x2={hour * 60} y1="0" y2="20" vector-effect="non-scaling-stroke" />
      ))}
    </svg>
  );
}

function Scale() {
  return (
    <span class="week-scale">
      {MARKS.map((hour) => (
        <span key={hour}>{hour}</span>
      ))}
    </span>
  );
}

/** `HH:MM` since midnight. */
function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}

const shortDate = (date: string): string =>
  new Intl.DateTimeFormat(locale.value, { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(date));
