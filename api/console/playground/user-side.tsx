import { useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { ErrorNote } from '../ui/notes.tsx';
import { Chat, Composer } from './chat.tsx';
import { isEmail, knownEmail } from './email.ts';
import type { PlaceModel } from './place-model.ts';
import { asksForEmail } from './places.ts';
import { t } from './texts.ts';

/** What the user sees: the bot's window, or the messenger of the desk. */
export function UserSide({ model }: { model: PlaceModel }) {
  const { place, talk, ready, journal, channel } = model;
  const [error, setError] = useState<unknown>();
  /** What goes wrong is said, and the page goes on. */
  const tried = async (work: Promise<unknown>): Promise<void> => {
    setError(undefined);
    await work.catch(setError);
  };
  const isOpen = journal.handoff.value !== undefined && journal.handoff.value.status !== 'closed';
  const asks = talk.asks.value;
  const offers = talk.offers?.value ?? [];
  return (
    <section class="card side" aria-labelledby="user-side">
      <div class="row spread">
        <h2 id="user-side">{place.inMessenger ? t('user_in', { desk: place.title }) : t('user')}</h2>
        {isOpen ? (
          <Button onPress={() => tried(talk.end())}>{place.inMessenger ? t('end_bot') : t('end_user')}</Button>
        ) : null}
      </div>
      <Chat label={t('chat_user')} lines={talk.lines.value} onRetry={(line) => tried(talk.retry(line))} />
      {asks === 'email' ? <EmailForm onGive={(address) => tried(talk.giveEmail(address))} /> : null}
      {asks === 'choice' ? (
        <div class="row">
          <Button kind="main" onPress={() => tried(talk.choose('wait'))}>
            {t('wait')}
          </Button>
          <Button onPress={() => tried(talk.choose('end'))}>{t('no_wait')}</Button>
        </div>
      ) : null}
      {offers.length > 0 ? (
        <div class="row" role="group" aria-label={t('offers')}>
          {offers.map(({ kind, text }) => (
            <Button key={kind} onPress={() => tried(talk.accept?.(kind) ?? Promise.resolve())}>
              {text ?? t(kind)}
            </Button>
          ))}
        </div>
      ) : null}
      {error === undefined ? null : <ErrorNote error={error} />}
      <Composer
        label={t('say')}
        send={t('send')}
        disabled={ready.value === undefined}
        onSend={(text, files) => tried(talk.writes(text, files))}
      />
      {place.inMessenger ? null : <EmailHint channel={channel.value} />}
    </section>
  );
}

/** How the address of a user comes to be known. */
function EmailHint({ channel }: { channel: string }) {
  const { value: email } = knownEmail;
  if (email !== undefined) return <p class="hint">{t('email_known', { email })}</p>;
  if (!asksForEmail(channel)) return null;
  return (
    <p class="hint">
      {t('email_unknown')} <code>?email=lea@example.org</code>, <code>Baton.setEmail('lea@example.org')</code>
    </p>
  );
}

function EmailForm({ onGive }: { onGive: (address: string) => Promise<void> }) {
  const [address, setAddress] = useState('');
  const [wrong, setWrong] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setWrong(!isEmail(address));
    if (isEmail(address)) void onGive(address);
  };
  return (
    <form class="ask" onSubmit={submit} noValidate>
      <TextField
        label={t('email_title')}
        hint={t('email_hint')}
        type="email"
        autocomplete="email"
        value={address}
        onChange={setAddress}
        error={wrong ? t('email_wrong') : undefined}
      />
      <Button kind="main" type="submit">
        {t('email_send')}
      </Button>
    </form>
  );
}
