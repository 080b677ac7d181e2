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
