import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent, TurnItem } from '../desk.ts';
import { handOver, takeBack } from '../mailbox.ts';
import { call, type Context, NOTHING, type Operation } from './client.ts';
import { ZohoError } from './errors.ts';
import { actionOf } from './zobot.ts';

/**
 * How long one try waits for a turn, milliseconds. A turn that waits takes what is said at once; without one there is
 * nothing to wait for, and a long wait would take a place from the bot's other calls.
 */
const TRY_MS = 1_000;
/**
 * Between two tries: a turn waits longer. With longer pauses an answer behind one that was late would be late too, because
 * it waits for that one's next try.
 */
const AGAIN_MS = 2_000;

/**
 * The next answer forwards the chat to the department. There is no note: agents see the chat itself. A wait that ends
 * without an answer is unclear, because the next turn may still take it; so the close comes and takes it back.
 */
export async function open(ctx: Context, { key, deskConversationId = '' }: OpenRequest): Promise<Opened> {
  await hand(ctx, 'open', deskConversationId, { kind: 'handoff', key });
  return { deskConversationId };
}

export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const { key, text, attachments, deskConversationId, timestamp: saidMs } = message;
  await hand(ctx, 'send', deskConversationId, { kind: 'message', key, text, attachments, saidMs });
  return {};
}

/** Nothing can be taken back from the humans; but what has not been forwarded yet will not be. */
export async function close(ctx: Context, { handoffId, deskConversationId }: CloseRequest): Promise<void> {
  await takeBack(
    ctx.memory,
    deskConversationId,
    ({ kind, key }) => kind === 'handoff' && key.startsWith(`${handoffId}.`),
  );
}

async function hand(ctx: Context, operation: Operation, deskConversationId: string, item: TurnItem): Promise<void> {
  const isLate = ctx.config.lateAnswers === 'later';
  const answerLate = (requestId: string): Promise<boolean> => callBack(ctx, operation, requestId, item);
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(TRY_MS)]);
  const { memory } = ctx;
  if (await handOver({ memory, signal }, deskConversationId, item, isLate ? answerLate : undefined)) return;
  const kind = operation === 'open' ? 'timeout' : 'unavailable';
  throw new ZohoError({
    operation,
    kind,
    retryAfterMs: AGAIN_MS,
    reason: 'SalesIQ has not asked the bot: it takes an answer when the user writes',
  });
}

/** The answer to a call that got `pending` (note, section 11.3). */
async function callBack(ctx: Context, operation: Operation, requestId: string, item: TurnItem): Promise<boolean> {
  const body = actionOf(ctx.config, [item]);
  try {
    await call(ctx, operation, { path: `callbacks/${encodeURIComponent(requestId)}`, body, answer: NOTHING });
    return true;
  } catch (error) {
    const isOver = error instanceof ZohoError && ['not_found', 'rejected', 'conflict'].includes(error.kind);
    if (!isOver) throw error;
    ctx.log.info({ err: error }, 'SalesIQ does not wait for this answer any more');
    return false;
  }
}
