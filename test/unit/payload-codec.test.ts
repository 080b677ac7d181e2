import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter } from '@temporalio/common';
import {
  decodeOptionalFailureToOptionalError,
  encodeErrorToFailure,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import { expect, test } from 'vitest';
import { createPayloadCodec, dataConverter } from '../../activities/platform/payload-codec.ts';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const SECRET = { text: 'my address is 1 Main Street', nested: [1, null, '\u{1f600}'] };
const payloads = () =>
  [SECRET, undefined, 'plain', 7, Buffer.from([0, 255])].map((value) => defaultPayloadConverter.toPayload(value));

test('payloads come back as they were, and tell nothing on the way', async () => {
  const codec = createPayloadCodec(newKey('p1'));
  const encoded = await codec.encode(payloads());
  for (const { metadata, data } of encoded) {
    expect(Object.keys(metadata ?? {}).toSorted()).toEqual(['encoding', 'encryption-key-id']);
    expect(Buffer.from(metadata?.['encoding'] ?? []).toString()).toBe('binary/encrypted');
    expect(Buffer.from(data ?? []).toString('latin1')).not.toMatch(/Main Street|json\/plain/);
  }
  const decoded = await codec.decode(encoded);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual([
    SECRET,
    undefined,
    'plain',
    7,
    new Uint8Array([0, 255]),
  ]);
  expect(await codec.encode([])).toEqual([]);
});

test('history from before the first key, and of an older key, stays readable', async () => {
  const [older, newer] = [newKey('p1'), newKey('p2')];
  const rotated = createPayloadCodec(`${newer},${older}`);
  const [clear] = payloads();
  const [encrypted] = await createPayloadCodec(older).encode([clear!]);
  const decoded = await rotated.decode([clear!, encrypted!]);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual([SECRET, SECRET]);
  await expect(createPayloadCodec(newer).decode([encrypted!])).rejects.toThrow(/key p1, which is not configured/);
});

test('a key that is known and not yet used reads what others encrypt, and writes what everybody reads', async () => {
  const key = newKey('p1');
  const [known, used] = [createPayloadCodec(`off,${key}`), createPayloadCodec(key)];
  const [clear] = payloads();
  expect(await known.encode([clear!])).toEqual([clear]);
  const [read] = await known.decode(await used.encode([clear!]));
  expect(defaultPayloadConverter.fromPayload(read!)).toEqual(SECRET);
  expect(await used.decode([clear!])).toEqual([clear]);
  // Also by a version, or a process, that knows no key at all.
  const quiet = loadDataConverter(dataConverter(`off, ${key}`));
  const failure = await encodeErrorToFailure(quiet, new Error('why'));
  expect(await decodeOptionalFailureToOptionalError(loadDataConverter(undefined), failure)).toMatchObject({
    message: 'why',
  });
});

test('a payload that was tampered with is refused', async () => {
  const codec = createPayloadCodec(newKey('p1'));
  const [encoded] = await codec.encode(payloads());
  const data = Buffer.from(encoded?.data ?? []);
  data[data.length >> 1]! ^= 1;
  await expect(codec.decode([{ ...encoded!, data }])).rejects.toThrow();
  await expect(codec.decode([{ ...encoded!, data: data.subarray(0, 20) }])).rejects.toThrow(/too short/);
});

test('with keys, messages and stack traces of failures are encrypted too; without, nothing changes', async () => {
  expect(dataConverter(undefined)).toBeUndefined();
  expect(dataConverter('')).toBeUndefined();
  const converter = loadDataConverter(dataConverter(newKey('p1')));
  const failure = await encodeErrorToFailure(converter, new Error('refused: my address is 1 Main Street'));
  expect(JSON.stringify(failure)).not.toContain('Main Street');
  expect(failure.stackTrace ?? '').toBe('');
  const error = await decodeOptionalFailureToOptionalError(converter, failure);
  expect(error?.message).toBe('refused: my address is 1 Main Street');
});
