import { useEffect, useState } from 'preact/hooks';
import { time, word } from '../lib/i18n.ts';
import { words } from '../lib/texts.ts';
import { Button, Outside } from '../ui/button.tsx';
import { NumberField } from '../ui/field.tsx';
import { ErrorNote, say } from '../ui/notes.tsx';
import { Chip, Countdown, Live } from '../ui/state.tsx';
import { FAULTS, faultsOn, pressed, type Fault } from './faults.ts';
import type { PlaceModel } from './place-model.ts';
import { t } from './texts.ts';

/** The state of the newest handoff, what ends it next, and where its run is. */
export function StateStrip({ model }: { model: PlaceModel }) {
  const { value: handoff } = model.journal.handoff;
  const { duplicates = 0, failed = 0, late = 0 } = handoff?.counts ?? {};
  return (
    <section class="card strip" aria-label={t('handoff')}>
      <div class="row">
        <strong>{t('handoff')}</strong>
        <span role="status">
          {handoff === undefined ? <Chip value="none" text={t('no_handoff')} /> : <Chip value={handoff.status} />}
          {handoff?.closeReason ? <Chip value={handoff.closeReason} /> : null}
        </span>
        {handoff?.deadline ? <Countdown at={handoff.deadline.at} label={word(words, handoff.deadline.kind)} /> : null}
        {duplicates > 0 ? <span>{t('duplicates', { n: duplicates })}</span> : null}
        {failed > 0 ? <span>{t('failures', { n: failed })}</span> : null}
        {late > 0 ? <span>{t('late', { n: late })}</span> : null}
      </div>
      {handoff?.links.temporal ? <Outside href={handoff.links.temporal}>{t('temporal')}</Outside> : null}
    </section>
  );
}

export function FaultButtons({ model }: { model: PlaceModel }) {
  const { desk, place, ready } = model;
  const isClosed = ready.value?.isClosed === true;
  const [error, setError] = useState<unknown>();
  const on = desk.state.value === undefined ? new Set<Fault>() : faultsOn(desk.state.value);
  // What a desk that waits for its bot answers cannot come before it has asked.
  const offered = FAULTS.filter((fault) => fault !== 'early' || !place.inTurns);
  const press = async (fault: Fault): Promise<void> => {
    setError(undefined);
    await desk.setFaults(pressed(on, fault)).catch(setError);
  };
  return (
    <section class="card" aria-labelledby="faults">
      <h2 id="faults">{t('faults')}</h2>
      <div class="row">
        {offered.map((fault) => (
          <Button key={fault} pressed={on.has(fault)} onPress={() => press(fault)}>
            {t(fault)}
          </Button>
        ))}
        <Button
          pressed={isClosed}
          disabled={ready.value === undefined}
          onPress={() => model.setClosed(!isClosed).then(() => setError(undefined), setError)}
        >
          {t('closed_hours')}
        </Button>
      </div>
      <p class="hint">{t('faults_hint')}</p>
      {error === undefined ? null : <ErrorNote error={error} />}
      <Times model={model} />
    </section>
  );
}

function Times({ model: { ready, setWaits } }: { model: PlaceModel }) {
  const saved = ready.value?.waits;
  const [wait, setWait] = useState<number | undefined>();
  const [inactivity, setInactivity] = useState<number | undefined>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setWait(saved?.waitTimeoutSeconds);
    setInactivity(saved?.inactivityTimeoutSeconds);
  }, [saved]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (wait === undefined || inactivity === undefined) return;
    setError(undefined);
    await setWaits({ waitTimeoutSeconds: wait, inactivityTimeoutSeconds: inactivity }).then(
      () => say(t('saved')),
      setError,
    );
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <h3>{t('settings')}</h3>
      <div class="row times">
        <NumberField label={t('wait_time')} value={wait} onChange={setWait} min={5} max={86_400} />
        <NumberField label={t('inactivity')} value={inactivity} onChange={setInactivity} min={5} max={86_400} />
        <Button type="submit" disabled={saved === undefined}>
          {t('save')}
        </Button>
      </div>
      <p class="hint">{t('from_next')}</p>
      {error === undefined ? null : <ErrorNote error={error} />}
    </form>
  );
}

/** Newest first: what the bot's backend hears. */
export function EventLog({ model: { journal } }: { model: PlaceModel }) {
  const events = journal.events.value.toReversed();
  return (
    <section class="card" aria-labelledby="events">
      <div class="row spread">
        <h2 id="events">{t('events')}</h2>
        <Live live={journal.live.value} />
      </div>
      <p class="hint">{t('events_hint')}</p>
      <div class="log events" role="log" aria-labelledby="events" aria-live="off" tabIndex={0}>
        {events.length === 0 ? <p class="empty">{t('nothing_yet')}</p> : null}
        <ol>
          {events.map((event) => (
            <li key={`${'handoffId' in event ? event.handoffId : event.conversationId} ${event.seq}`}>
              <details>
                <summary>
                  <span class="seq">{event.seq}</span> <code>{event.type}</code>{' '}
                  <time dateTime={event.at}>{time(event.at)}</time>
                  <span class="brief">{typeof event.data['text'] === 'string' ? event.data['text'] : ''}</span>
                </summary>
                <pre>{JSON.stringify(event, null, 2)}</pre>
              </details>
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}
