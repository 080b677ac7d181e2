import type { FastifyRequest } from 'fastify';
import type { HandoffRow } from '../../activities/store/store.ts';
import { visibleRow } from '../acts.ts';
import type { Principal } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { notFound } from '../errors.ts';

/** What every tool of one HTTP request works with. */
export interface Call {
  context: ApiContext;
  principal: Principal;
  request: FastifyRequest;
  /** Aborts when the caller hangs up or the app closes: waits end, what was begun goes on. */
  signal: AbortSignal;
}

export type BotPrincipal = Extract<Principal, { kind: 'bot' }>;

/** A tool acts for one bot, also with the operator's key. Throws 404 for a foreign bot. */
export function actingFor({ principal }: Call, botId: string | undefined): BotPrincipal {
  if (principal.kind === 'bot') {
    if (botId !== undefined && botId !== principal.botId) throw notFound('bot');
    return principal;
  }
  if (botId === undefined) throw notFound('bot');
  return { kind: 'bot', botId, keyId: 'operator' };
}

/** The handoff itself, or the newest one of the conversation. Throws 404 for unknown and foreign ones alike. */
export async function handoffOf(
  { context }: Call,
  by: BotPrincipal,
  { handoffId, conversationId }: { handoffId?: string | undefined; conversationId?: string | undefined },
): Promise<HandoffRow> {
  if (handoffId !== undefined) return await visibleRow(context, by, handoffId);
  const { handoffs } = await context.store.handoffs.list({ botId: by.botId, conversationId, limit: 1 });
  const newest = handoffs[0];
  if (newest === undefined) throw notFound('handoff');
  return newest;
}
