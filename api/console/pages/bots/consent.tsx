import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.ts';
import { translator } from '../../lib/i18n.ts';
import { botPath } from '../../lib/paths.ts';
import { Button, Copyable, Outside } from '../../ui/button.tsx';
import { ErrorNote, Note } from '../../ui/notes.tsx';
import { Countdown } from '../../ui/state.tsx';
import { Card, useForm } from './form.tsx';
import { type Consent, type Desk, type DeskPlace, serviceAt, queryOf } from './types.ts';

const POLL_MS = 2_000;

const t = translator({
  en: {
    title: 'Access by consent',
    hint: '{desk} gives access only to somebody who allows it in the browser. Save the settings first.',
    begin: 'Begin',
    again: 'Begin again',
    redirect: 'Address to register at the desk',
    register: 'Register this address at {desk} as the redirect address, exactly as it is:',
    open: 'Open the page of {desk}',
    left: 'Good for',
    waiting: 'This page notices by itself when you are done there.',
    said_there: 'The page there says how it went.',
    done: '{desk} is connected.',
    over: 'The time is over. Begin again.',
    save_first: 'Save first.',
  },
  fr: {
    title: 'Accès par consentement',
    hint: '{desk} ne donne l’accès qu’à une personne qui le permet dans le navigateur. Enregistrez d’abord les réglages.',
    begin: 'Commencer',
    again: 'Recommencer',
    redirect: 'Adresse à déclarer au desk',
    register: 'Déclarez cette adresse chez {desk} comme adresse de redirection, exactement telle quelle :',
    open: 'Ouvrir la page de {desk}',
    left: 'Valable encore',
    waiting: 'Cette page remarque d’elle-même quand vous avez fini là-bas.',
    said_there: 'La page là-bas dit comment cela s’est passé.',
    done: '{desk} est connecté.',
    over: 'Le délai est passé. Recommencez.',
    save_first: 'Enregistrez d’abord.',
  },
});

/** For desks that ask somebody in the browser: begins, and watches the service state until it is done. */
export function ConsentCard({ desk, place }: { desk: Desk; place: DeskPlace }) {
  const { bot, isChanged } = useForm();
  const [begun, setBegun] = useState<Consent>();
  const [error, setError] = useState<unknown>();
  const begin = async (): Promise<void> => {
    setError(undefined);
    setBegun(undefined);
    try {
      setBegun(await post<Consent>(`${botPath(bot.id)}/consent${queryOf(place)}`));
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Card title={t('title')} hint={t('hint', { desk: desk.title })}>
      {isChanged(place) || isChanged('mode') ? (
        <p class="hint">{t('save_first')}</p>
      ) : (
        <div class="row">
          <Button onPress={begin}>{begun ? t('again') : t('begin')}</Button>
        </div>
      )}
      <ErrorNote error={error} />
      {begun ? <Begun key={begun.url} begun={begun} desk={desk} place={place} /> : null}
    </Card>
  );
}

function Begun({ begun, desk, place }: { begun: Consent; desk: Desk; place: DeskPlace }) {
  const { outcome, isNoticed } = useOutcome(begun.expiresAt, place);
  if (outcome === 'done') {
    return (
      <Note kind="good">
        <p role="status">{t('done', { desk: desk.title })}</p>
      </Note>
    );
  }
  if (outcome === 'over') return <Note kind="warn">{t('over')}</Note>;
  return (
    <>
      <p>{t('register', { desk: desk.title })}</p>
      <Copyable value={begun.redirectUri} label={t('redirect')} />
      <p class="row">
        <Outside href={begun.url}>{t('open', { desk: desk.title })}</Outside>
        <Countdown at={begun.expiresAt} label={t('left')} />
      </p>
      <p role="status">{isNoticed ? t('waiting') : t('said_there')}</p>
    </>
  );
}

/** Looks at the bot until its service state has changed to available, or the address is void. */
function useOutcome(expiresAt: string, place: DeskPlace): { outcome: 'waiting' | 'done' | 'over'; isNoticed: boolean } {
  const { bot, reload } = useForm();
  const state = serviceAt(bot, place)?.service.state;
  const [before] = useState(state);
  const [isOver, setOver] = useState(false);
  const isDone = before !== 'available' && state === 'available';
  useEffect(() => {
    if (isDone || isOver) return undefined;
    const timer = setInterval(() => {
      if (Date.parse(expiresAt) < Date.now()) setOver(true);
      // A poll that fails is followed by the next one.
      else void reload().catch(() => undefined);
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [isDone, isOver]);
  // A desk that was connected before looks the same afterwards.
  return { outcome: isDone ? 'done' : isOver ? 'over' : 'waiting', isNoticed: before !== 'available' };
}
