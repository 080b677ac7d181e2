import type { Desk } from '../desk.ts';
import { type LivechatConfig, livechatConfig } from './config.ts';
import * as external from './external.ts';
import { conversationUrl } from './links.ts';
import { TEXT_MAX } from './messages.ts';
import * as native from './native.ts';
import { recent } from './recent.ts';
import { subscribe, unsubscribe } from './subscription.ts';
import { verify } from './verify.ts';
import { authenticate, guide, parse } from './webhook.ts';

/**
 * LiveChat (Text). External: every user is a customer of his own, by the Customer Chat API. Native: the bot has an agent's
 * seat, by the Agent Chat API.
 */
export const livechat: Desk<LivechatConfig> = {
  id: 'livechat',
  wireName: 'LiveChat',
  title: 'LiveChat',
  docs: 'https://platform.text.com/docs/messaging/customer-chat-api/',
  capabilities: {
    modes: ['external', 'native'],
    files: false,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: true,
    lookup: true,
    reportsForeign: true,
    signsWebhooks: 'shared-secret',
  },
  // LiveChat publishes no number for its limit of calls (livechat section 11).
  limits: { textMax: TEXT_MAX, requestsPerSecond: 10, retryHeader: 'retry-after' },
  config: livechatConfig,
  ownChannels: ['livechat'],
  conversationUrl,
  verify,
  open: (ctx, request) => (request.mode === 'native' ? native.open(ctx, request) : external.open(ctx, request)),
  send: (ctx, message) => (message.from === 'bot' ? native.send(ctx, message) : external.send(ctx, message)),
  close: (ctx, request) => (request.mode === 'native' ? native.close(ctx, request) : external.close(ctx, request)),
  recent,
  subscribe,
  unsubscribe,
  webhook: { guide, authenticate, parse },
};
