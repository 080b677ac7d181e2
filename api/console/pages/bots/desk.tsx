import { translator } from '../../lib/i18n.ts';
import { Outside } from '../../ui/button.tsx';
import { SelectField } from '../../ui/field.tsx';
import { Note } from '../../ui/notes.tsx';
import { ConsentCard } from './consent.tsx';
import { DeskField } from './desk-field.tsx';
import { Card, useForm } from './form.tsx';
import { ServiceState } from './service-state.tsx';
import { SET } from './edits.ts';
import type { ConfigField, Desk, DeskConfig } from './types.ts';
import { WebhookCard } from './webhook.tsx';

const t = translator({
  en: {
    which: 'Desk',
    which_hint: 'Where the humans work.',
    none: 'No desk yet',
    settings: '{title}: settings',
    settings_hint: 'Secrets are write-only: Baton stores them encrypted and never shows them again.',
    mode_wrong: '{title} does not offer the mode that is chosen under General.',
    docs: 'Documentation of {title}',
    save_first: 'Save first: what is below belongs to the stored desk.',
  },
  fr: {
    which: 'Desk',
    which_hint: 'Là où travaillent les humains.',
    none: 'Pas encore de desk',
    settings: '{title} : réglages',
    settings_hint: 'Les secrets ne se lisent pas : Baton les garde chiffrés et ne les montre plus jamais.',
    mode_wrong: '{title} ne propose pas le mode choisi sous Général.',
    docs: 'Documentation de {title}',
    save_first: 'Enregistrez d’abord : ce qui suit concerne le desk enregistré.',
  },
});

export function DeskTab() {
  const { bot, settings, desks } = useForm();
  const desk = desks.find(({ id }) => id === settings.desk?.kind);
  const isStored = desk !== undefined && bot.settings.desk?.kind === desk.id;
  return (
    <>
      <ChoiceCard />
      {desk ? <SettingsCard key={desk.id} desk={desk} /> : null}
      {desk && !isStored ? <Note kind="warn">{t('save_first')}</Note> : null}
      {isStored ? (
        <>
          <ServiceState desk={desk} />
          {desk.consent ? <ConsentCard desk={desk} /> : null}
          <WebhookCard desk={desk} />
        </>
      ) : null}
    </>
  );
}

function ChoiceCard() {
  const { bot, settings, set, error, desks } = useForm();
  const choose = (kind: string): void => {
    const stored = bot.settings.desk;
    if (kind === '') set('desk', null);
    else set('desk', stored?.kind === kind ? stored : { kind });
  };
  return (
    <Card title={t('which')}>
      <SelectField
        name="desk.kind"
        label={t('which')}
        hint={t('which_hint')}
        value={settings.desk?.kind ?? ''}
        choices={[{ value: '', text: t('none') }, ...desks.map(({ id, title }) => ({ value: id, text: title }))]}
        onChange={choose}
        error={error('desk') ?? error('desk.kind')}
      />
    </Card>
  );
}

function SettingsCard({ desk }: { desk: Desk }) {
  const { bot, settings, set, error } = useForm();
  const config = settings.desk as DeskConfig;
  const stored = bot.settings.desk?.kind === desk.id ? bot.settings.desk : undefined;
  const change = ({ name }: ConfigField, value: unknown): void => {
    const { [name]: _, ...others } = config;
    set('desk', (value === undefined ? others : { ...others, [name]: value }) as DeskConfig);
  };
  const isNeeded = (field: ConfigField): boolean =>
    field.required || field.requiredIn?.includes(settings.mode) === true;
  return (
    <Card title={t('settings', { title: desk.title })} hint={t('settings_hint')}>
      {desk.modes.includes(settings.mode) ? null : <Note kind="warn">{t('mode_wrong', { title: desk.title })}</Note>}
      <div class="desk-fields">
        {desk.fields.map((field) => (
          <DeskField
            key={field.name}
            field={field}
            required={isNeeded(field)}
            value={config[field.name]}
            isStored={field.secret && stored?.[field.name] === SET}
            onChange={(value) => change(field, value)}
            error={error(`desk.${field.name}`)}
          />
        ))}
      </div>
      <p>
        <Outside href={desk.docs}>{t('docs', { title: desk.title })}</Outside>
      </p>
    </Card>
  );
}
