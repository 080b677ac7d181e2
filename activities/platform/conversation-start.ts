import { defineSearchAttributeKey } from '@temporalio/common';
import type { ConversationInput, ConversationSignal } from '../../workflows/contracts.ts';
import { HANDOFF_SIGNAL } from '../../workflows/contracts.ts';
import { SEARCH_ATTRIBUTES, TASK_QUEUE } from '../../workflows/ids.ts';

/** Options of signal-with-start for the run of a native conversation, the same for API and worker. */
export function conversationStart(conversation: ConversationInput, signals: ConversationSignal[]) {
  const { id, botId, desk } = conversation;
  return {
    workflowId: id,
    taskQueue: TASK_QUEUE,
    args: [conversation] as [ConversationInput],
    signal: HANDOFF_SIGNAL,
    signalArgs: [signals] as [ConversationSignal[]],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    typedSearchAttributes: [
      { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.bot, 'KEYWORD'), value: botId },
      { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.desk, 'KEYWORD'), value: desk },
    ],
    staticSummary: `${botId} · ${desk} · the bot's conversation`,
  };
}
