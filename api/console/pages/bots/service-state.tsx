import { dateTime, translator } from '../../lib/i18n.ts';
import { Button } from '../../ui/button.tsx';
import { Note } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { Card, English, useForm } from './form.tsx';
import { type Desk, type DeskPlace, serviceAt } from './types.ts';
import { t as te } from './words.ts';

const t = translator({
  en: {
    title: 'Connection',
    title_second: 'Connection of the second desk',
    state: 'State',
    since: 'since {at}',
    check: 'Check now',
    save_and_check: 'Save and check',
    checking: 'Asking the desk…',
    field: 'The field to look at: {field}.',
  },
  fr: {
    title: 'Connexion',
    title_second: 'Connexion du second desk',
    state: 'État',
    since: 'depuis le {at}',
    check: 'Vérifier maintenant',
    save_and_check: 'Enregistrer et vérifier',
    checking: 'Le desk est interrogé…',
    field: 'Le champ à voir : {field}.',
  },
});

/** Whether the desk accepts the credentials, why not, and a button that asks it. */
export function ServiceState({ desk, place }: { desk: Desk; place: DeskPlace }) {
  const { bot, isChanged, save, verify, isVerifying } = useForm();
  const { state, since = null, why } = serviceAt(bot, place)?.service ?? {};
  const mustSave = isChanged(place) || isChanged('mode');
  return (
    <Card title={place === 'desk' ? t('title') : t('title_second')}>
      <div class="row">
        {state === undefined ? null : <Chip value={state} />}
        {since === null ? null : <span class="hint">{t('since', { at: dateTime(since) })}</span>}
      </div>
      {why === undefined ? null : (
        <p>
          <English>{why}</English>
        </p>
      )}
      <div class="row">
        <Button onPress={mustSave ? save : () => verify(place)}>{mustSave ? t('save_and_check') : t('check')}</Button>
        {isVerifying(place) ? <span role="status">{t('checking')}</span> : null}
      </div>
      <CheckResult desk={desk} place={place} />
    </Card>
  );
}

function CheckResult({ desk, place }: { desk: Desk; place: DeskPlace }) {
  const verified = useForm().verified(place);
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
