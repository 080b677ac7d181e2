import { useId } from 'preact/hooks';
import { ChatLine } from './chat-line.tsx';
import { t } from './texts.ts';
import { agentName, type LateMessage } from './views.ts';

/** At a desk that the handoff had left. */
const whoAt = (name: string, desk: string | undefined): string =>
  desk === undefined ? name : t('late_from', { name, desk });

/** What arrived after the end. */
export function LateMessages({ messages }: { messages: LateMessage[] }) {
  const heading = useId();
  if (messages.length === 0) return null;
  return (
    <section class="card" aria-labelledby={heading}>
      <h2 id={heading}>{t('late')}</h2>
      <p class="hint">{t('late_hint')}</p>
      <ol class="chat">
        {messages.map(({ id, at, from, text, attachments = [], agent, desk }) => (
          <ChatLine
            key={id}
            line={{ key: id, kind: from, at, text, attachments }}
            who={from === 'user' ? t('the_user') : whoAt(agentName(agent), desk)}
          />
        ))}
      </ol>
    </section>
  );
}
