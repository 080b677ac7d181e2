import { createHmac, randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { isWebhookSecret, signStandardWebhook } from '../../activities/http/sign.ts';

const key = randomBytes(32);
const secret = `whsec_${key.toString('base64')}`;
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe('Standard Webhooks signature', () => {
  it('is the HMAC of id, timestamp and the exact bytes of the body', () => {
    const body = '{"text":"Zoë schrieb: 你好 🙂"}';
    const headers = signStandardWebhook({ secret, id: 'h1.d1', timestampSeconds: 1_760_947_200, body });
    const expected = createHmac('sha256', key).update(`h1.d1.1760947200.${body}`, 'utf8').digest('base64');
    expect(headers).toEqual({
      'webhook-id': 'h1.d1',
      'webhook-timestamp': '1760947200',
      'webhook-signature': `v1,${expected}`,
    });
  });

  it('passes the check of the public library, and a changed byte does not', () => {
    const body = '{"a":1}';
    const headers = signStandardWebhook({ secret, id: 'x', timestampSeconds: nowSeconds(), body });
    expect(new Webhook(secret).verify(body, headers)).toEqual({ a: 1 });
    expect(() => new Webhook(secret).verify('{"a":2}', headers)).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'y' })).toThrow('No matching signature');
    const other = `whsec_${randomBytes(32).toString('base64')}`;
    expect(() => new Webhook(other).verify(body, headers)).toThrow('No matching signature');
  });

  it('signs an empty body', () => {
    const headers = signStandardWebhook({ secret, id: 'x', timestampSeconds: nowSeconds(), body: '' });
    expect(headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });
});

describe('a signing secret', () => {
  it.each([16, 24, 32, 64])('may have %i bytes', (bytes) => {
    expect(isWebhookSecret(`whsec_${randomBytes(bytes).toString('base64')}`)).toBe(true);
  });

  it.each([
    ['empty', ''],
    ['without prefix', randomBytes(32).toString('base64')],
    ['too short', `whsec_${randomBytes(15).toString('base64')}`],
    ['too long', `whsec_${randomBytes(65).toString('base64')}`],
    ['base64url', 'whsec_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_'],
    ['cut base64', 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['with a line break', `${secret}\n`],
  ])('is refused when it is %s', (_what, value) => {
    expect(isWebhookSecret(value)).toBe(false);
  });
});
