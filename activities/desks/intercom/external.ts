import { z } from 'zod';
import { DeskError } from '../../errors.ts';
import { maybeDone } from '../../http/desk-errors.ts';
import { splitText } from '../../text/split.ts';
import type { CloseRequest, OpenRequest, Opened } from '../desk.ts';
import { actingAdmin, assign } from './admin.ts';
import { call, deskError, fromStatus, hashOf, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { forgetContact, type Identity, identify, noteConversation, resolveContact } from './contacts.ts';
import { contextNotes } from './note.ts';
import { type Piece, pathOf, post, readConversationById } from './parts.ts';
import { normal, normalBody, readConversations } from './shapes.ts';
import { type ContactRef, type Progress, readProgress, writeProgress } from './state.ts';

/** UTF-8 bytes of one message. Intercom names no limit. */
export const TEXT_MAX = 10_000;

/**
 * Nothing says how long the search needs to know of a conversation. After an unclear answer it is asked at once and at
 * these ages of the try, in milliseconds; only after the last one another conversation is made.
 */
const LOOK_AT_MS = [2_000, 5_000, 15_000] as const;
/** Clocks differ. */
const EARLIER_S = 60;

/**
 * The user's contact, a conversation with his question, the context as notes, the team. Every step is remembered, and
 * noted before it is taken, so that a repeat goes on where the last try stopped.
 */
export async function openExternal(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId } = request;
  const before = await readProgress(ctx, handoffId);
  if (before.done && before.conversationId !== undefined) return { deskConversationId: before.conversationId };
  const resumed = before.conversationId !== undefined;
  const adminId = await actingAdmin(ctx, 'open');
  const [body = '-', ...rest] = splitText(request.question, TEXT_MAX);
  const progress = resumed ? before : await startConversation(ctx, request, before, body);
  const { conversationId = '' } = progress;
  await post(ctx, {
    operation: 'open',
    handoffId,
    conversationId,
    adminId,
    ...(progress.contact && { contactId: progress.contact.id }),
    key: request.key,
    pieces: [...rest.map((text): Piece => ({ as: 'user', kind: 'comment', body: text })), ...contextNotes(request)],
    progress,
    ...(resumed && { lookSinceMs: progress.firstTryMs ?? request.timestamp }),
  });
  await assignToTeam(ctx, conversationId, adminId);
  progress.done = true;
  await writeProgress(ctx, handoffId, progress);
  return { deskConversationId: conversationId };
}

/** A contact that we remember may be deleted, or merged into another one: then it is looked up once more. */
async function startConversation(
  ctx: Context,
  request: OpenRequest,
  progress: Progress,
  body: string,
): Promise<Progress> {
  try {
    return await tryToStart(ctx, request, progress, body);
  } catch (error) {
    if (!(error instanceof DeskError && error.kind === 'not_found')) throw error;
    return await tryToStart(ctx, request, await readProgress(ctx, request.handoffId), body);
  }
}

async function tryToStart(ctx: Context, request: OpenRequest, progress: Progress, body: string): Promise<Progress> {
  const identity = identify(request);
  const contact = await resolveContact(ctx, identity, request.user.name);
  progress.contact = { id: contact.id, role: contact.role };
  progress.wanted = { bodyHash: hashOf(normal(body)), not: contact.recent };
  const found = await lookForConversation(ctx, 'open', progress);
  progress.conversationId = found ?? (await createConversation(ctx, request, progress, { identity, contact, body }));
  await writeProgress(ctx, request.handoffId, progress);
  await noteConversation(ctx, identity, progress.contact, progress.conversationId);
  return progress;
}

const startedShape = z.object({ conversation_id: z.union([z.string().min(1), z.number()]).transform(String) });

