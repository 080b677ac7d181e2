import { bodyOf } from '../../http/json.ts';
import type { AuthResult, DeskEvent, RawRequest, WebhookGuide } from '../desk.ts';
import type { SobotConfig } from './config.ts';
import { checkSignature, isForwarding, parseForwarding } from './forwarding.ts';
import { isPush, parsePush } from './push.ts';
import { isQuestion, parseQuestion } from './question.ts';
import { text } from './shapes.ts';

const WHERE =
  'There is no page for it in the console: ask Sobot staff. Widget: a third-party robot of the model THIRD_STANDARD with ' +
  'this address. Open API: this address for pushes of agent messages. Either way, message forwarding may go to the same ' +
  'address, signed, with company ID and key as in these settings.';

export const guide = (): WebhookGuide => ({
  where: WHERE,
  topics: ['third-party robot (widget)', 'agent message push (open API)', 'message forwarding: conversation, msg'],
});

const refused = (reason: string): AuthResult => ({ ok: false, reason });

/**
 * Questions and pushes have no signature: what shows that they are Sobot's is our address, which nobody else knows. What
 * they say about robot and company must fit the settings. Forwarded batches are signed.
 */
export function authenticate(request: RawRequest, config: SobotConfig): AuthResult {
  const body = bodyOf(request);
  if (isQuestion(body)) {
    if (config.way !== 'widget') return refused('a question for a robot, but the way is openapi');
    const { robotId } = config;
    return robotId === undefined || text(body['robotid']) === robotId ? { ok: true } : refused('another robot');
  }
  if (isForwarding(body)) return checkSignature(request, config);
  if (isPush(body)) {
    if (config.way !== 'openapi') return refused('a push of the open API, but the way is widget');
    const company = text(body['sysNum']);
    const isOther = config.companyId !== undefined && company !== undefined && company !== config.companyId;
    return isOther ? refused('another company') : { ok: true };
  }
  return refused('neither a question nor a push nor a forwarded batch');
}

/** The three feeds share one address and are told apart by their bodies. */
export function parse(request: RawRequest, config: SobotConfig): DeskEvent[] {
  const body = bodyOf(request);
  if (isQuestion(body)) return config.way === 'widget' ? parseQuestion(body) : [];
  if (isForwarding(body)) return parseForwarding(body, config);
  return isPush(body) && config.way === 'openapi' ? parsePush(body) : [];
}
