import { useState } from 'preact/hooks';
import { dateTime, translator } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { botPath } from '../../lib/paths.ts';
import { Button, Copyable } from '../../ui/button.tsx';
import { CheckField, SelectField, TextField } from '../../ui/field.tsx';
import { Note } from '../../ui/notes.tsx';
import { SecretField } from './desk-field.tsx';
import { SET } from './edits.ts';
import { Card, useForm } from './form.tsx';
import type { BotStatus, Callback, CallbackAuth } from './types.ts';

const POLL_MS = 15_000;

const t = translator({
  en: {
    title: 'Events by POST',
    on: 'Send every event to an address',
    on_hint:
      'In order for each handoff, repeated for 72 hours while your backend does not answer. The streams have them all the same.',
    url: 'Address',
    url_hint: 'http or https, without user name and password in it.',
    secret: 'Signing secret',
    secret_hint: 'Signs every call by the Standard Webhooks scheme: whsec_ and base64.',
    make: 'Make one',
    made: 'The new secret. Copy it into your backend now: after saving it is never shown again.',
    auth: 'Authorization',
    auth_hint: 'Sent beside the signature, when your backend asks for it.',
    auth_none: 'none',
    token: 'Token',
    token_hint: 'Authorization: Bearer …',
    username: 'User name',
    password: 'Password',
    health: 'State of the calls',
    fine: 'The last call was taken on {at}.',
    never: 'Nothing was sent yet.',
    failing: 'Not taken since {at}.',
  },
  fr: {
    title: 'Événements par POST',
    on: 'Envoyer chaque événement à une adresse',
    on_hint:
      'Dans l’ordre pour chaque transfert, répété pendant 72 heures tant que votre serveur ne répond pas. Les flux les ont de toute façon.',
    url: 'Adresse',
    url_hint: 'http ou https, sans nom d’utilisateur ni mot de passe.',
    secret: 'Secret de signature',
    secret_hint: 'Signe chaque appel selon Standard Webhooks : whsec_ et du base64.',
    make: 'En créer un',
    made: 'Le nouveau secret. Copiez-le dans votre serveur maintenant : après l’enregistrement, il n’est plus jamais montré.',
    auth: 'Autorisation',
    auth_hint: 'Envoyée en plus de la signature, si votre serveur la demande.',
    auth_none: 'aucune',
    token: 'Jeton',
    token_hint: 'Authorization: Bearer …',
    username: 'Nom d’utilisateur',
    password: 'Mot de passe',
    health: 'État des appels',
    fine: 'Le dernier appel a été pris le {at}.',
    never: 'Rien n’a encore été envoyé.',
    failing: 'Refusé depuis le {at}.',
  },
});

export function CallbackTab() {
  const { bot, settings, set, error } = useForm();
  const { callback } = settings;
  const [last, setLast] = useState<Callback>();
  const change = (next: Partial<Callback>): void => set('callback', { ...(callback as Callback), ...next });
  const turn = (isOn: boolean): void => {
    if (callback) setLast(callback);
    set('callback', isOn ? (bot.settings.callback ?? last ?? { url: '', secret: '' }) : null);
  };
  return (
    <>
      <Card title={t('title')}>
        <CheckField
          name="callback"
          label={t('on')}
          hint={t('on_hint')}
          value={callback !== null}
          onChange={turn}
          error={error('callback')}
        />
        {callback ? (
          <>
            <TextField
              name="callback.url"
              label={t('url')}
              hint={t('url_hint')}
              type="url"
              placeholder="https://bot.example.com/events"
              required
              value={callback.url}
              onChange={(url) => change({ url })}
              error={error('callback.url')}
            />
            <SigningSecret value={callback.secret} onChange={(secret) => change({ secret })} />
            <Auth auth={callback.auth} onChange={(auth) => set('callback', withAuth(callback, auth))} />
          </>
        ) : null}
      </Card>
      {bot.settings.callback ? <Health botId={bot.id} /> : null}
    </>
  );
}

