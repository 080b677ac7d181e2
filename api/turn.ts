import type { FastifyReply } from 'fastify';
import type { Desk, RawRequest, RawResponse, TurnItem } from '../activities/desks/desk.ts';
import { takeTurn } from '../activities/desks/mailbox.ts';
import type { DeskConfig } from '../activities/store/store.ts';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';
import { goneSignal } from './wait.ts';

/** Of the time a desk waits, kept back for the last look into the store. */
const LAST_LOOK_MS = 500;

export interface TurnCall {
  botId: string;
  desk: Desk;
  config: DeskConfig;
  raw: RawRequest;
}

/**
 * What a desk that waits for the bot gets as the answer to its call, within its time: also when the store goes away after
 * the events were kept. Undefined: the call waits for nothing.
 */
export async function answerTurn(
  context: ApiContext,
  { botId, desk, config, raw }: TurnCall,
  reply: FastifyReply,
): Promise<RawResponse | undefined> {
  const answer = desk.webhook?.answer;
  const turn = answer && readable(() => answer.turn(raw, config));
  if (answer === undefined || turn === undefined) return undefined;
  const leftMs = Math.max(0, answer.waitMs - reply.elapsedTime);
  const late = AbortSignal.timeout(Math.ceil(leftMs));
  const signal = AbortSignal.any([goneSignal(reply, context.closing), late]);
  const said = takeTurn(context.store.memory(botId, desk.id, config), turn, {
    waitMs: Math.max(0, leftMs - LAST_LOOK_MS),
    signal,
  }).catch((error: unknown): TurnItem[] => {
    reply.log.warn({ err: error, desk: desk.id, botId }, 'a turn is answered without what the bot may have said');
    return [];
  });
  return answer.render(raw, config, await Promise.race([context.pending.track(said), nothingAt(signal)]));
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ApiError(400, 'invalid_request', 'The body is not what this desk sends.', { cause: error });
  }
}

const nothingAt = (signal: AbortSignal): Promise<TurnItem[]> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve([]);
    else signal.addEventListener('abort', () => resolve([]), { once: true });
  });
