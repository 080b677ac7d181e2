import { DeskError, type DeskErrorKind } from '../../errors.ts';
import type { HttpResponse } from '../../http/client.ts';
import { kindOfStatus } from '../../http/desk-errors.ts';
import { retryAfterMs } from '../../http/retry-after.ts';

export type Operation = 'open' | 'send' | 'close' | 'verify';

interface Details {
  operation: Operation;
  kind: DeskErrorKind;
  reason: string;
  status?: number;
  retryAfterMs?: number;
  field?: string;
  cause?: unknown;
  /** Sobot's own `ret_code`. */
  code?: string;
}

/** Remembers the code that Sobot gave. */
export class SobotError extends DeskError {
  readonly code: string | undefined;

  constructor(details: Details) {
    super({ desk: 'sobot', ...details });
    this.code = details.code;
  }

  /** The same, blamed on a field of the config. */
  at(field: string, reason: string): SobotError {
    const { kind, status, code } = this;
    const operation = this.operation as Operation;
    return new SobotError({
      operation,
      kind,
      field,
      reason,
      cause: this,
      ...(status !== undefined && { status }),
      ...(code !== undefined && { code }),
    });
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