async function createConversation(
  ctx: Context,
  { handoffId }: OpenRequest,
  progress: Progress,
  { identity, contact, body }: { identity: Identity; contact: ContactRef; body: string },
): Promise<string> {
  const before = structuredClone(progress);
  const nowMs = ctx.now();
  Object.assign(progress, { firstTryMs: before.firstTryMs ?? nowMs, lastTryMs: nowMs });
  await writeProgress(ctx, handoffId, progress);
  try {
    const answer = await call(ctx, {
      operation: 'open',
      method: 'POST',
      path: '/conversations',
      body: { from: { type: contact.role, id: contact.id }, body },
    });
    // The message has an `id` as well, which no other call takes.
    const started = startedShape.safeParse(answer.body);
    if (started.success) return started.data.conversation_id;
    throw deskError('open', 'protocol', 'the answer names no conversation', { status: answer.status });
  } catch (error) {
    if (maybeDone(error)) throw error;
    // Surely not made by this try: the next one need not wait for the search.
    await writeProgress(ctx, handoffId, before);
    // The contact is not what we remember: deleted, or merged into another one.
    if (error instanceof DeskError && error.kind === 'not_found') await forgetContact(ctx, identity);
    throw error;
  }
}

/** What an unclear try has left. Throws when it is too early to say that there is nothing. */
async function lookForConversation(
  ctx: Context,
  operation: Operation,
  { contact, firstTryMs, lastTryMs, wanted }: Progress,
): Promise<string | undefined> {
  if (contact === undefined || wanted === undefined || firstTryMs === undefined) return undefined;
  const { body } = await call(ctx, {
    operation,
    method: 'POST',
    path: '/conversations/search',
    body: {
      query: {
        operator: 'AND',
        value: [
          { field: 'contact_ids', operator: '=', value: contact.id },
          { field: 'created_at', operator: '>', value: Math.floor(firstTryMs / 1000) - EARLIER_S },
        ],
      },
      pagination: { per_page: 50 },
    },
  });
  const found = readConversations(body).find(
    ({ id, source }) =>
      !wanted.not.includes(id) &&
      (source?.author?.id ?? contact.id) === contact.id &&
      [normalBody(source?.body), normal(source?.body ?? '')].some((body) => hashOf(body) === wanted.bodyHash),
  );
  if (found) return found.id;
  const age = ctx.now() - (lastTryMs ?? firstTryMs);
  const next = LOOK_AT_MS.find((at) => at > age);
  if (next === undefined) return undefined;
  throw deskError(operation, 'timeout', 'not clear yet whether an earlier try made the conversation', {
    retryAfterMs: next - age,
  });
}

/** A handoff without its team is in the inbox all the same, where agents see it; better than none. */
async function assignToTeam(ctx: Context, conversationId: string, adminId: string): Promise<void> {
  const { teamId } = ctx.config;
  if (teamId === undefined) return;
  try {
    await assign(ctx, { operation: 'open', conversationId, adminId, to: { type: 'team', id: teamId } });
  } catch (error) {
    const refused = error instanceof DeskError && (error.kind === 'rejected' || error.kind === 'not_found');
    if (!refused) throw error;
    ctx.log.warn({ err: error, conversationId }, 'not assigned to the team');
  }
}

/** Closed already is fine. */
export async function closeExternal(ctx: Context, request: CloseRequest): Promise<void> {
  const conversationId =
    request.deskConversationId === request.handoffId ? await leftBehind(ctx, request) : request.deskConversationId;
  if (conversationId === undefined) return;
  const answer = await call(ctx, {
    operation: 'close',
    method: 'POST',
    path: `${pathOf(conversationId)}/parts`,
    body: { message_type: 'close', type: 'admin', admin_id: await actingAdmin(ctx, 'close') },
    accept: [409, 422],
  });
  if (answer.status !== 409 && answer.status !== 422) return;
  const { state } = await readConversationById(ctx, 'close', conversationId);
  if (state !== 'closed') throw fromStatus(ctx, 'close', answer);
}

/** The conversation of an opening that never gave a clear answer, if there is one. */
async function leftBehind(ctx: Context, { handoffId }: CloseRequest): Promise<string | undefined> {
  const progress = await readProgress(ctx, handoffId);
  return progress.conversationId ?? (await lookForConversation(ctx, 'close', progress));
}
