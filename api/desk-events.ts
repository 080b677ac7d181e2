import type { FastifyBaseLogger } from 'fastify';
import type { Desk, DeskEvent } from '../activities/desks/desk.ts';
import { inOwnMessenger } from '../activities/desks/messenger.ts';
import { conversationSettings, type BotSettings } from '../activities/settings.ts';
import type { ConversationInput } from '../workflows/contracts.ts';
import type { ApiContext } from './context.ts';
import { conversationInput, receiveInbound } from './inbound.ts';
import { mayHaveMessenger } from './messenger.ts';

export interface DeskReport {
  botId: string;
  desk: Desk;
  /** In the order in which they happened. */
  events: DeskEvent[];
  log: FastifyBaseLogger;
}

/** What a desk's webhook tells, one after the other: a desk may report a message and the close behind it in one call. */
export async function receiveReport(context: ApiContext, { botId, desk, events, log }: DeskReport): Promise<void> {
  if (events.length === 0) return;
  const settings = await nativeSettings(context, botId, desk);
  const foreignPossible = desk.capabilities.reportsForeign;
  for (const event of events) {
    if (event.duringHandoff === true && !(await isAtDesk(context, botId, event))) continue;
    if (event.comesWith !== undefined && (await context.store.inbox.knows(botId, desk.id, event.comesWith))) continue;
    if (event.signal.kind === 'userMessage' && !(await isUsersOwn(context, botId, desk, settings, event))) continue;
    const conversation = settings && (await conversationFor(context, botId, desk, settings, event));
    await receiveInbound(context, {
      botId,
      desk: desk.id,
      event: await inItsHandoff(context, botId, event),
      foreignPossible,
      log,
      ...(conversation && { conversation }),
    });
  }
}

/** Whether the humans have been asked: before that, nothing that the desk says of its conversation is about a handoff. */
async function isAtDesk({ store }: ApiContext, botId: string, { deskConversationId }: DeskEvent): Promise<boolean> {
  const open = await store.handoffs.openFor(botId, deskConversationId);
  return open !== undefined && open.status !== 'awaiting_email' && open.status !== 'opening';
}

async function inItsHandoff({ store }: ApiContext, botId: string, event: DeskEvent): Promise<DeskEvent> {
  if (event.perHandoff !== true) return event;
  const open = await store.handoffs.openFor(botId, event.deskConversationId);
  return { ...event, dedupeKey: `${event.dedupeKey}.${open?.id ?? 'none'}` };
}

/** Undefined: the bot does not have the conversations in this desk's messenger. */
async function nativeSettings(context: ApiContext, botId: string, desk: Desk): Promise<BotSettings | undefined> {
  if (!mayHaveMessenger(desk)) return undefined;
  const settings = (await context.store.bots.get(botId))?.settings;
  return settings?.desk?.kind === desk.id && inOwnMessenger(desk, settings) ? settings : undefined;
}

/**
 * In an external conversation the desk's user is us: what he says is the echo of what was sent. The conversation knows
 * its mode, also when the bot has changed to the other one meanwhile.
 */
async function isUsersOwn(
  { store }: ApiContext,
  botId: string,
  desk: Desk,
  native: BotSettings | undefined,
  { deskConversationId }: DeskEvent,
): Promise<boolean> {
  if (!mayHaveMessenger(desk)) return false;
  const handoff = await store.handoffs.byDeskConversation(botId, desk.id, deskConversationId);
  if (handoff?.mode === 'external') return false;
  return native !== undefined || (handoff !== undefined && handoff.status !== 'closed');
}

/** Only a user's message makes one; the rest of a conversation that is not the bot's is not ours. */
async function conversationFor(
  { store }: ApiContext,
  botId: string,
  desk: Desk,
  settings: BotSettings,
  { deskConversationId, signal }: DeskEvent,
): Promise<ConversationInput | undefined> {
  let row = await store.conversations.find(botId, desk.id, deskConversationId);
  if (signal.kind === 'userMessage') {
    row ??= await store.conversations.open({ botId, desk: desk.id, deskConversationId });
  }
  return row && conversationInput(row, conversationSettings(settings));
}
