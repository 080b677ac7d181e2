import type { HandoffRow } from '../../activities/store/store.ts';
import type { Agent, Attachment, HandoffEvent } from '../../workflows/contracts.ts';
import { botIsSilent } from '../acts.ts';
import type { Result } from './schemas.ts';
import { IN_STATUS, LEAVING, OFFER, sentenceOf } from './words.ts';

/** Events in one result: a model's context is small. */
export const MOST_EVENTS = 100;

/** What every result says of a handoff. `events` are those that the model has not seen. */
export function aboutOf(row: HandoffRow, events: HandoffEvent[]) {
  return {
    handoffId: row.id,
    conversationId: row.conversationId,
    status: row.status,
    say: sentenceOf(events),
    botMustBeSilent: botIsSilent(row),
    whatToDo: whatToDo(row, events),
    ...(row.status === 'asking' && { choices: choicesOf(events) }),
  };
}

function whatToDo(row: HandoffRow, events: HandoffEvent[]): string {
  if (row.kind === 'message' && row.status === 'opening') return LEAVING;
  const words = IN_STATUS[row.status];
  return endOf(row, events).offers === undefined ? words : `${words} ${OFFER}`;
}

type Choices = NonNullable<Result<'handoff_status'>['choices']>;

const choicesOf = (events: HandoffEvent[]): Choices =>
  (events.findLast(({ type }) => type === 'handoff.wait_timeout')?.data['choices'] as Choices | undefined) ?? [];

type End = Pick<Result<'request_handoff'>, 'closeReason' | 'packet' | 'offers'>;

/** How it ended; empty before. The packet is the event's own. */
export function endOf(row: HandoffRow, events: HandoffEvent[]): End {
  if (row.status !== 'closed') return {};
  const closed = events.findLast(({ type }) => type === 'handoff.closed');
  const packet = closed?.data['packet'] as Record<string, unknown> | undefined;
  const offers = closed?.data['offers'] as End['offers'];
  return {
    closeReason: row.closeReason,
    ...(packet !== undefined && { packet }),
    ...(offers !== undefined && { offers }),
  };
}

export function agentMessagesOf(events: HandoffEvent[]): NonNullable<Result<'handoff_status'>['agentMessages']> {
  return events
    .filter(({ type }) => type === 'message.agent')
    .map(({ at, data }) => {
      const { messageId, text, agent, attachments } = data as {
        messageId: string;
        text: string;
        agent: Agent | null;
        attachments?: Attachment[];
      };
      return { messageId, at, agent, text, ...(attachments !== undefined && { attachments }) };
    });
}
