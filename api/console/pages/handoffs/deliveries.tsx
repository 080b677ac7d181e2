import { useId, useRef } from 'preact/hooks';
import { number, time, word } from '../../lib/i18n.ts';
import type { Resource } from '../../lib/resource.ts';
import { words } from '../../lib/texts.ts';
import { HeadRow } from '../../ui/head-row.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, ErrorNote, Loading } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { shortened } from './lines.ts';
import { t } from './texts.ts';
import type { Deliveries, Delivery } from './views.ts';

export type Action = 'retry' | 'give-up';
type OnAct = (messageId: string, action: Action) => Promise<void>;

/** What became of each message. */
export function DeliveryLedger(props: { ledger: Resource<Deliveries>; open: boolean; onAct: OnAct }) {
  const { data, error, reload } = props.ledger;
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const act: OnAct = async (...what) => {
    await props.onAct(...what);
    heading.current?.focus(); // The button may be gone by now.
  };
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id} tabIndex={-1} ref={heading}>
        {t('ledger')}
      </h2>
      {data === undefined ? (
        error === undefined ? (
          <Loading />
        ) : (
          <ErrorNote error={error} onRetry={reload} />
        )
      ) : (
        <>
          <Sums ledger={data} />
          {data.omitted > 0 ? <p class="hint">{t('omitted', { n: number(data.omitted) })}</p> : null}
          {data.messages.length === 0 ? (
            <Empty>{t('ledger_empty')}</Empty>
          ) : (
            <MessageTable messages={data.messages} open={props.open} onAct={act} />
          )}
        </>
      )}
    </section>
  );
}

function Sums({ ledger: { duplicatesDropped, late, callback } }: { ledger: Deliveries }) {
  const { sentSeq, lastSeq } = callback;
  return (
    <ul class="sums">
      <li>{t('dropped', { n: number(duplicatesDropped) })}</li>
      <li>{t('late_count', { n: number(late) })}</li>
      <li>{sentSeq === 0 ? t('callback_none') : t('callback', { sent: number(sentSeq), last: number(lastSeq) })}</li>
    </ul>
  );
}

const COLUMNS = ['time', 'sender', 'message', 'delivery', 'action'] as const;

function MessageTable({ messages, open, onAct }: { messages: Delivery[]; open: boolean; onAct: OnAct }) {
  const columns = open ? COLUMNS : COLUMNS.slice(0, -1);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('messages')}>
      <table class="cards">
        <HeadRow titles={columns.map((name) => t(name))} />
        <tbody>
          {messages.map((message) => (
            <MessageRow key={`${message.from} ${message.messageId}`} message={message} open={open} onAct={onAct} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function MessageRow({ message, open, onAct }: { message: Delivery; open: boolean; onAct: OnAct }) {
  const { at, from, text, state, reason, failedAt } = message;
  return (
    <tr>
      <td data-label={t('time')}>
        <time dateTime={at}>{time(at)}</time>
      </td>
      <td data-label={t('sender')}>{from === 'user' ? t('from_user') : t('from_agent')}</td>
      <td data-label={t('message')} class="short">
        {text}
      </td>
      <td data-label={t('delivery')}>
        <span class="state">
          <Chip value={state} text={t(state)} />
          {reason ? <span class="hint"> {word(words, reason)}</span> : null}
          {failedAt ? <span class="hint"> {time(failedAt)}</span> : null}
        </span>
      </td>
      {open ? (
        <td data-label={t('action')}>
          <Actions message={message} onAct={onAct} />
        </td>
      ) : null}
    </tr>
  );
}

/** Only for what a user wrote and the desk has not acknowledged. */
function Actions({ message: { messageId, text, state, from }, onAct }: { message: Delivery; onAct: OnAct }) {
  const underWay = state === 'waiting' || state === 'unclear';
  if (from !== 'user' || !(underWay || state === 'failed')) return null;
  const button = (action: Action, name: string) => (
    <Button label={t('which', { action: name, text: shortened(text) })} onPress={() => onAct(messageId, action)}>
      {name}
    </Button>
  );
  return (
    <div class="row">
      {button('retry', underWay ? t('retry_now') : t('retry'))}
      {underWay ? button('give-up', t('give_up')) : null}
    </div>
  );
}
