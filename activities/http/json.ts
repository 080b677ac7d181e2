import { z } from 'zod';

export type Fields = Record<string, unknown>;

/**
 * The objects in this JSON that have a key `toString`. In JSON it is no function, so nothing can make such an object a text
 * or a number: `String(it)` throws, and so does `it < 1`, which zod asks of whatever has a length.
 */
export function unprintable(text: string, value: unknown): Fields[] {
  // Also as an escape.
  if (!text.includes('toString') && !text.includes('\\u')) return [];
  const found: Fields[] = [];
  const rest = [value];
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one !== 'object' || one === null) continue;
    if (Object.hasOwn(one, 'toString')) found.push(one as Fields);
    for (const inner of Object.values(one)) rest.push(inner);
  }
  return found;
}

/** JSON of others, without keys that nobody can work with. Throws a SyntaxError when it is none. */
export function parseJson(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  for (const one of unprintable(text, value)) delete one['toString'];
  return value;
}

/** Undefined when it is none. */
export function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Anything as an object: what is none has no fields. */
export const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Of a request; without fields when it is no JSON. */
export const bodyOf = ({ body }: { body: Buffer }): Fields => fields(jsonOf(body.toString('utf8')));

/** What of a list has the right form. */
export const each = <T>(one: z.ZodType<T>) =>
  z
    .array(z.unknown())
    .catch([])
    .transform((items) =>
      items.flatMap((item) => {
        const result = one.safeParse(item);
        return result.success ? [result.data] : [];
      }),
    );