function withAuth({ url, secret }: Callback, auth: CallbackAuth | undefined): Callback {
  return { url, secret, ...(auth && { auth }) };
}

/** `whsec_` and 32 random bytes. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

function SigningSecret({ value, onChange }: { value: string; onChange(secret: string): void }) {
  const { bot, error } = useForm();
  const [made, setMade] = useState<string>();
  const make = (): void => {
    const secret = newSecret();
    setMade(secret);
    onChange(secret);
  };
  return (
    <>
      <div class="with-button">
        <SecretField
          // A made secret is put into the field as if it had been typed.
          key={made}
          name="callback.secret"
          label={t('secret')}
          title={t('secret')}
          hint={t('secret_hint')}
          placeholder="whsec_…"
          required
          value={value}
          isStored={bot.settings.callback?.secret === SET}
          onChange={(next) => onChange((next as string | undefined) ?? '')}
          error={error('callback.secret')}
        />
        <Button onPress={make} label={`${t('make')}: ${t('secret')}`}>
          {t('make')}
        </Button>
      </div>
      {made !== undefined && value === made ? (
        <Note kind="good">
          <p role="status">{t('made')}</p>
          <Copyable value={made} label={t('secret')} />
        </Note>
      ) : null}
    </>
  );
}

function Auth({ auth, onChange }: { auth: CallbackAuth | undefined; onChange(auth?: CallbackAuth): void }) {
  const { bot, error } = useForm();
  const stored = bot.settings.callback?.auth;
  const choose = (type: string): void => {
    if (type === stored?.type) onChange(stored);
    else if (type === 'bearer') onChange({ type, token: '' });
    else if (type === 'basic') onChange({ type, username: '', password: '' });
    else onChange();
  };
  const secret = (name: 'token' | 'password', value: string, change: (text: string) => void) => (
    <SecretField
      key={name}
      name={`callback.auth.${name}`}
      label={t(name)}
      title={t(name)}
      hint={name === 'token' ? t('token_hint') : undefined}
      required
      value={value}
      isStored={(stored as Record<string, unknown> | undefined)?.[name] === SET}
      onChange={(next) => change((next as string | undefined) ?? '')}
      error={error(`callback.auth.${name}`)}
    />
  );
  return (
    <>
      <SelectField
        name="callback.auth"
        label={t('auth')}
        hint={t('auth_hint')}
        value={auth?.type ?? ''}
        choices={[
          { value: '', text: t('auth_none') },
          { value: 'bearer', text: 'Bearer' },
          { value: 'basic', text: 'Basic' },
        ]}
        onChange={choose}
        error={error('callback.auth') ?? error('callback.auth.type')}
      />
      {auth?.type === 'bearer' ? secret('token', auth.token, (token) => onChange({ ...auth, token })) : null}
      {auth?.type === 'basic' ? (
        <>
          <TextField
            name="callback.auth.username"
            label={t('username')}
            required
            value={auth.username}
            onChange={(username) => onChange({ ...auth, username })}
            error={error('callback.auth.username')}
          />
          {secret('password', auth.password, (password) => onChange({ ...auth, password }))}
        </>
      ) : null}
    </>
  );
}

function Health({ botId }: { botId: string }) {
  const { data } = useResource<BotStatus>(`${botPath(botId)}/status`, POLL_MS);
  const health = data?.callback;
  if (!health) return null;
  const { failingSince, lastError, lastSuccessAt } = health;
  return (
    <Card title={t('health')}>
      {failingSince === null ? null : (
        <Note kind="bad">
          <p>{t('failing', { at: dateTime(failingSince) })}</p>
          {lastError === null ? null : <p>{lastError}</p>}
        </Note>
      )}
      <p>{lastSuccessAt === null ? t('never') : t('fine', { at: dateTime(lastSuccessAt) })}</p>
    </Card>
  );
}
