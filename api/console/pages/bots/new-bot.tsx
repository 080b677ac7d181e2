import { useState } from 'preact/hooks';
import { ApiFailure, get, put } from '../../lib/api.ts';
import { translator } from '../../lib/i18n.ts';
import { go, hrefTo } from '../../lib/router.ts';
import { tc } from '../../lib/texts.ts';
import { botPath } from '../../lib/paths.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { ErrorNote } from '../../ui/notes.tsx';
import { keepDraft } from './drafts.ts';
import type { Bot, Desk } from './types.ts';

const t = translator({
  en: {
    title: 'New bot',
    id: 'Id',
    id_hint: 'Letters, digits, dots, tildes, dashes and underscores, at most 64. It cannot be changed later.',
    needed: 'Needed.',
    taken: 'There is a bot with this id already.',
    desk: 'Desk',
    desk_hint: 'Its settings come next.',
    later: 'Choose later',
    create: 'Create',
  },
  fr: {
    title: 'Nouveau bot',
    id: 'Identifiant',
    id_hint: 'Lettres, chiffres, points, tildes, tirets et tirets bas, au plus 64. Il ne pourra pas changer.',
    needed: 'Obligatoire.',
    taken: 'Il y a déjà un bot avec cet identifiant.',
    desk: 'Desk',
    desk_hint: 'Ses réglages viennent ensuite.',
    later: 'Choisir plus tard',
    create: 'Créer',
  },
});

export function NewBotDialog({ desks, onClose }: { desks: Desk[]; onClose: () => void }) {
  const [id, setId] = useState('');
  const [desk, setDesk] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [error, setError] = useState<unknown>();
  const create = async (): Promise<void> => {
    setWrong(undefined);
    setError(undefined);
    if (id === '') return setWrong(t('needed'));
    try {
      if (await exists(id)) return setWrong(t('taken'));
      const bot = await put<Bot>(botPath(id), {});
      // The desk cannot be saved without its fields: it waits as an unsaved change.
      const native = desks.find((one) => one.id === desk)?.modes.includes(bot.settings.mode) === false;
      keepDraft(id, {
        ...(desk === '' ? {} : { desk: { was: null, value: { kind: desk } } }),
        ...(native ? { mode: { was: bot.settings.mode, value: 'native' } } : {}),
      });
      go(`${hrefTo('bots', id)}?tab=desk`);
    } catch (failure) {
      const named = failure instanceof ApiFailure ? failure.details.find(({ path }) => path === 'botId') : undefined;
      if (named) setWrong(named.message);
      else setError(failure);
    }
  };
  return (
    <Dialog title={t('title')} onClose={onClose}>
      <form
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <TextField label={t('id')} hint={t('id_hint')} value={id} onChange={setId} error={wrong} required />
        <SelectField
          label={t('desk')}
          hint={t('desk_hint')}
          value={desk}
          choices={[{ value: '', text: t('later') }, ...desks.map((one) => ({ value: one.id, text: one.title }))]}
          onChange={setDesk}
        />
        <ErrorNote error={error} />
        <div class="row end">
          <Button onPress={onClose}>{tc('cancel')}</Button>
          <Button kind="main" type="submit">
            {t('create')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** PUT would replace the settings of a bot that is there. */
async function exists(id: string): Promise<boolean> {
  try {
    return (await get<Bot>(botPath(id))).id === id;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return false;
    throw error;
  }
}
