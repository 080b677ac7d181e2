import { DeskError } from '../../errors.ts';
import { maybeDone } from '../../http/desk-errors.ts';
import { splitText } from '../../text/split.ts';
import type { CloseRequest, OpenRequest, Opened } from '../desk.ts';
import { call, deskError, isThere, NOT_THERE, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { contactKeyOf, findOrCreate, inboxOf, resolveContact } from './contacts.ts';
import { type Piece, post } from './messages.ts';
import { contextNotes, TEXT_MAX } from './note.ts';
import { type Conversation, readConversation, readConversations } from './shapes.ts';
import { type Contact, KEPT_MS, noteTrouble, type Progress, readProgress, writeProgress } from './state.ts';
import { isOver, moveTo } from './status.ts';

/** How long after an unclear try the conversation may still appear (section 6 of the reference). */
const APPEARS_MS = 5_000;
/** Clocks differ. */
const EARLIER_MS = 60_000;
const KEPT_CONVERSATIONS = 20;

/**
 * Contact, conversation, the context as private notes, the question. Every step is remembered, and noted before it is
 * taken, so that a repeat goes on where the last try stopped.
 */
export async function openExternal(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId } = request;
  if (ctx.config.inboxId === undefined) {
    throw deskError('open', 'rejected', 'external mode needs the ID of an API channel', { field: 'inboxId' });
  }
  const before = await readProgress(ctx, handoffId);
  const isResumed = before.conversationId !== undefined;
  const progress = isResumed ? before : await startConversation(ctx, request, before);
  const { conversationId = '' } = progress;
  if (progress.done) return { deskConversationId: conversationId };
  if (progress.withAgent) {
    await noteTrouble(ctx, 'livedesk_ai_agent_on', { conversationId });
    await moveTo(ctx, 'open', conversationId, 'open');
  }
  await post(ctx, {
    operation: 'open',
    handoffId,
    conversationId,
    key: request.key,
    pieces: [
      ...contextNotes(request).map((text): Piece => ({ as: 'note', text })),
      ...splitText(request.question, TEXT_MAX).map((text): Piece => ({ as: 'user', text })),
    ],
    progress,
    ...(isResumed && { lookSinceMs: progress.firstTryMs ?? request.timestamp }),
  });
  progress.done = true;
  await writeProgress(ctx, handoffId, progress);
  return { deskConversationId: conversationId };
}

async function startConversation(ctx: Context, request: OpenRequest, before: Progress): Promise<Progress> {
  const { handoffId } = request;
  const { id: contactId } = await resolveContact(ctx, request);
  const contactKey = contactKeyOf(request);
  const nowMs = ctx.now();
  const progress: Progress = {
    ...before,
    contactKey,
    contactId,
    firstTryMs: before.firstTryMs ?? nowMs,
    lastTryMs: nowMs,
  };
  await writeProgress(ctx, handoffId, progress);
  let asked = false;
  const made = async (contact: Contact): Promise<[contactId: string, Conversation]> => {
    const found = await leftBehind(ctx, 'open', contact, before);
    if (found) return [contact.id, found];
    asked = true;
    return await createConversation(ctx, request, contact.id);
  };
  try {
    // Under a lock: two handoffs of one user must not take each other's conversation for their own.
    const { conversations } = await ctx.memory.update<Contact>(
      contactKey,
      async (now = { id: contactId, conversations: [] }) => {
        if (now.conversations.some((one) => one.handoffId === handoffId)) return now;
        const [id, conversation] = await made(now);
        const withAgent = conversation.status === 'pending' && { withAgent: true as const };
        const all = [...now.conversations, { handoffId, id: conversation.id, ...withAgent }];
        return { id, conversations: all.slice(-KEPT_CONVERSATIONS) };
      },
      { ttlMs: KEPT_MS },
    );
    const own = conversations.find((one) => one.handoffId === handoffId);
    if (own) Object.assign(progress, { conversationId: own.id, ...(own.withAgent && { withAgent: true }) });
  } catch (error) {
    // Surely not made by this try: the next one need not wait.
    if (!asked || !maybeDone(error)) await writeProgress(ctx, handoffId, before);
    throw error;
  }
  await writeProgress(ctx, handoffId, progress);
  return progress;
}

