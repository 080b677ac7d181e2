import { useId } from 'preact/hooks';
import type { HandoffEvent } from '../../../../workflows/contracts.ts';
import { Loading } from '../../ui/notes.tsx';
import { Before } from './before.tsx';
import { ChatLine } from './chat-line.tsx';
import { linesOf, type Line } from './lines.ts';
import { t } from './texts.ts';
import { nameOf, type Delivery, type HandoffView } from './views.ts';

/** Everything that was said and shown, the question first. */
export function Transcript(props: { handoff: HandoffView; events: HandoffEvent[]; deliveries: Delivery[] }) {
  const { handoff, events, deliveries } = props;
  const heading = useId();
  const user = nameOf(handoff.user);
  const question: Line = {
    key: 'question',
    kind: 'user',
    at: handoff.startedAt,
    text: handoff.question,
    attachments: [],
  };
  return (
    <section class="card" aria-labelledby={heading}>
      <h2 id={heading}>{t('transcript')}</h2>
      <Before id={handoff.id} user={user} />
      <div role="log" aria-labelledby={heading}>
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
