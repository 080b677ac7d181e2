import type { HandoffRow, Store } from '../activities/store/store.ts';
import type { Agent, Attachment, CloseReason, HandoffEvent, LateMessage, Turn } from '../workflows/contracts.ts';
import { eventsOf } from './journal.ts';
import type { Transcript, TranscriptEntry } from './schemas/insight.ts';

/** What a transcript begins with. */
export interface TranscriptHead {
  row: HandoffRow;
  /** Of the talk before the handoff; null when it was not kept. */
  before: Turn[] | null;
}

export type TranscriptPart =
  | { kind: 'entry'; entry: TranscriptEntry }
  | { kind: 'end'; end: NonNullable<Transcript['end']> }
  | { kind: 'late'; message: LateMessage };

/** The handoff as far as its row knew it when the transcript was asked for, then what came too late. */
export async function* transcriptParts(store: Store, row: HandoffRow): AsyncGenerator<TranscriptPart> {
  for await (const event of eventsOf(store, row)) yield partOf(event);
  for (const message of await store.journal.late(row.id)) yield { kind: 'late', message };
}

function partOf({ seq, at, type, data }: HandoffEvent): TranscriptPart {
  const said = data as {
    text?: string | null;
    messageId?: string;
    agent?: Agent | null;
    attachments?: Attachment[];
    reason?: string;
  };
  const text = said.text ?? null;
  if (type === 'handoff.closed') return { kind: 'end', end: { seq, at, reason: said.reason as CloseReason, text } };
  return {
    kind: 'entry',
    entry: {
      seq,
      at,
      type,
      from: type === 'message.user' ? 'user' : type === 'message.agent' ? 'agent' : 'baton',
      text,
      ...(said.messageId !== undefined && { messageId: said.messageId }),
      ...(said.agent && { agent: said.agent }),
      ...(said.attachments && { attachments: said.attachments }),
      ...(said.reason !== undefined && { reason: said.reason }),
    },
  };
}

/** A `Transcript` as JSON, one entry a line. */
export async function* transcriptJson(
  { row, before }: TranscriptHead,
  parts: AsyncIterable<TranscriptPart>,
): AsyncGenerator<string> {
  const { id, botId, conversationId, desk, deskConversationId, channel, mode, status, user, agent } = row;
  const { startedAt, activeAt, closedAt } = row;
  const who = { id, botId, conversationId, desk, deskConversationId, channel, mode, status, user, agent };
  const head = { version: 1, handoff: { ...who, startedAt, activeAt, closedAt }, before, question: row.question };
  yield `${JSON.stringify(head).slice(0, -1)},"entries":[`;
  let end: Transcript['end'] = null;
  const late: LateMessage[] = [];
  let separator = '\n';
  for await (const part of parts) {
    if (part.kind === 'end') end = part.end;
    else if (part.kind === 'late') late.push(part.message);
    else {
      yield separator + JSON.stringify(part.entry);
      separator = ',\n';
    }
  }
  yield `\n],"end":${JSON.stringify(end)},"late":${JSON.stringify(late)}}\n`;
}
