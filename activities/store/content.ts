import { hkdfSync } from 'node:crypto';
import { decrypt, encrypt, parsePayloadKeys } from '../platform/key-ring.ts';

/** Which stored value: its table and column, and what its row is known by for ever. */
export type Place = readonly [table: string, column: string, ...row: (string | number)[]];

/**
 * Seals what users and agents wrote, at the edge of the store. A sealed value reads `c1.<kid>.<base64url>`, in a `json`
 * column as a string, where a plain one is an object or an array; so both may lie in one table.
 */
export interface ContentBox {
  /** For a `json` column: the value's JSON, or without keys that JSON as it is. */
  seal(value: object, place: Place): string;
  /** What a `json` column gave back, sealed or not. Throws when its key is not there or when it is not of this place. */
  open<T extends object>(stored: T | string, place: Place): T;
  /** The same for a `text` column whose values are e-mail addresses: no address looks like a sealed value. */
  sealText(text: string, place: Place): string;
  openText(stored: string, place: Place): string;
  /** The id of the key that seals now; without keys undefined. */
  readonly first: string | undefined;
}

const SEALED = /^c1\.([\w-]{1,64})\.([\w-]{38,})$/;
const KEY_BYTES = 32;

const aadOf = (place: Place): string => JSON.stringify(place);

/**
 * AES-256-GCM with keys derived from the payload keys: the first one seals, all open. Without keys, or with `off` before
 * them, it seals nothing. An
 * error names the place and the key's id, never the value.
 */
export function createContentBox(payloadKeys: string | undefined): ContentBox {
  const ring = payloadKeys === undefined || payloadKeys === '' ? undefined : parsePayloadKeys(payloadKeys);
  const derived = new Map([...(ring?.byId ?? [])].map(([id, key]) => [id, contentKey(key)]));
  const first = ring?.primary && { id: ring.primary.id, key: contentKey(ring.primary.key) };

  function sealText(text: string, place: Place): string {
    if (first === undefined) return text;
    return `c1.${first.id}.${encrypt(first.key, Buffer.from(text, 'utf8'), aadOf(place)).toString('base64url')}`;
  }

  function openText(stored: string, place: Place): string {
    const [, keyId, data] = SEALED.exec(stored) ?? [];
    if (keyId === undefined || data === undefined) return stored;
    const key = derived.get(keyId);
    const name = place.join('/');
    if (!key) throw new Error(`${name} was sealed with key ${keyId}, which is not in BATON_PAYLOAD_KEYS`);
    try {
      return decrypt(key, Buffer.from(data, 'base64url'), aadOf(place)).toString('utf8');
    } catch (error) {
      throw new Error(`${name} cannot be opened with key ${keyId}`, { cause: error });
    }
  }

  return {
    first: first?.id,
    sealText,
    openText,
    seal(value, place) {
      const json = JSON.stringify(value);
      return first === undefined ? json : JSON.stringify(sealText(json, place));
    },
    open<T extends object>(stored: T | string, place: Place): T {
      return typeof stored === 'string' ? (JSON.parse(openText(stored, place)) as T) : stored;
    },
  };
}

/** Not the payload key itself: what is sealed here must not use up its random nonces. */
const contentKey = (key: Buffer): Buffer => Buffer.from(hkdfSync('sha256', key, '', 'baton/content', KEY_BYTES));

/** Where each kind of content lies. */
export const placeOf = {
  handoff: (column: 'request' | 'email' | 'agent', id: string): Place => ['handoffs', column, id],
  event: (id: string, seq: number): Place => ['events', 'event', id, seq],
  late: (id: string, messageId: string): Place => ['late_messages', 'message', id, messageId],
  turns: (id: string): Place => ['histories', 'turns', id],
  /** By its unique key: the signal is sealed before the row has its number. */
  signal: (botId: string, desk: string, dedupeKey: string): Place => ['inbox', 'signal', botId, desk, dedupeKey],
};
