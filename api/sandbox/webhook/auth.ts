import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { same } from '../guard.ts';

/** What the desk asks of its caller; what is absent is not asked for. */
export interface SandboxAuth {
  username?: string;
  password?: string;
  /** `whsec_` + base64: a Standard Webhooks signature is required. */
  secret?: string;
}

/** The scheme's own tolerance. */
const MAX_AGE_SECONDS = 300;

/** Why the call is refused; `undefined` = it may pass. */
export function refusal(auth: SandboxAuth, headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  const { username, password, secret } = auth;
  if (username !== undefined || password !== undefined) {
    const expected = `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`;
    if (!same(headers.authorization ?? '', expected)) return 'wrong user name or password';
  }
  return secret === undefined ? undefined : signatureRefusal(secret, headers, body);
}

function signatureRefusal(secret: string, headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    return 'the signature is missing';
  }
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= MAX_AGE_SECONDS)) return 'the signature is too old';
  const hmac = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
  const expected = `v1,${hmac.update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  return signatures.split(' ').some((one) => same(one, expected)) ? undefined : 'the signature is wrong';
}
