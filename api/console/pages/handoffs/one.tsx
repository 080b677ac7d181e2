import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.ts';
import { useResource, type Resource } from '../../lib/resource.ts';
import { handoffPath } from '../../lib/paths.ts';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { useAct } from './act.ts';
import { DeliveryLedger } from './deliveries.tsx';
import { Facts } from './facts.tsx';
import { Head, titleOf } from './head.tsx';
import { useJournal } from './journal.ts';
import { LateMessages } from './late.tsx';
import { backHref } from './left.ts';
import { t } from './texts.ts';
import { Transcript } from './transcript.tsx';
import type { Deliveries, HandoffWithLate } from './views.ts';

/** Deadlines move and messages get through without an event: the rest of the page is read again this often. */
const EVERY_MS = 3_000;
const UNDER_WAY_MS = 1_000;

/** One handoff, live. */
export function OneHandoff({ id }: { id: string }) {
  const path = handoffPath(id);
  const { data: handoff, error, reload } = useResource<HandoffWithLate>(path, EVERY_MS);
  const ledger = useLedger(handoff && `${path}/deliveries`);
  const { events, live } = useJournal(id, handoff !== undefined);
  const { act, refused } = useAct();
  const readAgain = (): void => {
    reload();
    ledger.reload();
  };
  useEffect(() => {
    if (events.length > 0) readAgain();
  }, [events.length]);

  if (handoff === undefined) return <NotThere id={id} error={error} onRetry={reload} />;
  return (
    <>
      <BackLink />
      <Head
        handoff={handoff}
        live={error === undefined && live}
        onClose={async () => {
          await act(() => post(`${path}/close`, { by: 'operator' }), t('close_said'));
          readAgain();
        }}
      />
      <ErrorNote error={refused} />
      <div class="handoff">
        <div class="stack">
          <Transcript handoff={handoff} events={events} deliveries={ledger.data?.messages ?? []} />
          <LateMessages messages={handoff.lateMessages} />
        </div>
        <Facts handoff={handoff} />
      </div>
      <DeliveryLedger
        ledger={ledger}
        open={handoff.status !== 'closed'}
        onAct={async (messageId, action) => {
          const said = action === 'retry' ? t('retry_said') : t('give_up_said');
          await act(() => post(`${path}/messages/${encodeURIComponent(messageId)}/${action}`), said);
          readAgain();
        }}
      />
    </>
  );
}

/** Read more often while a message is on its way: its arrival is no event. */
function useLedger(path: string | undefined): Resource<Deliveries> {
  const [everyMs, setEvery] = useState(EVERY_MS);
  const ledger = useResource<Deliveries>(path, everyMs);
  const underWay = ledger.data?.messages.some(({ state }) => state === 'waiting' || state === 'unclear');
  useEffect(() => setEvery(underWay ? UNDER_WAY_MS : EVERY_MS), [underWay]);
  return ledger;
}

const BackLink = () => (
  <a class="target" href={backHref()}>
    ← {t('back')}
  </a>
);

function NotThere({ id, error, onRetry }: { id: string; error: unknown; onRetry(): void }) {
  return (
    <>
      <BackLink />
      <h1>{titleOf({ id })}</h1>
      {error === undefined ? <Loading /> : <ErrorNote error={error} onRetry={onRetry} />}
    </>
  );
}
