import type { DeskErrorKind } from '../../errors.ts';
import type { HttpResponse } from '../../http/client.ts';
import { kindOfStatus, type VendorDetails, VendorError } from '../../http/desk-errors.ts';
import { retryAfterMs } from '../../http/retry-after.ts';

export type Operation = 'open' | 'send' | 'close' | 'verify' | 'recent';

/** Its code is Sobot's own `ret_code`. */
export class SobotError extends VendorError<string> {
  constructor(details: VendorDetails<string>) {
    super('sobot', details);
  }
}

/** Answers that ask for a new token (sobot section 4). */
export const isStaleToken = (error: unknown): boolean =>
  error instanceof SobotError && (error.code === '900001' || error.code === '900002');

const CODES: Record<string, { kind: DeskErrorKind; reason: string }> = {
  '900001': { kind: 'auth', reason: 'Sobot got no token' },
  '900002': { kind: 'auth', reason: 'Sobot refused the token' },
  '900003': { kind: 'auth', reason: 'Sobot refused the signature: app ID and app key do not fit' },
  '900004': { kind: 'auth', reason: 'Sobot has no API configuration for this company' },
  '700046': { kind: 'auth', reason: 'this edition of Sobot may not use the API' },
};

/** Codes that say more than a bad HTTP status. */
export const isTelling = (code: string): boolean => code in CODES;

/** `ret_msg` may quote what was sent, so the code alone is told. */
export function fromCode(operation: Operation, code: string, status: number): SobotError {
  const known = CODES[code];
  // 4xxxxx and 5xxxxx are refusals of what was sent; 999999 and what nobody has heard of may pass.
  const kind = known?.kind ?? (/^[45]\d{5}$/.test(code) ? 'rejected' : 'unavailable');
  const words = known?.reason ?? (kind === 'rejected' ? 'Sobot refused the call' : 'Sobot has failed');
  const shown = code.replaceAll(/[^\w-]/g, '').slice(0, 20);
  return new SobotError({ operation, kind, reason: `${words} (${shown})`, status, code });
}

export function fromStatus(operation: Operation, { status, headers }: HttpResponse, nowMs: number): SobotError {
  const wait = retryAfterMs(headers, nowMs);
  const kind = kindOfStatus(status, wait !== undefined);
  return new SobotError({
    operation,
    kind,
    reason: kind === 'unavailable' ? 'Sobot has failed' : 'Sobot refused the call',
    status,
    ...(kind === 'rate_limited' && wait !== undefined && { retryAfterMs: wait }),
  });
}
