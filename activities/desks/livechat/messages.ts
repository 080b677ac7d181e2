import { z } from 'zod';
import type { Attachment, Turn } from '../../../workflows/contracts.ts';
import { leftNote } from '../../text/left-note.ts';
import { splitText } from '../../text/split.ts';
import type { OpenRequest, OutboundMessage, Sent } from '../desk.ts';
import type { Operation } from './client.ts';
import { LivechatError } from './failures.ts';

/** 16 KB of raw UTF-8 (livechat section 7), with some air. */
export const TEXT_MAX = 16_000;

export interface TextEvent {
  type: 'message';
  custom_id: string;
  text: string;
  visibility?: 'all' | 'agents';
}

/** The two APIs in which a message can be sent and looked up. */
export interface Room {
  /** Gives back the desk's id of the event. */
  post(event: TextEvent): Promise<string>;
  /** The desk's ids by our own ids, of what the chat already has. */
  known(): Promise<Map<string, string>>;
}

export const posted = z.object({ event_id: z.string() });

export const threads = z.object({
  threads: z.array(
    z.object({
      id: z.string(),
      active: z.boolean(),
      events: z
        .array(z.object({ id: z.string().catch(''), custom_id: z.string().optional().catch(undefined) }))
        .default([]),
    }),
  ),
});

export const NOTHING = z.unknown();

export const idsOf = (list: z.output<typeof threads>['threads']): Map<string, string> =>
  new Map(
    list.flatMap(({ events }) => events.flatMap((e) => (e.custom_id === undefined ? [] : [[e.custom_id, e.id]]))),
  );

/** A thread is one conversation: a late report of an old one must not touch the next (plan decision on ids). */
export const conversationOf = (chatId: string, threadId: string): string => `${chatId}.${threadId}`;

export function chatOf(operation: Operation, deskConversationId: string): { chatId: string; threadId: string } {
  const [chatId, threadId] = deskConversationId.split('.');
  if (chatId && threadId) return { chatId, threadId };
  throw new LivechatError({ operation, kind: 'not_found', reason: 'this is no id of a chat' });
}

const said = ({ role, text }: Turn): string => `${role === 'user' ? 'User' : 'Bot'}: ${text}`;

/** The talk with the bot in as few events as fit, then the question as the last one. */
export function openingEvents(request: OpenRequest): TextEvent[] {
  const { key, history, question } = request;
  const note = leftNote(request) ?? '';
  const transcript = ['Conversation with the bot:', ...history.map(said)].join('\n');
  const texts = [
    note,
    ...(history.length > 0 ? splitText(transcript, TEXT_MAX) : []),
    ...splitText(question, TEXT_MAX),
  ];
  return texts.filter((text) => text !== '').map((text, i) => ({ type: 'message', custom_id: `${key}:${i}`, text }));
}

const linkTo = ({ url, name }: Attachment): string => (name === undefined ? url : `${name}: ${url}`);

/**
 * Text, then one message for each file with its name and link. What an earlier try has sent is not sent again: first by
 * what we noted, then by what the chat has. A refused link does not fail its message.
 */
export async function sendParts(room: Room, message: OutboundMessage): Promise<Sent> {
  const texts = splitText(message.text, TEXT_MAX).filter((text) => text !== '');
  const parts: { text: string; file?: Attachment }[] = [
    ...texts.map((text) => ({ text })),
    ...message.attachments.map((file) => ({ text: linkTo(file), file })),
  ];
  const known = message.maybeSent ? await room.known() : new Map<string, string>();
  const dropped: Attachment[] = [];
  let first: string | undefined;
  for (const [index, part] of parts.entries()) {
    if (index < (message.parts?.done ?? 0)) continue;
    const custom_id = index === 0 ? message.key : `${message.key}.${index}`;
    try {
      const id = known.get(custom_id) ?? (await room.post({ type: 'message', custom_id, text: part.text }));
      if (index === 0) first = id;
    } catch (error) {
      const refused = error instanceof LivechatError && error.kind === 'rejected';
      if (part.file === undefined || index === 0 || !refused) throw error;
      dropped.push(part.file);
    }
    if (index < parts.length - 1) await message.parts?.mark(index + 1);
  }
  return { ...(first !== undefined && { deskMessageId: first }), ...(dropped.length > 0 && { dropped }) };
}
