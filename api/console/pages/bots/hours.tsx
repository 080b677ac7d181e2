import { useState } from 'preact/hooks';
import { translator } from '../../lib/i18n.ts';
import { Button } from '../../ui/button.tsx';
import { CheckField, Field, TextField } from '../../ui/field.tsx';
import { Card, useForm } from './form.tsx';
import { PeriodRow } from './period-row.tsx';
import type { Hours, Period } from './types.ts';
import { useWeek } from './use-week.ts';
import { WeekCard } from './week.tsx';
import { t as te } from './words.ts';

const MAX_PERIODS = 10;

const t = translator({
  en: {
    title: 'When humans can be asked for',
    always: 'Always open',
    always_hint: 'Off: only in the periods below. Outside of them a request is answered with the reply below.',
    zone: 'Time zone',
    zone_hint: 'The periods follow the clock of this place.',
    periods: 'Periods',
    none: 'No period yet: always open.',
    add: 'Add a weekly period',
    add_date: 'Add one date',
    full: 'There can be at most 10 periods.',
    reply: 'Outside the hours',
    message_hint:
      'Also when nobody has answered, or the desk is down. Agents find the message at the desk and answer later. Not for users in the desk’s own messenger.',
    opening_hint:
      'The bot goes on until the hours begin; then the desk is asked. Not for users in the desk’s own messenger.',
    reply_hint: 'As long as it is unchanged, it is said in the user’s language. Own texts for the reply go before it.',
  },
  fr: {
    title: 'Quand on peut demander un humain',
    always: 'Toujours ouvert',
    always_hint:
      'Désactivé : seulement pendant les périodes ci-dessous. En dehors, la demande reçoit la réponse ci-dessous.',
    zone: 'Fuseau horaire',
    zone_hint: 'Les périodes suivent l’horloge de cet endroit.',
    periods: 'Périodes',
    none: 'Pas encore de période : toujours ouvert.',
    add: 'Ajouter une période hebdomadaire',
    add_date: 'Ajouter une date',
    full: 'Il peut y avoir au plus 10 périodes.',
    reply: 'En dehors des horaires',
    message_hint:
      'Aussi quand personne n’a répondu, ou que le desk est en panne. Les agents trouvent le message au desk et répondent plus tard. Pas pour les utilisateurs de la messagerie du desk.',
    opening_hint:
      'Le bot continue jusqu’au début des horaires ; le desk est alors sollicité. Pas pour les utilisateurs de la messagerie du desk.',
    reply_hint:
      'Tant qu’elle est inchangée, elle est dite dans la langue de l’utilisateur. Les textes propres passent avant elle.',
  },
});

