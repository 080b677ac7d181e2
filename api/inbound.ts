import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { DeskEvent } from '../activities/desks/desk.ts';
import { lateReplies } from '../activities/store/late.ts';
import type { PendingSignal } from '../activities/store/store.ts';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';

/** `kept`: durable in the inbox, forwarded later; `late`: the handoff is closed; `repeat`: nothing new. */
export type Inbound = 'forwarded' | 'kept' | 'late' | 'repeat';

export interface InboundEvent {
  botId: string;
  desk: string;
  event: DeskEvent;
  /** Absent: looked up by the desk's conversation. */
  handoffId?: string;
  /** Known to be closed: nothing is sent to its run. */
  closed?: boolean;
  log: FastifyBaseLogger;
}

/** Signals of a desk have a prefix of their own: a user's message must not be taken for a repeat of an agent's. */
export const deskSignalId = (desk: string, dedupeKey: string): string => `${desk}:${dedupeKey}`;

/**
 * One thing that a desk reports: into the inbox first, so that nothing accepted is lost, then to the run. Throws only
 * when the inbox cannot be written.
 */
export async function receiveInbound(context: ApiContext, inbound: InboundEvent): Promise<Inbound> {
  const { botId, desk, event, handoffId } = inbound;
  const signal = { ...event.signal, id: deskSignalId(desk, event.dedupeKey) };
  const { dedupeKey, deskConversationId } = event;
  const receipt = await context.store.inbox.receive({ botId, desk, dedupeKey, deskConversationId, handoffId, signal });
  if (!receipt.fresh) context.metrics.duplicates.inc({ source: desk });
  const target = receipt.handoffId ?? handoffId;
  if (target === undefined) return 'kept';
  if (receipt.pending.length === 0) return await repeatOf(context, target, signal.id);
  return await forward(context, { ...inbound, target, ownId: signal.id }, receipt.pending);
}

/** A repeat of something late is late again; any other one was accepted. */
async function repeatOf(context: ApiContext, handoffId: string, signalId: string): Promise<Inbound> {
  const late = await context.store.journal.late(handoffId);
  return late.some((message) => message.id === signalId) ? 'late' : 'repeat';
}

interface Forwarding extends InboundEvent {
  target: string;
  ownId: string;
}

async function forward(context: ApiContext, to: Forwarding, pending: PendingSignal[]): Promise<Inbound> {
  const outcomes =
    to.closed === true
      ? pending.map(() => 'closed' as const)
      : await Promise.all(pending.map((p) => sendOrKeep(context, to, p)));
  const accepted = pending.filter((_, index) => outcomes[index] === 'accepted');
  const closed = pending.filter((_, index) => outcomes[index] === 'closed');
  if (accepted.length > 0) void context.pending.track(markForwarded(context, to.log, accepted));
  if (closed.length > 0) await keepLate(context, to, closed);
  if (outcomes.includes('kept')) void context.pending.track(forwardLater(context, to));
  const own = outcomes[pending.findIndex((p) => p.signal.id === to.ownId)];
  // What the run had taken before its end is no more than a repeat.
  if (own === 'closed') return await repeatOf(context, to.target, to.ownId);
  return own === 'accepted' ? 'forwarded' : 'kept';
}

const RETRY_MS = { first: 500, most: 8_000, total: 90_000 };

/** As soon as Temporal answers again, one handoff at a time; maintenance does it if this process ends before. */
async function forwardLater(context: ApiContext, to: Forwarding): Promise<void> {
  if (context.retrying.has(to.target)) return;
  context.retrying.add(to.target);
  try {
    const end = Date.now() + RETRY_MS.total;
    for (let wait = RETRY_MS.first; Date.now() < end; wait = Math.min(wait * 2, RETRY_MS.most)) {
      await delay(wait, undefined, { signal: context.closing });
      const { botId, desk, event } = to;
      const pending = await context.store.inbox.adopt(to.target, botId, desk, event.deskConversationId);
      if (pending.length === 0) return;
      await forward(context, to, pending);
    }
  } catch (error) {
    if (!context.closing.aborted) to.log.warn({ err: error, handoffId: to.target }, 'left in the inbox');
  } finally {
    context.retrying.delete(to.target);
  }
}

/** Without Temporal the inbox keeps it. */
async function sendOrKeep(context: ApiContext, to: Forwarding, pending: PendingSignal) {
  try {
    return await context.intake.send(to.target, pending.signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 503) throw error;
    to.log.warn({ handoffId: to.target }, 'Temporal cannot be reached: kept in the inbox');
    return 'kept' as const;
  }
}

/** What came after the end is kept beside the journal, never silently lost. */
async function keepLate(context: ApiContext, to: Forwarding, closed: PendingSignal[]): Promise<void> {
  const late = lateReplies(closed, new Date().toISOString());
  if (late.length > 0) {
    await context.store.journal.append({ handoffId: to.target, botId: to.botId, events: [], late });
  }
  await context.store.inbox.forwarded(idsOf(closed), 'late');
}

const idsOf = (pending: PendingSignal[]): string[] => pending.map((p) => p.inboxId);

/** In the background: a mark that gets lost costs a repeat, which changes nothing. */
async function markForwarded({ store }: ApiContext, log: FastifyBaseLogger, accepted: PendingSignal[]): Promise<void> {
  try {
    await store.inbox.forwarded(idsOf(accepted), 'forwarded');
  } catch (error) {
    log.warn({ err: error, count: accepted.length }, 'inbox not marked');
  }
}
