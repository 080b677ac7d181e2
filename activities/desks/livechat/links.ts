import type { Desk } from '../desk.ts';
import type { LivechatConfig } from './config.ts';

const AGENT_APP = 'https://my.livechatinc.com';
const IDS = /^([\w-]+)\.([\w-]+)$/;

/** An open chat is among the agents' chats, a closed thread in the archives. A sandbox has no agent app. */
export const conversationUrl: NonNullable<Desk<LivechatConfig>['conversationUrl']> = async (
  { config },
  { deskConversationId, isClosed },
) => {
  const [, chatId, threadId] = IDS.exec(deskConversationId) ?? [];
  if (config.baseUrl !== undefined || chatId === undefined || threadId === undefined) return undefined;
  return isClosed ? `${AGENT_APP}/archives/${threadId}` : `${AGENT_APP}/chats/${chatId}/${threadId}`;
};
