import { z } from 'zod';
import type { DeskEvent, RecentRequest } from '../desk.ts';
import { call, type Context } from './client.ts';
import { idOf, text } from './fields.ts';
import { orUnknown } from './talk.ts';

/** The most that SalesIQ gives in one page (note, section 5.3). */
const PAGE = 99;

const id = z.unknown().optional().transform(idOf);
const person = z.object({ id, name: z.unknown().optional().transform(text), is_bot: z.boolean().catch(false) });
const people = z.array(person).catch([]);

const conversation = z.object({
  participants: people,
  attender: person.optional().catch(undefined),
  owner: person.optional().catch(undefined),
  chat_status: z.object({ status_key: z.string().optional() }).catch({}),
  end_time: id,
  missed_time: id,
});

const lines = z.array(
  z.object({
    sender: z
      .object({
        id: z
          .unknown()
          .optional()
          .transform((value) => idOf(value) ?? ''),
      })
      .catch({ id: '' }),
    message: z.object({ text: z.unknown().optional().transform(text) }).catch({ text: undefined }),
    time: z.coerce.number().catch(0),
    sequence_id: z.coerce.number().catch(0),
  }),
);
type Line = z.output<typeof lines>[number];

/**
 * The newest lines, and whether it is over. The time of a line looks like the `msgid` of a webhook, but nobody says so:
 * its words decide besides. A file has no words.
 */
export async function recent(ctx: Context, request: RecentRequest): Promise<DeskEvent[]> {
  const { deskConversationId: talk, mode, sinceMs } = request;
  const path = `conversations/${encodeURIComponent(talk)}`;
  const query = new URLSearchParams({ limit: String(PAGE), to_time: String(ctx.now() + 86_400_000) });
  const about = await orUnknown(ctx, call(ctx, 'recent', { method: 'GET', path, answer: conversation }));
  if (about === undefined) return [];
  const { participants, attender, owner } = about;
  const all = await call(ctx, 'recent', { method: 'GET', path: `${path}/messages?${query.toString()}`, answer: lines });
  const humans = [...participants, attender, owner].flatMap((one) => (one && !one.is_bot ? [one] : []));
  const events = all
    .filter(({ time }) => time >= sinceMs)
    .toSorted((a, b) => a.sequence_id - b.sequence_id || a.time - b.time)
    .flatMap((line) => said(talk, line, humans, mode === 'native'));
  const { chat_status, end_time, missed_time } = about;
  if (chat_status.status_key === 'open') return events;
  const [name, at] = end_time === undefined ? ['missed', missed_time] : ['completed', end_time];
  return at === undefined ? events : [...events, ended(talk, `${name}.${talk}.${at}`)];
}

function said(talk: string, line: Line, humans: z.output<typeof people>, isNative: boolean): DeskEvent[] {
  const { sender, message, time } = line;
  const words = message.text;
  if (words === undefined) return [];
  const at = { deskConversationId: talk, isNamedOtherwise: true as const };
  // Senders that are visitors begin with `$` (note, section 5.3). To the bot he speaks in another way.
  if (sender.id.startsWith('$')) {
    const key = `heard.${talk}.${time}`;
    const signal = { kind: 'userMessage', id: key, text: words, human: true } as const;
    return isNative ? [{ ...at, dedupeKey: key, duringHandoff: true, signal }] : [];
  }
  const human = humans.find((one) => one.id === sender.id);
  if (human?.id === undefined) return [];
  const key = `said.${talk}.${time}`;
  const agent = { id: human.id, ...(human.name && { name: human.name }) };
  return [{ ...at, dedupeKey: key, signal: { kind: 'agentReply', id: key, text: words, agent } }];
}

const ended = (talk: string, key: string): DeskEvent => ({
  dedupeKey: key,
  deskConversationId: talk,
  signal: { kind: 'close', id: key, by: 'agent' },
});
