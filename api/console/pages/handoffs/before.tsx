import { useState } from 'preact/hooks';
import type { Transcript as Exported } from '../../../schemas/insight.ts';
import { useResource } from '../../lib/resource.ts';
import { handoffPath } from '../../lib/paths.ts';
import { Empty, ErrorNote, Loading } from '../../ui/notes.tsx';
import { ChatLine } from './chat-line.tsx';
import { t } from './texts.ts';

/** The talk of user and bot that led to the handoff; read when somebody opens it. */
export function Before({ id, user }: { id: string; user: string }) {
  const [wanted, setWanted] = useState(false);
  return (
    <details onToggle={(event) => event.currentTarget.open && setWanted(true)}>
      <summary>{t('before')}</summary>
      {wanted ? <Turns id={id} user={user} /> : null}
    </details>
  );
}

function Turns({ id, user }: { id: string; user: string }) {
  const { data, error, reload } = useResource<Pick<Exported, 'before'>>(`${handoffPath(id)}/transcript?format=json`);
  if (data === undefined) return error === undefined ? <Loading /> : <ErrorNote error={error} onRetry={reload} />;
  const turns = data.before ?? [];
  if (turns.length === 0) return <Empty>{t('before_none')}</Empty>;
  return (
    <ol class="chat">
      {turns.map(({ role, text, at }, index) => (
        <ChatLine
          key={index}
          line={{
            key: String(index),
            kind: role === 'user' ? 'user' : 'bot',
            text,
            attachments: [],
            ...(at === undefined ? {} : { at }),
          }}
          who={role === 'user' ? user : t('the_bot')}
        />
      ))}
    </ol>
  );
}
