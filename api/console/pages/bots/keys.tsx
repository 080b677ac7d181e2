import { useState } from 'preact/hooks';
import { ApiFailure, post, remove } from '../../lib/api.ts';
import { dateTime, translator } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { tc } from '../../lib/texts.ts';
import { botPath } from '../../lib/paths.ts';
import { Button, Copyable } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/field.tsx';
import { Empty, ErrorNote, Loading, Note, say } from '../../ui/notes.tsx';
import { Card, useForm } from './form.tsx';
import type { Keys, NewKey } from './types.ts';

const t = translator({
  en: {
    title: 'Keys of this bot',
    hint: 'With a key, your backend calls Baton for this bot and for no other.',
    none: 'There is no key yet.',
    name: 'Name',
    name_hint: 'To tell keys apart, for example production.',
    no_name: 'without a name',
    make: 'Make a key',
    new: 'Make a key',
    once: 'Copy the key now. It is not shown again: Baton keeps only a hash.',
    key: 'Key',
    made: 'Made',
    used: 'Last used',
    never: 'never',
    delete_it: 'Delete the key {name}',
    delete_text: 'Calls with this key are refused within seconds. This cannot be taken back.',
    deleted: 'The key is deleted.',
    done: 'I have copied it',
  },
  fr: {
    title: 'Clés de ce bot',
    hint: 'Avec une clé, votre serveur appelle Baton pour ce bot et pour aucun autre.',
    none: 'Il n’y a pas encore de clé.',
    name: 'Nom',
    name_hint: 'Pour distinguer les clés, par exemple production.',
    no_name: 'sans nom',
    make: 'Créer une clé',
    new: 'Créer une clé',
    once: 'Copiez la clé maintenant. Elle ne sera plus montrée : Baton n’en garde qu’une empreinte.',
    key: 'Clé',
    made: 'Créée',
    used: 'Dernier usage',
    never: 'jamais',
    delete_it: 'Supprimer la clé {name}',
    delete_text: 'Les appels avec cette clé sont refusés en quelques secondes. C’est sans retour.',
    deleted: 'La clé est supprimée.',
    done: 'Je l’ai copiée',
  },
});

export function KeysTab() {
  const { bot } = useForm();
  const address = `${botPath(bot.id)}/keys`;
  const list = useResource<{ keys: Keys }>(address);
  return (
    <>
      <Card title={t('title')} hint={t('hint')}>
        <ErrorNote error={list.error} onRetry={list.reload} />
        {list.data ? <KeyTable keys={list.data.keys} address={address} onChange={list.reload} /> : null}
        {!list.data && !list.error ? <Loading /> : null}
      </Card>
      <NewKeyCard address={address} onMade={list.reload} />
    </>
  );
}

function NewKeyCard({ address, onMade }: { address: string; onMade: () => void }) {
  const [label, setLabel] = useState('');
  const [made, setMade] = useState<NewKey>();
  const [error, setError] = useState<unknown>();
  const make = async (): Promise<void> => {
    setError(undefined);
    try {
      setMade(await post<NewKey>(address, label.trim() === '' ? {} : { label: label.trim() }));
      setLabel('');
      onMade();
    } catch (failure) {
      setError(failure);
    }
  };
  const wrong = error instanceof ApiFailure ? error.details.find(({ path }) => path.endsWith('label')) : undefined;
  return (
    <Card title={t('new')}>
      <form
        class="with-button"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <TextField label={t('name')} hint={t('name_hint')} value={label} onChange={setLabel} error={wrong?.message} />
        <Button kind="main" type="submit">
          {t('make')}
        </Button>
      </form>
      {wrong ? null : <ErrorNote error={error} />}
      {made ? (
        <Note kind="good">
          <p role="status">{t('once')}</p>
          <Copyable value={made.key} label={t('key')} />
          <Button onPress={() => setMade(undefined)}>{t('done')}</Button>
        </Note>
      ) : null}
    </Card>
  );
}

function KeyTable({ keys, address, onChange }: { keys: Keys; address: string; onChange: () => void }) {
  const [asked, setAsked] = useState<Keys[number]>();
  const [error, setError] = useState<unknown>();
  if (keys.length === 0) return <Empty>{t('none')}</Empty>;
  const destroy = async (id: string): Promise<void> => {
    setError(undefined);
    try {
      await remove(`${address}/${encodeURIComponent(id)}`);
      say(t('deleted'));
    } catch (failure) {
      setError(failure);
    }
    setAsked(undefined);
    onChange();
  };
  return (
    <>
      <ErrorNote error={error} />
      <ul class="keys">
        {keys.map((key) => (
          <KeyRow key={key.id} entry={key} onDelete={() => setAsked(key)} />
        ))}
      </ul>
      {asked ? (
        <Confirm
          title={t('delete_it', { name: asked.label ?? asked.id })}
          text={t('delete_text')}
          yes={tc('delete')}
          onYes={() => destroy(asked.id)}
          onClose={() => setAsked(undefined)}
        />
      ) : null}
    </>
  );
}

function KeyRow({ entry, onDelete }: { entry: Keys[number]; onDelete: () => void }) {
  return (
    <li>
      <div class="key-text">
        <strong>{entry.label ?? t('no_name')}</strong>
        <span class="hint">
          <code>{entry.id}</code> · {t('made')} {dateTime(entry.createdAt)} · {t('used')}{' '}
          {entry.lastUsedAt === null ? t('never') : dateTime(entry.lastUsedAt)}
        </span>
      </div>
      <Button kind="danger" label={t('delete_it', { name: entry.label ?? entry.id })} onPress={onDelete}>
        {tc('delete')}
      </Button>
    </li>
  );
}
