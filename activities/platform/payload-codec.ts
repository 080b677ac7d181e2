import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { decrypt, encrypt, parsePayloadKeys, type PayloadKeyRing } from './key-ring.ts';

const { Payload: ProtoPayload } = proto.temporal.api.common.v1;

const ENCODING = 'encoding';
const KEY_ID = 'encryption-key-id';
const ENCRYPTED = 'binary/encrypted';

/** Not the workflow's id: results and memos are decoded without it. */
const aadOf = (keyId: string): string => `baton/payload/${keyId}`;

/**
 * Encrypts whole payloads, their metadata inside, by AES-256-GCM. The key's id is in clear text, so keys can be changed;
 * a payload with another encoding passes through, so history from before the first key stays readable.
 */
export function createPayloadCodec(payloadKeys: string): PayloadCodec {
  const ring = parsePayloadKeys(payloadKeys);
  return {
    encode: async (payloads) => payloads.map((payload) => encode(ring, payload)),
    decode: async (payloads) => payloads.map((payload) => decode(ring, payload)),
  };
}

/**
 * What client, worker and bundle need to encrypt payloads and failures; without keys undefined, which means the SDK's
 * own. The bundle must be built with the same `failureConverterPath`.
 */
export function dataConverter(payloadKeys: string | undefined): DataConverter | undefined {
  if (payloadKeys === undefined || payloadKeys === '') return undefined;
  return { payloadCodecs: [createPayloadCodec(payloadKeys)], failureConverterPath: failureConverterPath() };
}

/** The file of the encoded failures, as source or as built. */
export function failureConverterPath(): string {
  const source = fileURLToPath(new URL('./failure-converter.ts', import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}

function encode({ primary }: PayloadKeyRing, payload: Payload): Payload {
  if (!primary) return payload;
  const plain = ProtoPayload.encode(payload).finish();
  return {
    metadata: { [ENCODING]: Buffer.from(ENCRYPTED), [KEY_ID]: Buffer.from(primary.id) },
    data: encrypt(primary.key, plain, aadOf(primary.id)),
  };
}

function decode({ byId }: PayloadKeyRing, payload: Payload): Payload {
  if (textOf(payload.metadata?.[ENCODING]) !== ENCRYPTED) return payload;
  const keyId = textOf(payload.metadata?.[KEY_ID]);
  const key = byId.get(keyId);
  if (!key) throw new Error(`the payload was encrypted with key ${keyId}, which is not configured`);
  return ProtoPayload.decode(decrypt(key, payload.data ?? new Uint8Array(), aadOf(keyId)));
}

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('utf8');
