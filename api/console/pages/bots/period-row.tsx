import { locale, translator } from '../../lib/i18n.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import type { Period } from './types.ts';

const t = translator({
  en: {
    weekly: 'Period {n}: every week',
    date: 'Period {n}: one date',
    days: 'Days',
    date_field: 'Date',
    from: 'From',
    to: 'To',
    remove: 'Remove',
    remove_row: 'Remove period {n}',
  },
  fr: {
    weekly: 'Période {n} : chaque semaine',
    date: 'Période {n} : une date',
    days: 'Jours',
    date_field: 'Date',
    from: 'De',
    to: 'À',
    remove: 'Retirer',
    remove_row: 'Retirer la période {n}',
  },
});

const WEEK = [1, 2, 3, 4, 5, 6, 7];

/** 1 = Monday. The first of January 2024 was one. */
export const dayName = (weekday: number, length: 'short' | 'long' = 'short'): string =>
  new Intl.DateTimeFormat(locale.value, { weekday: length, timeZone: 'UTC' }).format(Date.UTC(2024, 0, weekday));

interface PeriodRowProps {
  at: number;
  period: Period;
  onChange(period: Period): void;
  onRemove(): void;
  /** Of a field of the period; of the whole for `''`. */
  wrongAt(field: string): string | undefined;
}

export function PeriodRow({ at, period, onChange, onRemove, wrongAt }: PeriodRowProps) {
  const name = `hours.periods.${at}`;
  const n = at + 1;
  const timeField = (field: 'from' | 'to') => (
    <TextField
      name={`${name}.${field}`}
      label={t(field)}
      placeholder={field === 'from' ? '09:00' : '24:00'}
      value={period[field]}
      onChange={(value) => onChange({ ...period, [field]: value })}
      error={wrongAt(field)}
    />
  );
  return (
    <fieldset class="period" id={`period-${at}`} onFocusOut={() => tidy(period, onChange)}>
      <legend>{t(period.kind, { n })}</legend>
      <div class="period-fields">
        {period.kind === 'weekly' ? (
          <Days
            days={period.days}
            name={`${name}.days`}
            onChange={(days) => onChange({ ...period, days })}
            error={wrongAt('days')}
          />
        ) : (
          <TextField
            name={`${name}.date`}
            type="date"
            label={t('date_field')}
            value={period.date}
            onChange={(date) => onChange({ ...period, date })}
            error={wrongAt('date')}
          />
        )}
        {timeField('from')}
        {timeField('to')}
        <Button label={t('remove_row', { n })} onPress={onRemove}>
          {t('remove')}
        </Button>
      </div>
      {wrongAt('') ? <p class="error">{wrongAt('')}</p> : null}
    </fieldset>
  );
}

function Days(props: { days: number[]; name: string; onChange(days: number[]): void; error: string | undefined }) {
  const { days, name, onChange, error } = props;
  const toggle = (day: number): void =>
    onChange(WEEK.filter((one) => (one === day ? !days.includes(day) : days.includes(one))));
  return (
    <div class={error ? 'field wrong' : 'field'} role="group" aria-label={t('days')}>
      <span class="group-label">{t('days')}</span>
      <div class="days">
        {WEEK.map((day) => (
          <label key={day}>
            <input
              type="checkbox"
              name={name}
              aria-label={dayName(day, 'long')}
              aria-invalid={error ? 'true' : undefined}
              aria-describedby={error ? `${name}-error` : undefined}
              checked={days.includes(day)}
              onChange={() => toggle(day)}
            />
            <span aria-hidden="true">{dayName(day)}</span>
          </label>
        ))}
      </div>
      {error ? (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      ) : null}
    </div>
  );
}

/** Writes out what was typed short, when the row is left: `9` is 09:00. */
function tidy(period: Period, onChange: (period: Period) => void): void {
  const from = wholeTime(period.from);
  const to = wholeTime(period.to);
  if (from !== period.from || to !== period.to) onChange({ ...period, from, to });
}

/** `9`, `930`, `9.30` and `9h` as `HH:MM`; anything else as it is, for the API to refuse. */
function wholeTime(text: string): string {
  const [, hour, minute = '00'] = /^\s*(\d{1,2})(?:[:.hH ]?(\d{2})|[:.hH])?\s*$/.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 24 || Number(minute) > 59) return text;
  return `${hour.padStart(2, '0')}:${minute}`;
}
