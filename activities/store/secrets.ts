import { decrypt, encrypt, parseKeyRing } from '../platform/key-ring.ts';

/** Seals secrets at rest. A sealed value opens only with the `aad` that it was sealed with. */
export interface SecretBox {
  seal(plain: string, aad: string): string;
  open(sealed: string, aad: string): string;
  /** The id of the key that seals now. */
  readonly first: string;
}

const VERSION = 'v1';

/** Where a secret belongs; keeps a stored value from being moved to another bot or field. */
export const secretAad = (botId: string, field: string): string => `bot/${botId}/${field}`;

/**
 * AES-256-GCM with keys `kid:base64,...`: the first one seals, all open, so that a key is changed by putting a new one
 * in front. A sealed value reads `v1.<kid>.<base64url>`. Errors carry neither the value nor a key.
 */
export function createSecretBox(secretKeys: string): SecretBox {
  const ring = parseKeyRing(secretKeys);
  return {
    first: ring.primary.id,
    seal(plain, aad) {
      const sealed = encrypt(ring.primary.key, Buffer.from(plain, 'utf8'), aad);
      return `${VERSION}.${ring.primary.id}.${sealed.toString('base64url')}`;
    },
    open(sealed, aad) {
      const [version, keyId, data, ...rest] = sealed.split('.');
      if (version !== VERSION || keyId === undefined || data === undefined || rest.length > 0) {
        throw new Error(`the secret of ${aad} is not in a known form`);
      }
      const key = ring.byId.get(keyId);
      if (!key) throw new Error(`the secret of ${aad} was sealed with key ${keyId}, which is not configured`);
      try {
        return decrypt(key, Buffer.from(data, 'base64url'), aad).toString('utf8');
      } catch (error) {
        throw new Error(`the secret of ${aad} cannot be opened with key ${keyId}`, { cause: error });
      }
    },
  };
}
