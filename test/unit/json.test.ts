import { expect, it } from 'vitest';
import { jsonOf, parseJson, unprintable } from '../../activities/http/json.ts';

it('JSON of others has nothing that cannot be made a text', () => {
  const text = '{"a":{"toString":1,"b":[{"to\\u0053tring":null,"c":"toString"}]},"toString":"x"}';
  expect(() => String(JSON.parse(text))).toThrow(TypeError);
  const read = parseJson(text);
  expect(read).toEqual({ a: { b: [{ c: 'toString' }] } });
  expect(String(read)).toBe('[object Object]');
  expect(jsonOf(text)).toEqual(read);
});

it('what is no JSON is a SyntaxError, or undefined', () => {
  expect(() => parseJson('{')).toThrow(SyntaxError);
  expect(jsonOf('{')).toBeUndefined();
});

it('such objects are found however deep they are', () => {
  const text = `${'['.repeat(5_000)}{"toString":0}${']'.repeat(5_000)}`;
  expect(unprintable(text, JSON.parse(text))).toEqual([{ toString: 0 }]);
  expect(unprintable('{"a":1}', { a: 1 })).toEqual([]);
});
