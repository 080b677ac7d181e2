import { z } from 'zod';
import type { DeskEvent } from '../../activities/desks/desk.ts';

const text = (max: number) => z.string().max(max);
/** UTF-8 bytes, without what no text of PostgreSQL holds. */
const bytes = (max: number) =>
  z.string().refine((value) => Buffer.byteLength(value) <= max, { error: `more than ${max} bytes` });
const key = bytes(310).min(1);

const agent = z.strictObject({ id: text(200), name: text(200), avatar: text(2_048) }).partial();
const user = z
  .strictObject({
    id: text(200),
    anonymousId: text(200),
    email: text(254),
    name: text(200),
    phone: text(50),
    locale: text(35),
  })
  .partial();
const attachment = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(4_096),
  name: text(255).optional(),
  contentType: text(255).optional(),
});
const said = {
  id: z.string(),
  text: bytes(64 * 1024),
  attachments: z.array(attachment).min(1).max(20).optional(),
};
const id = z.string();

/** What a desk may tell, written down a second time: bounded ids, texts and files, and kinds that are a desk's to tell. */
const contract = z.strictObject({
  dedupeKey: key,
  deskConversationId: bytes(500).min(1),
  perHandoff: z.literal(true).optional(),
  duringHandoff: z.literal(true).optional(),
  comesWith: key.optional(),
  isNamedOtherwise: z.literal(true).optional(),
  signal: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('agentReply'), ...said, agent: agent.optional() }),
    z.strictObject({
      kind: z.literal('userMessage'),
      ...said,
      user: user.optional(),
      human: z.literal(true).optional(),
    }),
    z.strictObject({ kind: z.literal('agentJoined'), id, agent }),
    z.strictObject({ kind: z.literal('agentChanged'), id, agent }),
    z.strictObject({ kind: z.literal('close'), id, by: z.enum(['user', 'agent']) }),
    z.strictObject({ kind: z.literal('read'), id }),
    z.strictObject({ kind: z.literal('snooze'), id, until: z.iso.datetime({ offset: true }).optional() }),
    z.strictObject({ kind: z.literal('unsnooze'), id }),
  ]),
});

/** Throws when this is nothing that a desk may tell. */
export function checkEvent(event: DeskEvent): void {
  const { signal } = event;
  const isEmpty =
    (signal.kind === 'agentReply' || signal.kind === 'userMessage') &&
    signal.text === '' &&
    signal.attachments === undefined;
  const { error } = contract.safeParse(event);
  if (error) throw new Error(`${z.prettifyError(error)}\n${JSON.stringify(event).slice(0, 2_000)}`);
  if (isEmpty) throw new Error(`a message without anything in it: ${JSON.stringify(event).slice(0, 2_000)}`);
}
