import { useId } from 'preact/hooks';
import type { HandoffEvent } from '../../../../workflows/contracts.ts';
import { time } from '../../lib/i18n.ts';
import { Outside } from '../../ui/button.tsx';
import { Loading } from '../../ui/notes.tsx';
import { linesOf, type Line } from './lines.ts';
import { t } from './texts.ts';
import { nameOf, type Delivery, type HandoffView } from './views.ts';

/** Everything that was said and shown, the question first. */
export function Transcript(props: { handoff: HandoffView; events: HandoffEvent[]; deliveries: Delivery[] }) {
  const { handoff, events, deliveries } = props;
  const id = useId();
  const user = nameOf(handoff.user);
  const question: Line = {
    key: 'question',
    kind: 'user',
    at: handoff.startedAt,
    text: handoff.question,
    attachments: [],
  };
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{t('transcript')}</h2>
      <div role="log" aria-labelledby={id}>
        <ol class="chat">
          <ChatLine line={question} who={`${user}, ${t('the_question')}`} />
          {linesOf(events, deliveries).map((line) => (
            <ChatLine key={line.key} line={line} who={line.who ?? user} />
          ))}
        </ol>
      </div>
      {events.length === 0 && handoff.status === 'closed' ? <Loading /> : null}
    </section>
  );
}

export function ChatLine({ line, who }: { line: Line; who: string }) {
  const { kind, at, what, text, attachments, failed } = line;
  return (
    <li class={`line ${kind}${failed ? ' failed' : ''}`}>
      <span class="who">
        {what ?? who}
        {' · '}
        <time dateTime={at}>{time(at)}</time>
        {failed ? ` · ${t('failed')}` : ''}
      </span>
      {kind === 'system' ? <SystemText text={text} /> : text}
      {attachments.map(({ url, name }) => (
        <Outside key={url} href={url}>
          {t('file')}: {name ?? url}
        </Outside>
      ))}
    </li>
  );
}

const SystemText = ({ text }: { text: string | null }) =>
  text === null || text === '' ? null : <q class="told">{text}</q>;