/** A contact that we remember may have been deleted: then he is looked up once more. */
async function createConversation(
  ctx: Context,
  request: OpenRequest,
  contactId: string,
): Promise<[contactId: string, Conversation]> {
  try {
    return [contactId, await create(ctx, contactId)];
  } catch (error) {
    if (!(error instanceof DeskError && error.kind === 'not_found')) throw error;
    const again = await findOrCreate(ctx, request);
    if (again === contactId) throw error;
    return [again, await create(ctx, again)];
  }
}

async function create(ctx: Context, contactId: string): Promise<Conversation> {
  const { body, status } = await call(ctx, {
    operation: 'open',
    method: 'POST',
    path: '/conversations',
    body: { inbox_id: inboxOf(ctx), contact_id: Number(contactId) },
  });
  const conversation = readConversation(body);
  if (!conversation) throw deskError('open', 'protocol', 'the answer is not a conversation', { status });
  return conversation;
}

/**
 * The conversation that an unclear try has made: of this contact, new, unknown, and still empty, because we would have
 * remembered it before writing anything. Throws when it is too early to say that there is none.
 */
async function leftBehind(
  ctx: Context,
  operation: Operation,
  { id, conversations }: Contact,
  { firstTryMs, lastTryMs }: Progress,
): Promise<Conversation | undefined> {
  if (firstTryMs === undefined) return undefined;
  const path = `/contacts/${encodeURIComponent(id)}/conversations`;
  const answer = await call(ctx, { operation, method: 'GET', path, accept: NOT_THERE });
  if (!isThere(answer)) {
    ctx.log.warn({ operation }, "LiveDesk does not show a contact's conversations: an empty one may be left");
    return undefined;
  }
  const known = new Set(conversations.map((one) => one.id));
  const found = readConversations(answer.body).find(
    (one) =>
      !known.has(one.id) &&
      !isOver(one.status) &&
      (one.inbox_id ?? ctx.config.inboxId) === ctx.config.inboxId &&
      (one.created_at ?? firstTryMs) >= firstTryMs - EARLIER_MS &&
      !one.messages.some(({ message_type: type }) => type === 'incoming' || type === 'outgoing'),
  );
  const age = ctx.now() - (lastTryMs ?? firstTryMs);
  if (found || age >= APPEARS_MS) return found;
  throw deskError(operation, 'timeout', 'not clear yet whether an earlier try made the conversation', {
    retryAfterMs: APPEARS_MS - age,
  });
}

/** A line for the agents, then resolved. */
export async function closeExternal(ctx: Context, request: CloseRequest): Promise<void> {
  const { handoffId, deskConversationId, key, reason } = request;
  const progress = await readProgress(ctx, handoffId);
  const conversationId =
    deskConversationId === handoffId ? await whatWasMade(ctx, handoffId, progress) : deskConversationId;
  if (conversationId === undefined) return;
  await post(ctx, {
    operation: 'close',
    handoffId,
    conversationId,
    key,
    pieces: [{ as: 'note', text: `The handoff has ended: ${reason.replaceAll('_', ' ')}.` }],
    progress,
    lookSinceMs: request.timestamp,
  });
  await moveTo(ctx, 'close', conversationId, 'resolved');
}

/** Of an opening that never gave a clear answer. */
async function whatWasMade(ctx: Context, handoffId: string, progress: Progress): Promise<string | undefined> {
  const { conversationId, contactKey, contactId } = progress;
  if (conversationId !== undefined || contactKey === undefined || contactId === undefined) return conversationId;
  const contact = (await ctx.memory.get<Contact>(contactKey)) ?? { id: contactId, conversations: [] };
  const own = contact.conversations.find((one) => one.handoffId === handoffId);
  return own?.id ?? (await leftBehind(ctx, 'close', contact, progress))?.id;
}
