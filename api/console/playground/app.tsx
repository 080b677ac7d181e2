import { useEffect, useState } from 'preact/hooks';
import { get, session } from '../lib/api.ts';
import { route } from '../lib/router.ts';
import { resume } from '../lib/session.ts';
import { SignIn } from '../pages/sign-in.tsx';
import { Button } from '../ui/button.tsx';
import { SelectField } from '../ui/field.tsx';
import { LanguageChoice } from '../ui/language.tsx';
import { ErrorNote, Loading, Note, Said } from '../ui/notes.tsx';
import { AgentSide } from './agent-side.tsx';
import { EventLog, FaultButtons, StateStrip } from './panels.tsx';
import { openPlace, type PlaceModel } from './place-model.ts';
import { placesOf, type DeskFacts, type Place } from './places.ts';
import { t } from './texts.ts';
import { UserSide } from './user-side.tsx';

export function Playground() {
  useEffect(() => void resume(), []);
  if (session.value === 'unknown') return <Loading />;
  if (session.value === 'out') return <SignIn />;
  return (
    <>
      <header class="bar">
        <a class="brand" href="/">
          Baton
        </a>
        <h1>{t('title')}</h1>
        <nav aria-label={t('console')}>
          <a href="/">{t('console')}</a>
        </nav>
        <LanguageChoice />
      </header>
      <main class="playground">
        <Places />
      </main>
      <Said />
    </>
  );
}

/** Asks once what there is; the address says which one is open. */
function Places() {
  const [places, setPlaces] = useState<Place[]>();
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const load = async (): Promise<void> => {
    setError(undefined);
    const [service, { desks }] = await Promise.all([
      get<{ sandboxes: string[] }>('/v1/service'),
      get<{ desks: DeskFacts[] }>('/v1/desks'),
    ]);
    setPlaces(placesOf(desks, service.sandboxes));
  };
  useEffect(() => void load().catch(setError), []);
  if (error !== undefined) return <ErrorNote error={error} onRetry={() => void load().catch(setError)} />;
  if (places === undefined) return <Loading />;
  const [desk, mode] = route.value.path;
  const place = places.find((one) => one.desk === desk && one.mode === mode) ?? places[0];
  if (place === undefined) return <Note kind="warn">{t('no_places')}</Note>;
  return (
    <OnePlace key={`${place.botId} ${turn}`} places={places} place={place} onStartOver={() => setTurn(turn + 1)} />
  );
}

const goTo = ({ desk, mode }: Place): void => {
  location.hash = `#/${desk}/${mode}`;
};

function OnePlace({ places, place, onStartOver }: { places: Place[]; place: Place; onStartOver: () => void }) {
  const [model, setModel] = useState<PlaceModel>();
  useEffect(() => {
    const opened = openPlace(place);
    setModel(opened);
    void opened.begin();
    return () => opened.stop();
  }, []);
  if (model === undefined) return <Loading />;
  const startOver = async (): Promise<void> => {
    await model.startOver();
    onStartOver();
  };
  return (
    <>
      <p class="hint">{t('lead')}</p>
      <Chooser places={places} model={model} onStartOver={startOver} />
      <FirstHint place={place} />
      {model.error.value === undefined ? null : (
        <ErrorNote error={model.error.value} onRetry={() => void model.begin()} />
      )}
      {model.ready.value === undefined && model.error.value === undefined ? (
        <p role="status">{t('preparing')}</p>
      ) : null}
      <StateStrip model={model} />
      <div class="sides">
        <UserSide model={model} />
        <AgentSide model={model} />
      </div>
      <div class="sides">
        <FaultButtons model={model} />
        <EventLog model={model} />
      </div>
    </>
  );
}

function Chooser({
  places,
  model,
  onStartOver,
}: {
  places: Place[];
  model: PlaceModel;
  onStartOver: () => Promise<void>;
}) {
  const { place, channel } = model;
  const desks = places.filter((one, index) => places.findIndex(({ desk }) => desk === one.desk) === index);
  const modes = places.filter(({ desk }) => desk === place.desk);
  const open = (desk: string, mode: string): void => {
    const found =
      places.find((one) => one.desk === desk && one.mode === mode) ?? places.find((one) => one.desk === desk);
    if (found !== undefined) goTo(found);
  };
  return (
    <section class="row chooser" aria-label={t('choose')}>
      <SelectField
        label={t('desk')}
        value={place.desk}
        onChange={(desk) => open(desk, place.mode)}
        choices={desks.map(({ desk, title }) => ({ value: desk, text: title }))}
      />
      <SelectField
        label={t('mode')}
        value={place.mode}
        disabled={modes.length < 2}
        onChange={(mode) => open(place.desk, mode)}
        choices={modes.map(({ mode }) => ({ value: mode, text: t(mode) }))}
      />
      <SelectField
        label={t('channel')}
        value={channel.value}
        disabled={place.channels.length < 2}
        onChange={model.setChannel}
        choices={place.channels.map((value) => ({ value, text: value }))}
      />
      <Button onPress={onStartOver}>{t('start_over')}</Button>
    </section>
  );
}

const SEEN = 'baton.playground.hint';

function FirstHint({ place }: { place: Place }) {
  const [isSeen, setSeen] = useState(localStorage.getItem(SEEN) !== null);
  if (isSeen) return null;
  return (
    <div class="note row spread">
      <p>
        <strong>{t('hint_title')}</strong>{' '}
        {place.inMessenger ? t('hint_messenger', { desk: place.title }) : t('hint_window')}
      </p>
      <Button
        onPress={() => {
          localStorage.setItem(SEEN, 'seen');
          setSeen(true);
        }}
      >
        {t('hint_close')}
      </Button>
    </div>
  );
}
