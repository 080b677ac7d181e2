import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { DeskEvent } from '../activities/desks/desk.ts';
import { tracedNow } from '../activities/platform/trace.ts';
import { conversationSettings } from '../activities/settings.ts';
import { lateReplies } from '../activities/store/late.ts';
import { withoutTold } from '../activities/store/told.ts';
import type { ConversationRow, PendingSignal } from '../activities/store/store.ts';
import type { ConversationInput, ConversationSettings } from '../workflows/contracts.ts';
import { deskSignalId, isConversationId } from '../workflows/ids.ts';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';

/**
 * `kept`: durable in the inbox, forwarded later; `late`: the handoff is closed; `repeat`: nothing new; `foreign`: of a
 * conversation that is not ours, dropped.
 */
export type Inbound = 'forwarded' | 'kept' | 'late' | 'repeat' | 'foreign';

export interface InboundEvent {
  botId: string;
  desk: string;
  event: DeskEvent;
  /** Absent: looked up by the desk's conversation. */
  handoffId?: string;
  /** Known to be closed: nothing is sent to its run. */
  closed?: boolean;
  /** The desk tells of conversations that are not ours as well. */
  foreignPossible?: boolean;
  /** Native mode: what no open handoff has belongs to this conversation. */
  conversation?: ConversationInput;
  log: FastifyBaseLogger;
}

/**
 * One thing that a desk reports: into the inbox first, so that nothing accepted is lost, then to the run. Throws only
 * when the inbox cannot be written.
 */
export async function receiveInbound(context: ApiContext, inbound: InboundEvent): Promise<Inbound> {
  const outcome = await take(context, inbound);
  context.metrics.deskEvents.inc({ desk: inbound.desk, outcome });
  return outcome;
}

async function take(context: ApiContext, inbound: InboundEvent): Promise<Inbound> {
  const { botId, desk, event, handoffId, foreignPossible, conversation } = inbound;
  const signal = { ...event.signal, id: deskSignalId(desk, event.dedupeKey), ...tracedNow() };
  const { dedupeKey, deskConversationId } = event;
  const receipt = await context.store.inbox.receive({
    botId,
    desk,
    dedupeKey,
    deskConversationId,
    handoffId,
    signal,
    foreignPossible,
    mayBeRecovered: signal.kind === 'agentReply' && context.desks.get(desk)?.looksByWords === true,
    conversation: conversation && { id: conversation.id, begins: signal.kind === 'userMessage' },
  });
  if (receipt.foreign === true) {
    context.metrics.foreignEvents.inc({ desk });
    return 'foreign';
  }
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
  const rest = closed.length > 0 ? await settleClosed(context, to, closed) : 'late';
  if (outcomes.includes('kept')) void context.pending.track(forwardLater(context, to));
  const own = outcomes[pending.findIndex((p) => p.signal.id === to.ownId)];
  if (own === 'closed' && rest !== 'late') return rest;
  // What the run had taken before its end is no more than a repeat.
  if (own === 'closed') return await repeatOf(context, to.target, to.ownId);
  return own === 'accepted' ? 'forwarded' : 'kept';
}

/**
 * The run has ended, or has not begun yet. What a native handoff left goes to its conversation: the user is still there.
 */
async function settleClosed(context: ApiContext, to: Forwarding, closed: PendingSignal[]): Promise<Inbound> {
  const { store } = context;
  if (to.closed !== true && !isConversationId(to.target)) {
    const row = await store.handoffs.get(to.target);
    // Discarded, because its run never began: the bot has had the conversation all the time.
    if (row === undefined && to.conversation !== undefined) return await reassign(context, to, closed, to.conversation);
    if (row?.mode === 'native' && row.deskConversationId !== null) {
      if (row.status !== 'closed' && !row.runStarted) {
        void context.pending.track(forwardLater(context, to));
        return 'kept';
      }
      const conversation = await conversationOf(context, row.botId, row.desk, row.deskConversationId);
      if (conversation !== undefined) return await reassign(context, to, closed, conversation);
    }
  }
  await keepLate(context, to, closed);
  return 'late';
}

async function reassign(
  context: ApiContext,
  to: Forwarding,
  closed: PendingSignal[],
  conversation: ConversationInput,
): Promise<Inbound> {
  const news = await withoutTold(context.store, to.target, closed);
  const pending = await context.store.inbox.reassign(idsOf(news), conversation.id);
  const outcome = await forward(context, { ...to, target: conversation.id, conversation }, pending);
  const isTold = closed.some((one) => one.signal.id === to.ownId && !news.includes(one));
  return isTold ? 'repeat' : outcome;
}

/** The conversation of a bot at its desk, made if need be; undefined when the bot is gone. */
async function conversationOf(context: ApiContext, botId: string, desk: string, deskConversationId: string) {
  const bot = await context.store.bots.get(botId);
  if (bot === undefined) return undefined;
  const row = await context.store.conversations.open({ botId, desk, deskConversationId });
  return conversationInput(row, conversationSettings(bot.settings));
}

export const conversationInput = (row: ConversationRow, settings: ConversationSettings): ConversationInput => ({
  id: row.id,
  botId: row.botId,
  desk: row.desk,
  deskConversationId: row.deskConversationId,
  settings,
});

const RETRY_MS = { first: 500, most: 8_000, total: 90_000 };

/** As soon as Temporal answers again, one target at a time; maintenance does it if this process ends before. */
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
    const begins = isConversationId(to.target) && pending.signal.kind === 'userMessage';
    return await context.intake.send(to.target, pending.signal, begins ? to.conversation : undefined);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 503) throw error;
    to.log.warn({ handoffId: to.target }, 'Temporal cannot be reached: kept in the inbox');
    return 'kept' as const;
  }
}

/** What came after the end is kept beside the journal, never silently lost. */
async function keepLate(context: ApiContext, to: Forwarding, closed: PendingSignal[]): Promise<void> {
  // In a conversation that the bot has left idle nobody waits for the rest.
  const isHandoff = !isConversationId(to.target);
  const handoff = isHandoff ? await context.store.handoffs.get(to.target) : undefined;
  // Erased meanwhile: nothing of it is written again.
  const isGone = isHandoff && handoff === undefined;
  const late = isHandoff && !isGone ? lateReplies(closed, new Date().toISOString(), handoff) : [];
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
