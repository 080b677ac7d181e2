import { useState } from 'preact/hooks';
import { remove } from '../../lib/api.ts';
import { translator } from '../../lib/i18n.ts';
import { go, hrefTo } from '../../lib/router.ts';
import { tc } from '../../lib/texts.ts';
import { botPath } from '../../lib/paths.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNote, say } from '../../ui/notes.tsx';
import { keepDraft } from './drafts.ts';
import { Card, useForm } from './form.tsx';

const t = translator({
  en: {
    delete_title: 'Delete this bot',
    delete_text:
      'Its settings go and its keys stop working at once. Handoffs and their journals stay. While a handoff is open, Baton refuses: close it first.',
    delete_ask: 'Delete {id}?',
    see_open: 'See its open handoffs',
    deleted: '{id} is deleted.',
  },
  fr: {
    delete_title: 'Supprimer ce bot',
    delete_text:
      'Ses réglages disparaissent et ses clés cessent aussitôt de fonctionner. Les transferts et leurs journaux restent. Tant qu’un transfert est ouvert, Baton refuse : fermez-le d’abord.',
    delete_ask: 'Supprimer {id} ?',
    see_open: 'Voir ses transferts ouverts',
    deleted: '{id} est supprimé.',
  },
});

export function DeleteCard() {
  const { bot } = useForm();
  const [asked, setAsked] = useState(false);
  return (
    <Card title={t('delete_title')} hint={t('delete_text')}>
      <div class="row">
        <Button kind="danger" onPress={() => setAsked(true)}>
          {t('delete_title')}
        </Button>
      </div>
      {asked ? <DeleteDialog id={bot.id} onClose={() => setAsked(false)} /> : null}
    </Card>
  );
}

function DeleteDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [error, setError] = useState<unknown>();
  const destroy = async (): Promise<void> => {
    setError(undefined);
    try {
      await remove(botPath(id));
      keepDraft(id, {});
      say(t('deleted', { id }));
      go(hrefTo('bots'));
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Dialog title={t('delete_ask', { id })} onClose={onClose}>
      <p>{t('delete_text')}</p>
      {error === undefined ? null : (
        <>
          <ErrorNote error={error} />
          <a href={`${hrefTo('handoffs')}?botId=${encodeURIComponent(id)}&status=open`}>{t('see_open')}</a>
        </>
      )}
      <div class="row end">
        <Button onPress={onClose}>{tc('cancel')}</Button>
        <Button kind="danger" onPress={destroy}>
          {tc('delete')}
        </Button>
      </div>
    </Dialog>
  );
}
