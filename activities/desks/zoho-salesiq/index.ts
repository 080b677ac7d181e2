import type { Desk } from '../desk.ts';
import { type ZohoConfig, zohoConfig } from './config.ts';
import { consent } from './consent.ts';
import * as external from './external.ts';
import * as native from './native.ts';
import { recent } from './recent.ts';
import { authenticate } from './signature.ts';
import { subscribe, unsubscribe } from './subscription.ts';
import { verify } from './verify.ts';
import { guide, parse } from './webhook.ts';
import { answer } from './zobot.ts';

/**
 * Zoho SalesIQ. External: every handoff is a visitor of its own, by the Visitor API. Native: the bot is a Zobot, which
 * SalesIQ asks for an answer at every message.
 */
export const zohoSalesiq: Desk<ZohoConfig> = {
  id: 'zoho-salesiq',
  wireName: 'ZohoSalesIQ',
  title: 'Zoho SalesIQ',
  docs: 'https://www.zoho.com/salesiq/help/developer-section/rest-api-v2.html',
  capabilities: {
    modes: ['external', 'native'],
    files: false,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: true,
    lookup: true,
    reportsForeign: true,
    signsWebhooks: 'rsa',
  },
  // SalesIQ publishes no number for its limit of calls (note, section 13).
  limits: { textMax: external.TEXT_MAX, requestsPerSecond: 10, retryHeader: 'retry-after' },
  config: zohoConfig,
  ownChannels: ['zoho-salesiq'],
  consent,
  verify,
  open: (ctx, request) => (request.mode === 'native' ? native.open(ctx, request) : external.open(ctx, request)),
  send: (ctx, message) => (message.from === 'bot' ? native.send(ctx, message) : external.send(ctx, message)),
  close: (ctx, request) => (request.mode === 'native' ? native.close(ctx, request) : external.close(ctx, request)),
  recent,
  looksByWords: true,
  subscribe,
  unsubscribe,
  webhook: { guide, authenticate, parse, answer },
};
