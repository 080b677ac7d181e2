import { DeskError, type DeskErrorKind } from '../errors.ts';
import { HttpError } from './client.ts';

/** What a status says when the desk itself says no more. `saysWhen`: there is a `Retry-After`. */
export function kindOfStatus(status: number, saysWhen: boolean): DeskErrorKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 404 || status === 410) return 'not_found';
  if (status === 409) return 'conflict';
  if (status === 408 || status === 425 || status === 429) return 'rate_limited';
  if (status >= 500) return status === 503 && saysWhen ? 'rate_limited' : 'unavailable';
  return 'rejected';
}

interface NoResponse {
  kind: DeskErrorKind;
  reason: string;
  status?: number;
  cause: unknown;
}

/** For a `DeskError`: what `HttpClient.request` has thrown. */
export function noResponse(cause: unknown): NoResponse {
  if (!(cause instanceof HttpError)) return { kind: 'protocol', reason: 'the call failed', cause };
  const { kind, message: reason, sent, status } = cause;
  if (kind === 'blocked') return { kind: 'rejected', reason: `address blocked: ${reason}`, cause };
  if (kind === 'too_large') return { kind: 'protocol', reason, cause, ...(status !== undefined && { status }) };
  return { kind: sent ? 'timeout' : 'unavailable', reason, cause };
}

interface More {
  status?: number;
  retryAfterMs?: number;
  field?: string;
  cause?: unknown;
}

/** How a desk makes its errors. */
export const errorsOf =
  <Operation extends string>(desk: string) =>
  (operation: Operation, kind: DeskErrorKind, reason: string, more: More = {}): DeskError =>
    new DeskError({ desk, operation, kind, reason, ...more });

/** Whether the desk may have done what the call asked for: no answer, an unreadable one, or a server error. */
export const maybeDone = (error: unknown): boolean =>
  error instanceof DeskError && (error.unclear || (error.kind === 'unavailable' && error.status !== undefined));

export interface VendorDetails<Code> {
  operation: string;
  kind: DeskErrorKind;
  reason: string;
  status?: number;
  retryAfterMs?: number;
  field?: string;
  cause?: unknown;
  code?: Code;
  /** The vendor's own words; they may quote what was sent, so they are no part of `reason`. */
  detail?: string;
}

/** Of a desk that names its errors: remembers the vendor's code. A desk's own class gives it the desk's name. */
export abstract class VendorError<Code extends string | number> extends DeskError {
  readonly code: Code | undefined;
  /** Not a plain property: loggers write those, and this may hold the vendor's words. */
  readonly #details: VendorDetails<Code>;

  constructor(desk: string, details: VendorDetails<Code>) {
    super({ desk, ...details });
    this.code = details.code;
    this.#details = details;
  }

  get detail(): string {
    return this.#details.detail ?? '';
  }

  /** The same, blamed on a field of the config. */
  at(field: string, reason = this.#details.reason): this {
    const Same = this.constructor as new (details: VendorDetails<Code>) => this;
    return new Same({ ...this.#details, field, reason, cause: this });
  }
}
