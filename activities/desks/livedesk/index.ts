import type { Desk } from '../desk.ts';
import { type LivedeskConfig, livedeskConfig } from './config.ts';
import { closeExternal, openExternal } from './external.ts';
import { send } from './messages.ts';
import { closeNative, openNative } from './native.ts';
import { TEXT_MAX } from './note.ts';
import { recent } from './recent.ts';
import { verify } from './verify.ts';
import { authenticate, guide, parse } from './webhook.ts';

/** EngageLab LiveDesk: its API channel, and in native mode its own channels. */
export const livedesk: Desk<LivedeskConfig> = {
  id: 'livedesk',
  wireName: 'LiveDesk',
  title: 'LiveDesk',
  docs: 'https://www.engagelab.com/docs/livedesk/rest-api/rest-api-overview',
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
  // Not published. So many of a key pair are no burden for any desk.
  limits: { textMax: TEXT_MAX, requestsPerSecond: 5, retryHeader: 'retry-after' },
  config: livedeskConfig,
  ownChannels: ['livedesk'],
  verify,
  open: (ctx, request) => (request.mode === 'native' ? openNative(ctx, request) : openExternal(ctx, request)),
  send,
  close: (ctx, request) => (request.mode === 'native' ? closeNative(ctx, request) : closeExternal(ctx, request)),
  recent,
  webhook: { guide, authenticate: (request, config) => authenticate(request, config), parse },
};
