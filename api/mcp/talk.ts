import type { HandoffRow } from '../../activities/store/store.ts';
import type { EventType } from '../../workflows/contracts.ts';
import { answerWait, botIsSilent, end, say } from '../acts.ts';
import { invalid } from '../errors.ts';
import { waitForEvent } from '../wait.ts';
import { actingFor, handoffOf, type Call } from './call.ts';
import type { Args, Result } from './schemas.ts';
import { aboutOf, agentMessagesOf, endOf, MOST_EVENTS } from './view.ts';
import { ENDING, SENT } from './words.ts';

/** Where a handoff is, and what happened since `after`. */
export async function handoffStatus(call: Call, args: Args<'handoff_status'>): Promise<Result<'handoff_status'>> {
  const { store } = call.context;
  const { id } = await handoffOf(call, actingFor(call, args.botId), args);
  if (args.waitSeconds > 0) await waitForNews(call, id, args);
  const row = await fresh(call, id);
  const events = await store.journal.read(id, args.after, MOST_EVENTS);
  const lastSeq = events.at(-1)?.seq ?? args.after;
  return {
    outcome: row.status === 'closed' ? 'closed' : 'open',
    ...aboutOf(row, events),
    ...endOf(row, await closingEvents(call, row)),
    agent: row.agent,
    deadline: row.deadline,
    agentMessages: agentMessagesOf(events),
    events: events.map(({ seq, type, at, data }) => ({ seq, type, at, data: withoutPacket(data) })),
    lastSeq,
    more: lastSeq < row.lastSeq,
  };
}

/** A closed handoff has no more news. */
async function waitForNews(call: Call, id: string, { after, waitSeconds }: Args<'handoff_status'>): Promise<void> {
  const row = await fresh(call, id);
  if (row.status === 'closed') return;
  await waitForEvent(call.context.store, id, { after, seconds: waitSeconds, signal: call.signal });
}

/** The packet is in the result once, whether or not its event is new. */
const withoutPacket = ({ packet: _packet, ...data }: Record<string, unknown>): Record<string, unknown> => data;

/** `handoff.closed` is the last event. */
const closingEvents = async ({ context }: Call, { id, status, lastSeq }: HandoffRow) =>
  status === 'closed' ? await context.store.journal.read(id, lastSeq - 1, 1) : [];

async function fresh({ context }: Call, id: string): Promise<HandoffRow> {
  const row = await context.store.handoffs.get(id);
  if (row === undefined) throw new Error(`the handoff ${id} has gone`);
  return row;
}

/** A message of the user, or his answer to the question whether to keep waiting. */
export async function sendUserMessage(
  call: Call,
  args: Args<'send_user_message'>,
): Promise<Result<'send_user_message'>> {
  const by = actingFor(call, args.botId);
  const { text, attachments, messageId, waitChoice } = args;
  const isMessage = text.trim() !== '' || (attachments ?? []).length > 0;
  if (!isMessage && waitChoice === undefined) {
    throw invalid([{ path: 'text', message: 'must not be empty without attachments or waitChoice' }]);
  }
  const row = await handoffOf(call, by, args);
  if (waitChoice !== undefined) await answerWait(call.context, by, row.id, waitChoice);
  const id = isMessage
    ? await say(call.context, by, row.id, {
        text,
        ...(messageId !== undefined && { id: messageId }),
        ...(attachments !== undefined && { attachments }),
      })
    : undefined;
  return {
    outcome: 'accepted',
    handoffId: row.id,
    conversationId: row.conversationId,
    ...(id !== undefined && { messageId: id }),
    say: null,
    botMustBeSilent: botIsSilent(row),
    whatToDo: SENT,
  };
}

const END: ReadonlySet<EventType> = new Set(['handoff.closed'] as const);

/** Ends it, and waits for the end to be written: messages that are on their way come first. */
export async function endHandoff(call: Call, args: Args<'end_handoff'>): Promise<Result<'end_handoff'>> {
  const by = actingFor(call, args.botId);
  const { id } = await end(call.context, by, (await handoffOf(call, by, args)).id, args.by);
  await waitForEvent(call.context.store, id, { types: END, seconds: args.waitSeconds, signal: call.signal });
  const row = await fresh(call, id);
  const events = await closingEvents(call, row);
  const about = { ...aboutOf(row, events), ...endOf(row, events) };
  return row.status === 'closed' ? { outcome: 'closed', ...about } : { outcome: 'ending', ...about, whatToDo: ENDING };
}
