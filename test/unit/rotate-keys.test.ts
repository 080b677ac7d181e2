import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { RotatedTable } from '../../activities/store/store.ts';
import { verdicts } from '../../worker/rotate-keys.ts';

const ring = (...ids: string[]): string => ids.map((id) => `${id}:${randomBytes(32).toString('base64')}`).join(',');

const table = (keys: RotatedTable['keys'], values: Record<string, number>): RotatedTable => ({
  name: 'a table',
  keys,
  rows: 1,
  resealed: 0,
  unreadable: 0,
  values,
});

test('an old key may go only when nothing is sealed with it, and Temporal has a say of its own', () => {
  const secretKeys = ring('k3', 'k2', 'k1');
  const tables = [table('secrets', { k3: 5 }), table('secrets', { k2: 1 }), table('content', { p2: 9 })];
  const lines = verdicts(tables, { secretKeys, payloadKeys: ring('p2', 'p1') });
  expect(lines).toEqual([
    expect.stringMatching(/^BATON_SECRET_KEYS: not everything is sealed with k3/),
    expect.stringMatching(/^BATON_SECRET_KEYS: nothing in PostgreSQL needs k1 any more/),
    expect.stringMatching(/^BATON_PAYLOAD_KEYS: nothing in PostgreSQL needs p1 any more/),
    expect.stringContaining('Temporal'),
  ]);
});

test('what is still plain is told, and so is that nothing is sealed without keys', () => {
  const secretKeys = ring('k1');
  const content = [table('content', { plain: 3, p1: 1 })];
  expect(verdicts(content, { secretKeys, payloadKeys: ring('p1') })[1]).toMatch(/not everything is sealed with p1/);
  expect(verdicts(content, { secretKeys, payloadKeys: undefined })).toEqual([
    'BATON_SECRET_KEYS: k1 is the only key.',
    'BATON_PAYLOAD_KEYS is not set: what people wrote is not sealed.',
  ]);
});
