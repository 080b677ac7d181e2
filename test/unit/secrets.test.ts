import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSecretBox, secretAad } from '../../activities/store/secrets.ts';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const aad = secretAad('bot-1', 'desk.password');

test('what was sealed opens again, and looks different every time', () => {
  const box = createSecretBox(newKey('k1'));
  for (const plain of ['', 'open sesame', 'ключ \u{1f511} \u0000', 'x'.repeat(100_000)]) {
    const [one, two] = [box.seal(plain, aad), box.seal(plain, aad)];
    expect(one).not.toBe(two);
    if (plain) expect(one).not.toContain(plain);
    expect([box.open(one, aad), box.open(two, aad)]).toEqual([plain, plain]);
  }
});

test('a sealed value does not open for another bot or another field', () => {
  const box = createSecretBox(newKey('k1'));
  const sealed = box.seal('open sesame', aad);
  for (const elsewhere of [secretAad('bot-2', 'desk.password'), secretAad('bot-1', 'desk.secret'), '']) {
    expect(() => box.open(sealed, elsewhere)).toThrow(/cannot be opened/);
  }
});

test('a sealed value does not open when any of its bytes has changed or is missing', () => {
  const box = createSecretBox(newKey('k1'));
  const sealed = box.seal('open sesame', aad);
  const [version, keyId, data] = sealed.split('.');
  const bytes = Buffer.from(data!, 'base64url');
  for (let i = 0; i < bytes.length; i += 1) {
    const altered = Buffer.from(bytes);
    altered[i]! ^= 1;
    expect(() => box.open(`${version}.${keyId}.${altered.toString('base64url')}`, aad)).toThrow();
    expect(() => box.open(`${version}.${keyId}.${bytes.subarray(0, i).toString('base64url')}`, aad)).toThrow();
  }
  for (const broken of ['', 'open sesame', `v0.${keyId}.${data}`, `${sealed}.x`]) {
    expect(() => box.open(broken, aad)).toThrow(/not in a known form/);
  }
});

test('after a rotation the first key seals and every key that is left opens', () => {
  const [older, newer] = [newKey('k1'), newKey('k2')];
  const before = createSecretBox(older).seal('open sesame', aad);
  const rotated = createSecretBox(`${newer},${older}`);
  expect(rotated.open(before, aad)).toBe('open sesame');
  const after = rotated.seal('open sesame', aad);
  expect(createSecretBox(newer).open(after, aad)).toBe('open sesame');
  expect(() => createSecretBox(older).open(after, aad)).toThrow(/key k2, which is not configured/);
  const sameName = createSecretBox(newKey('k1'));
  expect(() => sameName.open(before, aad)).toThrow(/cannot be opened with key k1/);
});

test('keys in a wrong form are refused without showing them', () => {
  const short = randomBytes(16).toString('base64');
  const key = newKey('k1');
  for (const wrong of ['', 'k1', `k1:${short}`, `:${short}`, 'k1:not base64!', `${key},`, `${key},${key}`]) {
    let message = '';
    try {
      createSecretBox(wrong);
    } catch (error) {
      message = String(error);
    }
    expect(message, wrong).toMatch(/key/);
    expect(message).not.toContain(short);
    expect(message).not.toContain(key.slice(3));
  }
});
