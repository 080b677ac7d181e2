import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { dateTime, duration, number, word } from '../../lib/i18n.ts';
import { hrefTo } from '../../lib/router.ts';
import { words } from '../../lib/texts.ts';
import { Copyable } from '../../ui/button.tsx';
import { t, texts } from './texts.ts';
import type { HandoffView } from './views.ts';

/** What is known about a handoff besides its talk. */
export function Facts({ handoff }: { handoff: HandoffView }) {
  const heading = useId();
  const { startedAt, counts, metadata } = handoff;
  const since = (at: string): string =>
    t('after', { at: dateTime(at), duration: duration((Date.parse(at) - Date.parse(startedAt)) / 1_000) });
  return (
    <section class="card" aria-labelledby={heading}>
      <h2 id={heading}>{t('facts')}</h2>
      <dl class="facts">
        <Fact name={t('handoff_id')} id={handoff.id} />
        <Fact name={t('conversation_id')} id={handoff.conversationId} />
        <Fact name={t('desk_conversation_id')} id={handoff.deskConversationId} />
        <Fact name={t('bot')}>
          <a href={hrefTo('bots', handoff.botId)}>{handoff.botId}</a>
        </Fact>
        <Fact name={t('desk')}>{handoff.desk}</Fact>
        {handoff.earlierDesks.map(({ desk, why, leftAt }) => (
          <Fact key={desk} name={t('earlier_desk')}>
            {t('left', { desk, why: word(words, why), at: dateTime(leftAt) })}
          </Fact>
        ))}
        <Fact name={t('mode')}>{word(words, handoff.mode)}</Fact>
        <Fact name={t('channel')}>{handoff.channel}</Fact>
        {Object.entries(handoff.user).map(([name, value]) => (
          <Fact key={name} name={word(texts, `user_${name}`)}>
            {String(value)}
          </Fact>
        ))}
        <Fact name={t('started')}>{dateTime(startedAt)}</Fact>
        {handoff.activeAt === null ? null : <Fact name={t('first_reply')}>{since(handoff.activeAt)}</Fact>}
        {handoff.closedAt === null ? null : <Fact name={t('ended')}>{since(handoff.closedAt)}</Fact>}
        <Fact name={t('messages')}>
          {t('counts', { user: number(counts.user), agent: number(counts.agent), failed: number(counts.failed) })}
        </Fact>
      </dl>
      {metadata === null || metadata === undefined ? null : (
        <details>
          <summary>{t('metadata')}</summary>
          <pre>{JSON.stringify(metadata, null, 2)}</pre>
        </details>
      )}
    </section>
  );
}

/** With `id` a value to copy, left out while there is none. */
function Fact({ name, id, children }: { name: string; id?: string | null; children?: ComponentChildren }) {
  if (id === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{id === undefined ? children : <Copyable value={id} label={name} />}</dd>
    </>
  );
}
