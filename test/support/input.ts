import { randomUUID } from 'node:crypto';
import { TEXT_KEYS } from '../../workflows/contracts.ts';
import type { HandoffInput, HandoffSettings, Texts } from '../../workflows/contracts.ts';

/** Each text names its own key, so that a test sees which one was said. */
export const texts = Object.fromEntries(TEXT_KEYS.map((key) => [key, `text ${key}`])) as Texts;

export function settings(over: Partial<HandoffSettings> = {}): HandoffSettings {
  return {
    waitTimeoutMs: 60_000,
    onWaitTimeout: 'ask',
    inactivityTimeoutMs: 180_000,
    agentSilenceTimeoutMs: null,
    emailTimeoutMs: 300_000,
    contextRounds: 10,
    callback: false,
    texts,
    ...over,
  };
}

export function handoffInput(over: Partial<HandoffInput> = {}): HandoffInput {
  return {
    handoffId: `ho_${randomUUID()}`,
    botId: 'bot-a',
    conversationId: `conversation-${randomUUID()}`,
    channel: 'api',
    mode: 'external',
    desk: 'webhook',
    user: {},
    emailRequired: false,
    question: 'May I speak to a person?',
    history: [],
    settings: settings(),
    ...over,
  };
}
