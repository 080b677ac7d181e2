import { useState } from 'preact/hooks';
import { translator, word } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { hrefTo, route, setQuery } from '../../lib/router.ts';
import { tc, words } from '../../lib/texts.ts';
import { botPath } from '../../lib/paths.ts';
import { HeadRow } from '../../ui/head-row.tsx';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Empty, ErrorNote, Loading } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { NewBotDialog } from './new-bot.tsx';
import { drafts } from './drafts.ts';
import { useTitle } from './title.ts';
import type { Bot, BotStatus, Desk } from './types.ts';
import { useAllBots } from './use-all-bots.ts';

const MANY = 8;
const STEP = 50;
const POLL_MS = 60_000;

const t = translator({
  en: {
    title: 'Bots',
    new: 'New bot',
    none: 'There is no bot yet. A bot is what hands conversations over: its settings say to which desk, when and how.',
    no_match: 'No bot matches.',
    search: 'Search',
    bot: 'Bot',
    desk: 'Desk',
    mode: 'Mode',
    service: 'Service',
    enabled: 'Handoffs',
    open: 'Hours',
    on: 'allowed',
    off: 'switched off',
    always: 'always open',
    open_now: 'open now',
    closed_now: 'closed now',
    no_desk: 'no desk',
    unsaved: 'unsaved changes',
  },
  fr: {
    title: 'Bots',
    new: 'Nouveau bot',
    none: 'Il n’y a pas encore de bot. Un bot transfère des conversations : ses réglages disent à quel desk, quand et comment.',
    no_match: 'Aucun bot ne correspond.',
    search: 'Rechercher',
    bot: 'Bot',
    desk: 'Desk',
    mode: 'Mode',
    service: 'Service',
    enabled: 'Transferts',
    open: 'Horaires',
    on: 'permis',
    off: 'désactivés',
    always: 'toujours ouvert',
    open_now: 'ouvert maintenant',
    closed_now: 'fermé maintenant',
    no_desk: 'pas de desk',
    unsaved: 'modifications non enregistrées',
  },
});

export function BotList() {
  useTitle(t('title'));
  const { bots, error, reload } = useAllBots();
  const desks = useResource<{ desks: Desk[] }>('/v1/desks').data?.desks ?? [];
  const [isAdding, setAdding] = useState(false);
  return (
    <>
      <div class="row spread">
        <h1>{t('title')}</h1>
        <Button kind="main" onPress={() => setAdding(true)}>
          {t('new')}
        </Button>
      </div>
      <ErrorNote error={error} onRetry={reload} />
      {bots ? <Bots bots={bots} desks={desks} /> : null}
      {!bots && !error ? <Loading /> : null}
      {isAdding ? <NewBotDialog desks={desks} onClose={() => setAdding(false)} /> : null}
    </>
  );
}

function Bots({ bots, desks }: { bots: Bot[]; desks: Desk[] }) {
  const search = route.value.query.get('q') ?? '';
  const [limit, setLimit] = useState(STEP);
  const titleOf = ({ settings }: Bot): string | undefined =>
    desks.find(({ id }) => id === settings.desk?.kind)?.title ?? settings.desk?.kind;
  const found = bots.filter((bot) => isFound(search, bot.id, titleOf(bot)));
  if (bots.length === 0) return <Empty>{t('none')}</Empty>;
  return (
    <>
      {bots.length > MANY || search !== '' ? (
        <TextField label={t('search')} value={search} onChange={(q) => setQuery({ q })} />
      ) : null}
      {found.length === 0 ? (
        <Empty>{t('no_match')}</Empty>
      ) : (
        <BotTable bots={found.slice(0, limit)} titleOf={titleOf} />
      )}
      {found.length > limit ? (
        <div class="row">
          <Button onPress={() => setLimit(limit + STEP)}>{tc('more')}</Button>
        </div>
      ) : null}
    </>
  );
}

const isFound = (search: string, ...texts: (string | undefined)[]): boolean =>
  texts.some((text) => text?.toLowerCase().includes(search.trim().toLowerCase()));

function BotTable({ bots, titleOf }: { bots: Bot[]; titleOf: (bot: Bot) => string | undefined }) {
  const heads = ['bot', 'desk', 'mode', 'service', 'enabled', 'open'] as const;
  return (
    <div class="card table-card">
      <table class="bots">
        <caption class="hidden">{t('title')}</caption>
        <HeadRow titles={heads.map((name) => t(name))} />
        <tbody>
          {bots.map((bot) => (
            <BotRow key={bot.id} bot={bot} desk={titleOf(bot)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function BotRow({ bot, desk }: { bot: Bot; desk: string | undefined }) {
  const { settings, service } = bot;
  return (
    <tr>
      <th scope="row">
        <a href={hrefTo('bots', bot.id)}>{bot.id}</a>
        {bot.id in drafts.value ? <span class="hint"> • {t('unsaved')}</span> : null}
      </th>
      <td data-label={t('desk')}>{desk ?? <span class="hint">{t('no_desk')}</span>}</td>
      <td data-label={t('mode')}>{word(words, settings.mode)}</td>
      <td data-label={t('service')}>
        <Chip value={service.state} />
        {service.why === undefined ? null : <p class="hint why">{service.why}</p>}
      </td>
      <td data-label={t('enabled')}>
        <Chip value={settings.enabled ? 'available' : 'disabled'} text={settings.enabled ? t('on') : t('off')} />
      </td>
      <td data-label={t('open')}>{settings.hours === null ? t('always') : <OpenNow id={bot.id} />}</td>
    </tr>
  );
}

function OpenNow({ id }: { id: string }) {
  const { data } = useResource<BotStatus>(`${botPath(id)}/status`, POLL_MS);
  if (!data) return <>…</>;
  return <Chip value={data.open ? 'available' : 'closed'} text={data.open ? t('open_now') : t('closed_now')} />;
}
