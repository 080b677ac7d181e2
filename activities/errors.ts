export const DESK_ERROR_KINDS = [
  'auth',
  'rejected',
  'not_found',
  'conflict',
  'rate_limited',
  'unavailable',
  'timeout',
  'protocol',
] as const;
export type DeskErrorKind = (typeof DESK_ERROR_KINDS)[number];

interface DeskErrorDetails {
  desk: string;
  operation: string;
  kind: DeskErrorKind;
  /** HTTP status, where there was an answer. */
  status?: number;
  /** How long the desk asked us to wait. */
  retryAfterMs?: number;
  /** The field of the desk's config that is to blame, for example `accessToken`; shown at that field. */
  field?: string;
  /** What was wrong, without tokens and without a user's text. */
  reason: string;
  cause?: unknown;
}

/**
 * The only error a desk throws.
 *
 * - `auth`: credentials refused (401, 403); `rejected`: this request can never succeed; `not_found`: the desk does not
 *   know the conversation; `conflict`: it is there already; `rate_limited`: wait `retryAfterMs`;
 * - `unavailable`: 5xx, refused connection, bad `code`; `timeout`: the request left and no answer came, so it may or may
 *   not have worked; `protocol`: the answer has not the documented form.
 */
export class DeskError extends Error {
  override readonly name = 'DeskError';
  readonly desk: string;
  readonly operation: string;
  readonly kind: DeskErrorKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly field: string | undefined;

  constructor(details: DeskErrorDetails) {
    const status = details.status === undefined ? '' : `${details.status} `;
    super(`[${details.desk}] ${details.operation}: ${status}${details.reason}`, { cause: details.cause });
    this.desk = details.desk;
    this.operation = details.operation;
    this.kind = details.kind;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.field = details.field;
  }

  /** Whether the desk may have acted on the request although we got no good answer. */
  get unclear(): boolean {
    return this.kind === 'timeout' || this.kind === 'protocol';
  }
}
