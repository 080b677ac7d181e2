import type { Desk } from '../desk.ts';
import { type SobotConfig, sobotConfig } from './config.ts';
import * as openapi from './openapi.ts';
import { render, turn } from './question.ts';
import { recent } from './recent.ts';
import { verify } from './verify.ts';
import { authenticate, guide, parse } from './webhook.ts';
import * as widget from './widget.ts';

const inWidget = ({ way }: SobotConfig): boolean => way === 'widget';

/**
 * Sobot. Widget: the bot is the third-party robot in Sobot's own widget, and a handoff is a flag in its answer. Open API:
 * Baton speaks for the user by the live chat API.
 */
export const sobot: Desk<SobotConfig> = {
  id: 'sobot',
  wireName: 'SoBot',
  title: 'Sobot',
  docs: 'https://developer.sobot.io/en/pages/7dbd90',
  capabilities: {
    modes: ['external'],
    files: true,
    closeFromOurSide: true,
    keepsMessages: false,
    echoesOwnMessages: false,
    lookup: true,
    reportsForeign: true,
    signsWebhooks: 'none',
  },
  // No limit is published; what the reference recommends to impose on ourselves (sobot section 4).
  limits: { textMax: openapi.TEXT_MAX, requestsPerSecond: 10, retryHeader: 'retry-after' },
  config: sobotConfig,
  ownChannels: ['sobot'],
  externalChannels: ['sobot'],
  messengerInExternal: inWidget,
  verify: (ctx) => verify(ctx),
  open: (ctx, request) => (inWidget(ctx.config) ? widget.open(ctx, request) : openapi.open(ctx, request)),
  send: (ctx, message) => (inWidget(ctx.config) ? widget.send(ctx, message) : openapi.send(ctx, message)),
  close: (ctx, request) => (inWidget(ctx.config) ? widget.close(ctx, request) : openapi.close(ctx, request)),
  recent,
  looksByWords: true,
  webhook: { guide, authenticate, parse, answer: { waitMs: 9_000, turn, render } },
};
