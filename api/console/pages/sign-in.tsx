import { useState } from 'preact/hooks';
import { translator } from '../lib/i18n.ts';
import { signIn } from '../lib/session.ts';
import { LanguageChoice } from '../ui/language.tsx';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { ErrorNote } from '../ui/notes.tsx';

const t = translator({
  en: {
    title: 'Sign in to Baton',
    key: 'Operator key',
    hint: 'npm start prints it; in production it is BATON_OPERATOR_KEY.',
    submit: 'Sign in',
    wrong: 'This is not the operator key.',
  },
  fr: {
    title: 'Connexion à Baton',
    key: 'Clé d’opérateur',
    hint: 'npm start l’affiche ; en production, c’est BATON_OPERATOR_KEY.',
    submit: 'Se connecter',
    wrong: 'Ce n’est pas la clé d’opérateur.',
  },
});

export function SignIn() {
  const [key, setKey] = useState('');
  const [error, setError] = useState<unknown>();
  const wrong = (error as { status?: number } | undefined)?.status === 401;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setError(undefined);
    await signIn(key.trim()).catch(setError);
  };
  return (
    <main class="sign-in">
      <h1>{t('title')}</h1>
      <form onSubmit={(event) => void submit(event)}>
        <TextField
          label={t('key')}
          hint={t('hint')}
          type="password"
          autocomplete="current-password"
          value={key}
          onChange={setKey}
          error={wrong ? t('wrong') : undefined}
          required
        />
        {error !== undefined && !wrong ? <ErrorNote error={error} /> : null}
        <Button kind="main" type="submit">
          {t('submit')}
        </Button>
      </form>
      <LanguageChoice />
    </main>
  );
}
