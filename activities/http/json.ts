import { z } from 'zod';

/** Undefined when it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export type Fields = Record<string, unknown>;

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
