import { dateTime, translator } from '../../lib/i18n.ts';
import { Button } from '../../ui/button.tsx';
import { Note } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { Card, English, useForm } from './form.tsx';
import type { Desk } from './types.ts';
import { t as te } from './words.ts';

const t = translator({
  en: {
    title: 'Connection',
    state: 'State',
    since: 'since {at}',
    check: 'Check now',
    save_and_check: 'Save and check',
    checking: 'Asking the desk…',
    field: 'The field to look at: {field}.',
  },
  fr: {
    title: 'Connexion',
    state: 'État',
    since: 'depuis le {at}',
    check: 'Vérifier maintenant',
    save_and_check: 'Enregistrer et vérifier',
    checking: 'Le desk est interrogé…',
    field: 'Le champ à voir : {field}.',
  },
});

/** Whether the desk accepts the credentials, why not, and a button that asks it. */
export function ServiceState({ desk }: { desk: Desk }) {
  const { bot, isChanged, save, verify, verifying } = useForm();
  const { state, since, why } = bot.service;
  const mustSave = isChanged('desk') || isChanged('mode');
  return (
    <Card title={t('title')}>
      <div class="row">
        <Chip value={state} />
        {since === null ? null : <span class="hint">{t('since', { at: dateTime(since) })}</span>}
      </div>
      {why === undefined ? null : (
        <p>
          <English>{why}</English>
        </p>
      )}
      <div class="row">
        <Button onPress={mustSave ? save : verify}>{mustSave ? t('save_and_check') : t('check')}</Button>
        {verifying ? <span role="status">{t('checking')}</span> : null}
      </div>
      <CheckResult desk={desk} />
    </Card>
  );
}

function CheckResult({ desk }: { desk: Desk }) {
  const { verified } = useForm();
  if (!verified) return null;
  const field = desk.fields.find(({ name }) => name === verified.field);
  return (
    <div role="alert" class="stack">
      <Note kind={verified.ok ? 'good' : 'bad'}>
        <p>
          <strong>{verified.ok ? te('desk_answers') : te('desk_refuses')}</strong>
        </p>
        <p>
          <English>{verified.detail}</English>
        </p>
        {field ? <p>{t('field', { field: field.title })}</p> : null}
      </Note>
      {(verified.warnings ?? []).map((warning) => (
        <Note key={warning} kind="warn">
          <English>{warning}</English>
        </Note>
      ))}
    </div>
  );
}
