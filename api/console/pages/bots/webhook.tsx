import { useState } from 'preact/hooks';
import { post, remove } from '../../lib/api.ts';
import { translator } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { botPath } from '../../lib/paths.ts';
import { Button, Copyable } from '../../ui/button.tsx';
import { ErrorNote, Note } from '../../ui/notes.tsx';
import { Card, English, useForm } from './form.tsx';
import { type Desk, type DeskPlace, queryOf, serviceAt, type Subscription } from './types.ts';

const t = translator({
  en: {
    title: 'Webhooks of the desk',
    title_second: 'Webhooks of the second desk',
    none: 'This desk calls no webhook. It answers at these addresses, with a key of this bot:',
    message: 'messages of agents',
    close: 'end of the talk',
    address: 'Webhook address',
    secret: 'Keep it to yourself: whoever knows it can try to speak as the desk.',
    where: 'Where to enter it',
    topics: 'Events to choose',
    make: 'Make them for me',
    remove: 'Remove them',
    done: 'Done.',
    not_done: 'Not done.',
    save_first: 'Save first.',
  },
  fr: {
    title: 'Webhooks du desk',
    title_second: 'Webhooks du second desk',
    none: 'Ce desk n’appelle aucun webhook. Il répond à ces adresses, avec une clé de ce bot :',
    message: 'messages des agents',
    close: 'fin de l’échange',
    address: 'Adresse du webhook',
    secret: 'Gardez-la pour vous : qui la connaît peut tenter de parler à la place du desk.',
    where: 'Où la saisir',
    topics: 'Événements à choisir',
    make: 'Les créer pour moi',
    remove: 'Les retirer',
    done: 'Fait.',
    not_done: 'Pas fait.',
    save_first: 'Enregistrez d’abord.',
  },
});

/** Where the desk has to call Baton, and what to choose there. */
export function WebhookCard({ desk, place }: { desk: Desk; place: DeskPlace }) {
  const { bot } = useForm();
  const { webhookUrl = null, webhookGuide: guide = null } = serviceAt(bot, place) ?? {};
  const title = place === 'desk' ? t('title') : t('title_second');
  if (webhookUrl === null || guide === null) return <CalledAddresses title={title} />;
  return (
    <Card title={title}>
      <h3>{t('address')}</h3>
      <Copyable value={webhookUrl} label={t('address')} />
      <p class="hint">{t('secret')}</p>
      <h3>{t('where')}</h3>
      <p>
        <English>{guide.where}</English>
      </p>
      {guide.topics.length === 0 ? null : (
        <>
          <h3>{t('topics')}</h3>
          <ul class="topics">
            {guide.topics.map((topic) => (
              <li key={topic}>
                <code>{topic}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {desk.subscribes ? <Subscribe place={place} /> : null}
    </Card>
  );
}

function CalledAddresses({ title }: { title: string }) {
  const { publicUrl = location.origin } = useResource<{ publicUrl: string }>('/v1/service').data ?? {};
  const base = `${publicUrl}/v1/human`;
  return (
    <Card title={title} hint={t('none')}>
      <Copyable value={`${base}/message/receive`} label={t('message')} />
      <Copyable value={`${base}/close`} label={t('close')} />
    </Card>
  );
}

function Subscribe({ place }: { place: DeskPlace }) {
  const { bot, isChanged } = useForm();
  const [result, setResult] = useState<Subscription & { wanted: boolean }>();
  const [error, setError] = useState<unknown>();
  const address = `${botPath(bot.id)}/subscription${queryOf(place)}`;
  const run = async (wanted: boolean): Promise<void> => {
    setError(undefined);
    setResult(undefined);
    try {
      const answer = await (wanted ? post<Subscription>(address) : remove<Subscription>(address));
      setResult({ ...answer, wanted });
    } catch (failure) {
      setError(failure);
    }
  };
  if (isChanged(place) || isChanged('mode')) return <p class="hint">{t('save_first')}</p>;
  return (
    <>
      <div class="row">
        <Button onPress={() => run(true)}>{t('make')}</Button>
        <Button onPress={() => run(false)}>{t('remove')}</Button>
      </div>
      <ErrorNote error={error} />
      {result ? <SubscribeResult result={result} isDone={result.subscribed === result.wanted} /> : null}
    </>
  );
}

function SubscribeResult({ result, isDone }: { result: Subscription; isDone: boolean }) {
  return (
    <div role="alert">
      <Note kind={isDone ? 'good' : 'warn'}>
        <p>
          <strong>{isDone ? t('done') : t('not_done')}</strong> <English>{result.detail}</English>
        </p>
        {result.field === undefined ? null : <code>{result.field}</code>}
      </Note>
    </div>
  );
}
