import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Keys by id; the first one encrypts, all decrypt. */
export interface KeyRing {
  primary: { id: string; key: Buffer };
  byId: ReadonlyMap<string, Buffer>;
}

/**
 * Reads `kid:base64,kid:base64`; every key has 32 bytes. The messages name the key's id, never its value.
 */
export function parseKeyRing(text: string): KeyRing {
  const byId = new Map<string, Buffer>();
  let primary: KeyRing['primary'] | undefined;
  for (const entry of text.split(',')) {
    const match = /^\s*([\w-]{1,64}):([A-Za-z0-9+/_-]+={0,2})\s*$/.exec(entry);
    if (match?.[1] === undefined || match[2] === undefined) throw new Error('a key must have the form kid:base64');
    const id = match[1];
    const key = Buffer.from(match[2], 'base64');
    if (key.length !== KEY_BYTES) throw new Error(`key ${id} has ${key.length} bytes instead of ${KEY_BYTES}`);
    if (byId.has(id)) throw new Error(`key id ${id} is given twice`);
    byId.set(id, key);
    primary ??= { id, key };
  }
  if (!primary) throw new Error('no key given');
  return { primary, byId };
}

/** A ring that may only read: what writes with it writes in clear. */
export type PayloadKeyRing = Pick<KeyRing, 'byId'> & Partial<KeyRing>;

/**
 * The same for payload keys, where `off` in the first place (`off,kid:base64`) means that nothing is encrypted yet and all
 * keys decrypt: keys must be known to every process before one of them uses them.
 */
export function parsePayloadKeys(text: string): PayloadKeyRing {
  const [, rest] = /^\s*off\s*,(.*)$/s.exec(text) ?? [];
  return rest === undefined ? parseKeyRing(text) : { byId: parseKeyRing(rest).byId };
}

/** AES-256-GCM: 12-byte random IV, ciphertext, 16-byte tag. */
export function encrypt(key: Buffer, plain: Uint8Array, aad: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(aad, 'utf8'));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the key, the additional data or a single bit is wrong. */
export function decrypt(key: Buffer, sealed: Uint8Array, aad: string): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES) throw new Error('the ciphertext is too short');
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(aad, 'utf8'))
    .setAuthTag(sealed.subarray(tagAt));
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, tagAt)), decipher.final()]);
}
