import type { Desk } from '../desk.ts';
import { type IntercomConfig, intercomConfig } from './config.ts';
import { closeExternal, openExternal, TEXT_MAX } from './external.ts';
import { conversationUrl } from './links.ts';
import { closeNative, openNative } from './native.ts';
import { send } from './send.ts';
import { recent } from './recent.ts';
import { verify } from './verify.ts';
import { authenticate, guide, parse } from './webhook.ts';

/** Intercom's Help Desk, and its Messenger in native mode. */
export const intercom: Desk<IntercomConfig> = {
  id: 'intercom',
  wireName: 'Intercom',
  title: 'Intercom',
  docs: 'https://developers.intercom.com/docs',
  capabilities: {
    modes: ['external', 'native'],
    files: true,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: true,
    lookup: true,
    reportsForeign: true,
    signsWebhooks: 'hmac',
  },
  // 10,000 calls a minute and app, spread over windows of ten seconds.
  limits: { textMax: TEXT_MAX, requestsPerSecond: 160, retryHeader: 'x-ratelimit-reset' },
  config: intercomConfig,
  ownChannels: ['intercom'],
  conversationUrl,
  verify,
  open: (ctx, request) => (request.mode === 'native' ? openNative(ctx, request) : openExternal(ctx, request)),
  send,
  close: (ctx, request) => (request.mode === 'native' ? closeNative(ctx, request) : closeExternal(ctx, request)),
  recent,
  webhook: { guide, authenticate, parse },
};
