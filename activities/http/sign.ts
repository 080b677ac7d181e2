import { Webhook } from 'standardwebhooks';

interface Signable {
  /** `whsec_` + base64. */
  secret: string;
  /** Stable over retries: the receiver dedupes by it. */
  id: string;
  timestampSeconds: number;
  /** The exact bytes that are sent. */
  body: string;
}

/** Headers of the Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`. */
export function signStandardWebhook({ secret, id, timestampSeconds, body }: Signable): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': new Webhook(secret).sign(id, new Date(timestampSeconds * 1000), body),
  };
}

const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;

/** Whether this can be used as a signing secret: `whsec_` and base64 of 16 to 64 bytes. */
export function isWebhookSecret(secret: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret) || (secret.length - 'whsec_'.length) % 4 !== 0) return false;
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64').length;
  return bytes >= MIN_KEY_BYTES && bytes <= MAX_KEY_BYTES;
}