const OFFICE_DAYS: Period = { kind: 'weekly', days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00' };

export function HoursTab() {
  const { settings } = useForm();
  const week = useWeek(settings.hours);
  return (
    <>
      <PeriodsCard problemAt={week.problemAt} />
      <WeekCard hours={settings.hours} {...week} />
      <ReplyCard />
    </>
  );
}

function PeriodsCard({ problemAt }: { problemAt: (path: string) => string | undefined }) {
  const { settings, set, error } = useForm();
  const [last, setLast] = useState<Hours>();
  const { hours } = settings;
  const wrongAt = (path: string): string | undefined => problemAt(path) ?? error(path);
  const switchTo = (isAlways: boolean): void => {
    if (isAlways && hours) setLast(hours);
    set('hours', isAlways ? null : (last ?? { timezone: ownZone(), periods: [OFFICE_DAYS] }));
  };
  return (
    <Card title={t('title')}>
      <CheckField
        name="hours"
        label={t('always')}
        hint={t('always_hint')}
        value={hours === null}
        onChange={switchTo}
        error={wrongAt('hours')}
      />
      {hours ? (
        <>
          <ZoneField
            value={hours.timezone}
            onChange={(timezone) => set('hours', { ...hours, timezone })}
            error={wrongAt('hours.timezone')}
          />
          <Periods
            periods={hours.periods}
            onChange={(periods) => set('hours', { ...hours, periods })}
            wrongAt={wrongAt}
          />
        </>
      ) : null}
    </Card>
  );
}

const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = Intl.supportedValuesOf('timeZone');

function ZoneField(props: { value: string; onChange(value: string): void; error: string | undefined }) {
  return (
    <Field name="hours.timezone" label={t('zone')} hint={t('zone_hint')} error={props.error}>
      {(tied) => (
        <>
          <input
            {...tied}
            list="zones"
            autocomplete="off"
            spellcheck={false}
            value={props.value}
            onInput={(event) => props.onChange(event.currentTarget.value.trim())}
          />
          <datalist id="zones">
            {ZONES.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

interface PeriodsProps {
  periods: Period[];
  onChange(periods: Period[]): void;
  wrongAt(path: string): string | undefined;
}

function Periods({ periods, onChange, wrongAt }: PeriodsProps) {
  const add = (period: Period): void => {
    onChange([...periods, period]);
    requestAnimationFrame(() => focusRow(periods.length));
  };
  const removeAt = (at: number): void => {
    onChange(periods.filter((_, index) => index !== at));
    requestAnimationFrame(() => focusRow(Math.min(at, periods.length - 2)));
  };
  const isFull = periods.length >= MAX_PERIODS;
  return (
    <>
      {periods.length === 0 ? <p class="hint">{t('none')}</p> : null}
      {periods.map((period, at) => (
        <PeriodRow
          // Rows have no id; their controls show what the list says, so a shifted row is right at once.
          key={at}
          at={at}
          period={period}
          onChange={(next) => onChange(periods.map((one, index) => (index === at ? next : one)))}
          onRemove={() => removeAt(at)}
          wrongAt={(field) => wrongAt(`hours.periods.${at}${field === '' ? '' : `.${field}`}`)}
        />
      ))}
      <div class="row" id="add-period">
        <Button disabled={isFull} onPress={() => add(OFFICE_DAYS)}>
          {t('add')}
        </Button>
        <Button disabled={isFull} onPress={() => add({ kind: 'date', date: today(), from: '09:00', to: '17:00' })}>
          {t('add_date')}
        </Button>
        {isFull ? <span class="hint">{t('full')}</span> : null}
      </div>
      {wrongAt('hours.periods') ? <p class="error">{wrongAt('hours.periods')}</p> : null}
    </>
  );
}

/** Keeps the focus where the work is, when rows come and go. */
function focusRow(at: number): void {
  const row = document.getElementById(`period-${at}`) ?? document.getElementById('add-period');
  row?.querySelector<HTMLElement>('input, select, button')?.focus();
}

/** `YYYY-MM-DD` on this machine. */
const today = (): string => new Date().toLocaleDateString('sv');

function ReplyCard() {
  const { settings, set, error } = useForm();
  return (
    <Card title={t('reply')}>
      <TextField
        name="outOfHoursReply"
        label={te('outOfHoursReply')}
        hint={t('reply_hint')}
        lines={2}
        value={settings.outOfHoursReply}
        onChange={(value) => set('outOfHoursReply', value)}
        error={error('outOfHoursReply')}
      />
      <OfferField name="leaveMessage" hint={t('message_hint')} />
      <OfferField name="connectAtOpening" hint={t('opening_hint')} />
    </Card>
  );
}

/** What users may have instead of a human now. */
function OfferField({ name, hint }: { name: 'leaveMessage' | 'connectAtOpening'; hint: string }) {
  const { settings, set, error } = useForm();
  return (
    <CheckField
      name={name}
      label={te(name)}
      hint={hint}
      // A bot saved by an older version has neither.
      value={settings[name] ?? false}
      onChange={(value) => set(name, value)}
      error={error(name)}
    />
  );
}
