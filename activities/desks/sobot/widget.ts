import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent, TurnItem } from '../desk.ts';
import { handOver, takeBack } from '../mailbox.ts';
import type { Context } from './client.ts';
import { type Operation, SobotError } from './failures.ts';
import { checkHours } from './openapi.ts';

/**
 * How long one try waits for a question of Sobot, milliseconds. A question that waits takes what is said at once; without
 * one there is nothing to wait for, and a long wait would take a place from the bot's other calls.
 */
const TRY_MS = 1_000;
/**
 * Between two tries: a question waits longer. With longer pauses an answer behind one that was late would be late too,
 * because it waits for that one's next try. Not shorter: a visitor who has gone may be waited for all day.
 */
const AGAIN_MS = 4_000;

/** The transfer flag has left when this resolves; from then on Sobot and the visitor are alone. */
export async function open(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { deskConversationId, key } = request;
  if (deskConversationId === undefined) {
    const reason = 'sobot_widget_only: the user is not in the Sobot widget';
    throw new SobotError({ operation: 'open', kind: 'rejected', reason });
  }
  await refuseOutsideHours(ctx);
  if (await isTaken(ctx, deskConversationId, { kind: 'handoff', key })) return { deskConversationId };
  // A handoff that ends now must not transfer the visitor at his next question.
  const isBack = await takeBack(ctx.memory, deskConversationId, (item) => item.kind === 'handoff' && item.key === key);
  if (!isBack) return { deskConversationId };
  throw nobodyAsks('open');
}

/** Only where credentials allow the look, and a look that fails says nothing (sobot section 5.4). */
async function refuseOutsideHours(ctx: Context): Promise<void> {
  if (ctx.config.appId === undefined) return;
  try {
    await checkHours(ctx, 'open');
  } catch (error) {
    if (error instanceof SobotError && error.kind === 'rejected' && error.status === undefined) throw error;
    ctx.log.info({ err: error }, 'working hours are not known');
  }
}

/** What the bot says is in the answer to Sobot's question, or in the next one. */
export async function send(
  ctx: Context,
  { key, deskConversationId, text, attachments, timestamp: saidMs }: OutboundMessage,
): Promise<Sent> {
  if (await isTaken(ctx, deskConversationId, { kind: 'message', key, text, attachments, saidMs })) return {};
  throw nobodyAsks('send');
}

/** Sobot has no way to end a human chat from here. A transfer that has not left is taken back. */
export async function close(ctx: Context, { deskConversationId, handoffId }: CloseRequest): Promise<void> {
  const isOurs = (item: TurnItem): boolean => item.kind === 'handoff' && item.key.startsWith(`${handoffId}.`);
  await takeBack(ctx.memory, deskConversationId, isOurs);
}

async function isTaken(ctx: Context, deskConversationId: string, item: TurnItem): Promise<boolean> {
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(TRY_MS)]);
  return await handOver({ memory: ctx.memory, signal }, deskConversationId, item);
}

const nobodyAsks = (operation: Operation): SobotError =>
  new SobotError({
    operation,
    kind: 'unavailable',
    reason: 'Sobot does not wait for an answer at the moment',
    retryAfterMs: AGAIN_MS,
  });
