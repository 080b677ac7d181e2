import type { RawRequest } from '../desk.ts';

export type Fields = Record<string, unknown>;

/** Anything as an object: what is none has no fields. */
export const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A text with something in it. */
export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;

/** Ids and times come as text, sometimes as numbers. */
export const idOf = (value: unknown): string | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : text(value);

export function bodyOf({ body }: RawRequest): Fields {
  try {
    return fields(JSON.parse(body.toString('utf8')));
  } catch {
    return {};
  }
}
