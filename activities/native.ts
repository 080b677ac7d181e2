import type { ConversationInput, ConversationSignal, HandoffSignal } from '../workflows/contracts.ts';
import { isConversationId } from '../workflows/ids.ts';
import { HandoffGone } from './deps.ts';
import type { Deps } from './deps.ts';
import { conversationSettings } from './settings.ts';
import type { ConversationRow } from './store/types.ts';

/** What a native handoff leaves for the conversation that it had. */
export interface HandBack {
  botId: string;
  desk: string;
  deskConversationId: string;
  signals: ConversationSignal[];
}

/**
 * Gives signals to the run of a native conversation. Only a user's message starts one: the rest is nobody's when the bot
 * has no such conversation.
 */
export async function tellConversation(deps: Deps, row: ConversationRow, signals: ConversationSignal[]): Promise<void> {
  const bot = await deps.store.bots.get(row.botId);
  if (bot && signals.some((signal) => signal.kind === 'userMessage')) {
    const { id, botId, desk, deskConversationId } = row;
    const input: ConversationInput = {
      id,
      botId,
      desk,
      deskConversationId,
      settings: conversationSettings(bot.settings),
    };
    return await deps.runs.tellConversation(input, signals);
  }
  try {
    await deps.runs.signal(row.id, signals);
  } catch (error) {
    if (!(error instanceof HandoffGone)) throw error;
  }
}

/**
 * Gives what a desk reported to the run that it belongs to, by the run's id. False: that of a handoff has ended. A native
 * conversation that is gone wants nothing any more.
 */
export async function tellRun(deps: Deps, runId: string, signals: HandoffSignal[]): Promise<boolean> {
  if (isConversationId(runId)) {
    const row = await deps.store.conversations.get(runId);
    if (row) await tellConversation(deps, row, signals);
    return true;
  }
  try {
    await deps.runs.signal(runId, signals);
    return true;
  } catch (error) {
    if (error instanceof HandoffGone) return false;
    throw error;
  }
}

/** What only native mode needs. */
export function createNativeActivities(deps: Deps) {
  const { store } = deps;
  return {
    /** Where a new run of a conversation goes on counting. */
    conversationProgress: (id: string) => store.conversations.progress(id),

    /** The bot has a conversation back, and with it what the user wrote when the handoff was about to end. */
    async handBack({ signals, ...conversation }: HandBack): Promise<void> {
      const row = signals.some((signal) => signal.kind === 'userMessage')
        ? await store.conversations.open(conversation)
        : await store.conversations.find(conversation.botId, conversation.desk, conversation.deskConversationId);
      if (row) await tellConversation(deps, row, signals);
    },
  };
}
