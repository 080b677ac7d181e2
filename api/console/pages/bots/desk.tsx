import { translator } from '../../lib/i18n.ts';
import { Outside } from '../../ui/button.tsx';
import { SelectField } from '../../ui/field.tsx';
import { Note } from '../../ui/notes.tsx';
import { ConsentCard } from './consent.tsx';
import { DeskField } from './desk-field.tsx';
import { Card, useForm } from './form.tsx';
import { ServiceState } from './service-state.tsx';
import { SET } from './edits.ts';
import type { ConfigField, Desk, DeskConfig, DeskPlace } from './types.ts';
import { WebhookCard } from './webhook.tsx';

const t = translator({
  en: {
    which: 'Desk',
    which_hint: 'Where the humans work.',
    none: 'No desk yet',
    second: 'Second desk',
    second_hint:
      'Gets the request, with all that the user has said, when nobody answers at the first desk in the wait time or it cannot be reached.',
    no_second: 'None',
    settings: '{title}: settings',
    settings_second: '{title} as second desk: settings',
    settings_hint: 'Secrets are write-only: Baton stores them encrypted and never shows them again.',
    mode_wrong: '{title} does not offer the mode that is chosen under General.',
    docs: 'Documentation of {title}',
    save_first: 'Save first: what is below belongs to the stored desk.',
  },
  fr: {
    which: 'Desk',
    which_hint: 'Là où travaillent les humains.',
    none: 'Pas encore de desk',
    second: 'Second desk',
    second_hint:
      'Reçoit la demande, avec tout ce que l’utilisateur a dit, quand personne ne répond au premier desk pendant l’attente ou qu’il est injoignable.',
    no_second: 'Aucun',
    settings: '{title} : réglages',
    settings_second: '{title} comme second desk : réglages',
    settings_hint: 'Les secrets ne se lisent pas : Baton les garde chiffrés et ne les montre plus jamais.',
    mode_wrong: '{title} ne propose pas le mode choisi sous Général.',
    docs: 'Documentation de {title}',
    save_first: 'Enregistrez d’abord : ce qui suit concerne le desk enregistré.',
  },
});

export function DeskTab() {
  const { settings } = useForm();
  const mayHaveTwo = (settings.mode === 'external' && settings.desk !== null) || settings.secondDesk !== null;
  return (
    <>
      <DeskAt place="desk" />
      {mayHaveTwo ? <DeskAt place="secondDesk" /> : null}
    </>
  );
}

/** One of the two desks: which one, its settings, and what is to be done there. */
function DeskAt({ place }: { place: DeskPlace }) {
  const { bot, settings, desks } = useForm();
  const desk = desks.find(({ id }) => id === settings[place]?.kind);
  const isStored = desk !== undefined && bot.settings[place]?.kind === desk.id;
  return (
    <>
      {place === 'desk' ? <ChoiceCard /> : <SecondChoiceCard />}
      {desk ? <SettingsCard key={desk.id} desk={desk} place={place} /> : null}
      {desk && !isStored ? <Note kind="warn">{t('save_first')}</Note> : null}
      {isStored ? (
        <>
          <ServiceState desk={desk} place={place} />
          {desk.consent ? <ConsentCard desk={desk} place={place} /> : null}
          <WebhookCard desk={desk} place={place} />
        </>
      ) : null}
    </>
  );
}

function useChoice(place: DeskPlace): (kind: string) => void {
  const { bot, set } = useForm();
  return (kind) => {
    const stored = bot.settings[place];
    if (kind === '') set(place, null);
    else set(place, stored?.kind === kind ? stored : { kind });
  };
}

function ChoiceCard() {
  const { settings, error, desks } = useForm();
  return (
    <Card title={t('which')}>
      <SelectField
        name="desk.kind"
        label={t('which')}
        hint={t('which_hint')}
        value={settings.desk?.kind ?? ''}
        choices={[{ value: '', text: t('none') }, ...desks.map(({ id, title }) => ({ value: id, text: title }))]}
        onChange={useChoice('desk')}
        error={error('desk') ?? error('desk.kind')}
      />
    </Card>
  );
}

function SecondChoiceCard() {
  const { settings, error, desks } = useForm();
  const others = desks.filter(({ id }) => id !== settings.desk?.kind || id === settings.secondDesk?.kind);
  return (
    <Card title={t('second')}>
      <SelectField
        name="secondDesk.kind"
        label={t('second')}
        hint={t('second_hint')}
        value={settings.secondDesk?.kind ?? ''}
        choices={[{ value: '', text: t('no_second') }, ...others.map(({ id, title }) => ({ value: id, text: title }))]}
        onChange={useChoice('secondDesk')}
        error={error('secondDesk') ?? error('secondDesk.kind')}
      />
    </Card>
  );
}

function SettingsCard({ desk, place }: { desk: Desk; place: DeskPlace }) {
  const { bot, settings, set, error } = useForm();
  const config = settings[place] as DeskConfig;
  const stored = bot.settings[place]?.kind === desk.id ? bot.settings[place] : undefined;
  const change = ({ name }: ConfigField, value: unknown): void => {
    const { [name]: _, ...others } = config;
    set(place, (value === undefined ? others : { ...others, [name]: value }) as DeskConfig);
  };
  const isNeeded = (field: ConfigField): boolean =>
    field.required || field.requiredIn?.includes(settings.mode) === true;
  return (
    <Card title={t(place === 'desk' ? 'settings' : 'settings_second', { title: desk.title })} hint={t('settings_hint')}>
      {desk.modes.includes(settings.mode) ? null : <Note kind="warn">{t('mode_wrong', { title: desk.title })}</Note>}
      <div class="desk-fields">
        {desk.fields.map((field) => (
          <DeskField
            key={field.name}
            place={place}
            field={field}
            required={isNeeded(field)}
            value={config[field.name]}
            isStored={field.secret && stored?.[field.name] === SET}
            onChange={(value) => change(field, value)}
            error={error(`${place}.${field.name}`)}
          />
        ))}
      </div>
      <p>
        <Outside href={desk.docs}>{t('docs', { title: desk.title })}</Outside>
      </p>
    </Card>
  );
}
