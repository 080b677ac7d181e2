import { randomBytes } from 'node:crypto';
import type { HandoffRow } from '../activities/store/store.ts';
import type { Attachment, HandoffSignal, HandoffStatus } from '../workflows/contracts.ts';
import { maySee, type Principal } from './auth.ts';
import type { ApiContext } from './context.ts';
import { ApiError, notFound } from './errors.ts';

/**
 * What user and bot do in a handoff, whichever way they call: each is one look at its row and one signal. All of them
 * throw `ApiError`: 404 for unknown and foreign handoffs alike, 409 for closed ones, 503 when Temporal is away.
 */

export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;
export const closed = (): ApiError => new ApiError(409, 'handoff_closed', 'The handoff is closed.');

const BOT_SPEAKS: readonly HandoffStatus[] = ['awaiting_email', 'scheduled', 'closed'];

/** Rule 4: a human has the conversation or is being called. Nobody is called for a message that the user leaves. */
export const botIsSilent = ({ status, kind }: Pick<HandoffRow, 'status' | 'kind'>): boolean =>
  kind !== 'message' && !BOT_SPEAKS.includes(status);

export interface Saying {
  /** The caller's own; the same id again changes nothing. */
  id?: string;
  text: string;
  attachments?: Attachment[];
}

/** Resolves to the message's id once it is durable. */
export async function say(context: ApiContext, by: Principal, handoffId: string, saying: Saying): Promise<string> {
  await openStatus(context, by, handoffId);
  const { id = newId('msg'), text, attachments } = saying;
  await send(context, handoffId, { kind: 'userMessage', id, text, ...(attachments && { attachments }) });
  return id;
}

/** 409 `email_not_expected` for another address than the one that was given already. */
export async function giveEmail(context: ApiContext, by: Principal, handoffId: string, email: string): Promise<void> {
  const row = await visibleRow(context, by, handoffId);
  if (row.status === 'closed') throw closed();
  if (row.status === 'awaiting_email') {
    await send(context, row.id, { kind: 'emailGiven', id: newId('email'), email });
    const waits = row.opensAt !== null && Date.parse(row.opensAt) > Date.now();
    await context.store.handoffs.emailGiven(row.id, email, waits ? 'scheduled' : 'opening');
  } else if (row.user.email !== email) {
    throw new ApiError(409, 'email_not_expected', 'The handoff does not wait for an email.');
  }
}

/** 409 `wait_not_asked` while the user is not being asked. */
export async function answerWait(
  context: ApiContext,
  by: Principal,
  handoffId: string,
  choice: 'wait' | 'end',
): Promise<void> {
  const status = await openStatus(context, by, handoffId);
  if (status !== 'asking') {
    throw new ApiError(409, 'wait_not_asked', 'The user has not been asked whether to wait.');
  }
  await send(context, handoffId, { kind: 'waitChoice', id: newId('wait'), choice });
}

/** Gives back the row as it was before. A closed handoff stays as it is. */
export async function end(
  context: ApiContext,
  by: Principal,
  handoffId: string,
  who: 'user' | 'bot' | 'operator',
): Promise<HandoffRow> {
  const row = await visibleRow(context, by, handoffId);
  if (row.status === 'closed') return row;
  const outcome = await context.intake.send(row.id, { kind: 'close', id: `close:${who}`, by: who });
  // A run that has gone without a word is closed by maintenance; for the caller it is closed.
  if (outcome === 'closed' && !row.runStarted) throw notStarted();
  return row;
}

async function openStatus({ store }: ApiContext, by: Principal, id: string): Promise<HandoffStatus> {
  const found = await store.handoffs.find(id);
  if (found === undefined || !maySee(by, found.botId)) throw notFound('handoff');
  if (found.status === 'closed') throw closed();
  return found.status;
}

export async function visibleRow({ store }: ApiContext, by: Principal, id: string): Promise<HandoffRow> {
  const row = await store.handoffs.get(id);
  if (row === undefined || !maySee(by, row.botId)) throw notFound('handoff');
  return row;
}

/** Resolves when Temporal has stored the signal. */
export async function send(context: ApiContext, handoffId: string, signal: HandoffSignal): Promise<void> {
  const outcome = await context.intake.send(handoffId, signal);
  if (outcome === 'accepted') return;
  const row = await context.store.handoffs.get(handoffId);
  throw row?.runStarted === false && row.status !== 'closed' ? notStarted() : closed();
}

/** Between the row and the start of the run, or after a crash there: the next start request mends it. */
const notStarted = (): ApiError =>
  new ApiError(503, 'handoff_starting', 'The handoff has not started yet. Try again.', {
    headers: { 'retry-after': '1' },
  });
