/** The return packet: what the bot is told at the end, made from a bounded memory of what user and human said. */
import type {
  Attachment,
  CloseReason,
  EventType,
  HandoffMemory,
  HandoffState,
  PacketMessage,
  PacketOutcome,
  ReturnPacket,
} from './contracts.ts';

export const PACKET_MESSAGES = 40;
export const PACKET_CHARACTERS = 16_000;

/** What an event adds to the memory. `data` is the event's. */
export function remember(
  memory: HandoffMemory = { messages: [] },
  type: EventType,
  data: Record<string, unknown>,
  atMs: number,
): HandoffMemory {
  switch (type) {
    case 'handoff.connecting':
      return { acceptedMs: atMs, ...memory };
    case 'handoff.active':
      return { ...memory, answeredMs: atMs };
    case 'message.user':
      return { ...memory, messages: withNew(memory.messages, { role: 'user', content: contentOf(data) }) };
    case 'message.agent': {
      const content = contentOf(data);
      const name = (data['agent'] as { name?: string } | null)?.name;
      const message = { role: 'assistant' as const, ...(name === undefined ? {} : { name }), content };
      return { ...memory, lastWords: content, messages: withNew(memory.messages, message) };
    }
    default:
      return memory;
  }
}

/** A reference to a file is all that a model can have of it. */
function contentOf({ text, attachments }: { text?: unknown; attachments?: unknown }): string {
  const files = (attachments as Attachment[] | undefined)?.map(({ url }) => url) ?? [];
  const content = [String(text), ...files].filter((part) => part !== '').join('\n');
  if (content.length <= PACKET_CHARACTERS) return content;
  return `${content.slice(0, PACKET_CHARACTERS - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The newest ones that fit. */
function withNew(messages: PacketMessage[], message: PacketMessage): PacketMessage[] {
  const all = [...messages, message].slice(-PACKET_MESSAGES);
  let size = 0;
  return all.slice(all.findLastIndex(({ content }) => (size += content.length) > PACKET_CHARACTERS) + 1);
}

/** Made when the end is written, at `endMs`. */
export function packetOf(
  { memory = { messages: [] }, counts, agent }: HandoffState,
  { reason, detail }: { reason: CloseReason; detail?: string },
  endMs: number,
): ReturnPacket {
  const { startedMs, answeredMs, acceptedMs = startedMs, lastWords, messages } = memory;
  return {
    outcome: outcomeOf(reason, detail, counts.agent > 0),
    reason,
    durationSeconds: secondsBetween(startedMs, endMs),
    waitSeconds: secondsBetween(acceptedMs, answeredMs),
    agent: agent ?? null,
    lastWords: lastWords ?? null,
    messages,
    omitted: counts.user + counts.agent - messages.length,
  };
}

const secondsBetween = (fromMs: number | undefined, toMs: number | undefined): number | null =>
  fromMs === undefined || toMs === undefined ? null : Math.max(0, Math.round((toMs - fromMs) / 1_000));

function outcomeOf(reason: CloseReason, detail: string | undefined, answered: boolean): PacketOutcome {
  switch (reason) {
    case 'desk_unavailable':
      return 'desk_unavailable';
    case 'bot_closed':
      return 'ended_by_bot';
    case 'operator_closed':
      return 'ended_by_operator';
    case 'message_left':
      return 'message_left';
    case 'wait_timeout':
      return 'timed_out';
    case 'inactivity_timeout':
      // A user who says no more has his answer; one whom the human has left waiting does not.
      return detail === 'agent_silent' ? 'timed_out' : 'answered';
    default:
      return answered ? 'answered' : 'abandoned';
  }
}
