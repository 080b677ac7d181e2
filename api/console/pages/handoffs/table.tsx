import { locale, word } from '../../lib/i18n.ts';
import { hrefTo } from '../../lib/router.ts';
import { words } from '../../lib/texts.ts';
import { HeadRow } from '../../ui/head-row.tsx';
import { Chip, Countdown } from '../../ui/state.tsx';
import { leave, linkId } from './left.ts';
import { t } from './texts.ts';
import { agentName, nameOf, type HandoffView } from './views.ts';

const COLUMNS = ['started', 'bot', 'desk', 'channel', 'user', 'state', 'deadline', 'agent', 'question'] as const;

/** A table; cards on a narrow screen. */
export function HandoffTable({ handoffs, busy }: { handoffs: HandoffView[]; busy: boolean }) {
  return (
    <div class="scroll listing" tabIndex={0} role="region" aria-label={t('table')} aria-busy={busy}>
      <table class="cards handoffs">
        <HeadRow titles={COLUMNS.map((name) => t(name))} />
        <tbody>
          {handoffs.map((handoff) => (
            <HandoffRow key={handoff.id} handoff={handoff} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HandoffRow({ handoff }: { handoff: HandoffView }) {
  const { id, botId, desk, channel, user, agent, question } = handoff;
  return (
    <tr>
      <td data-label={t('started')}>
        <a id={linkId(id)} class="target" href={hrefTo('handoffs', id)} onClick={() => leave(id)}>
          <time dateTime={handoff.startedAt}>{minute(handoff.startedAt)}</time>
        </a>
      </td>
      <td data-label={t('bot')}>{botId}</td>
      <td data-label={t('desk')}>{desk}</td>
      <td data-label={t('channel')}>{channel}</td>
      <td data-label={t('user')}>{nameOf(user)}</td>
      <td data-label={t('state')}>
        <HandoffState handoff={handoff} />
      </td>
      <td data-label={t('deadline')}>
        <Deadline handoff={handoff} />
      </td>
      <td data-label={t('agent')}>{agent ? agentName(agent) : null}</td>
      <td data-label={t('question')} class="short">
        <span class="clamped">{question}</span>
      </td>
    </tr>
  );
}

const minute = (iso: string): string =>
  new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));

/** The state; of a closed one also why. */
export function HandoffState({ handoff: { status, closeReason } }: { handoff: HandoffView }) {
  return (
    <span class="state">
      <Chip value={status} />
      {closeReason === null ? null : <span class="hint"> {word(words, closeReason)}</span>}
    </span>
  );
}

export function Deadline({ handoff: { deadline } }: { handoff: HandoffView }) {
  if (deadline === null) return null;
  return (
    <span class="deadline">
      <Countdown at={deadline.at} />
      <span class="hint"> {word(words, deadline.kind)}</span>
    </span>
  );
}
