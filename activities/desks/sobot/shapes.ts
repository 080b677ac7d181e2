import { createHash } from 'node:crypto';
import type { DeskEvent } from '../desk.ts';
import type { HandoffSignal } from '../../../workflows/contracts.ts';

/** A text with something in it. Ids and codes come as numbers too (sobot section 4). */
export function text(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** Numbers come as strings too. */
export function number(value: unknown): number | undefined {
  const found = text(value);
  return found !== undefined && /^-?\d+(\.\d+)?$/.test(found.trim()) ? Number(found) : undefined;
}

export const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value), 'utf8').digest('hex').slice(0, 32);

/** A signal without its id, which is the key. */
type Content<S = HandoffSignal> = S extends { id: string } ? Omit<S, 'id'> : never;

export const event = (deskConversationId: string, dedupeKey: string, signal: Content): DeskEvent => ({
  dedupeKey,
  deskConversationId,
  signal: { ...signal, id: dedupeKey },
});
