import type { DeskErrorKind } from '../../errors.ts';
import { kindOfStatus, type VendorDetails, VendorError } from '../../http/desk-errors.ts';

/** Its code is SalesIQ's own. */
export class ZohoError extends VendorError<number> {
  constructor(details: VendorDetails<number>) {
    super('zoho-salesiq', details);
  }
}

export const isCode = (error: unknown, ...codes: number[]): error is ZohoError & { code: number } =>
  error instanceof ZohoError && error.code !== undefined && codes.includes(error.code);

interface Meaning {
  kind: DeskErrorKind;
  words: string;
  field?: string;
}

const SCOPES =
  'the consent does not cover this call: give it again, in external mode with a client of the type ORG ' +
  '(API console, /add?client_type=ORG)';

const rejected = (words: string, field?: string): Meaning => ({ kind: 'rejected', words, ...(field && { field }) });
const auth = (words: string, field?: string): Meaning => ({ kind: 'auth', words, ...(field && { field }) });

/** Section 7 of the note; the same codes come with any status. What is not listed is a refusal. */
const MEANINGS: Record<number, Meaning> = {
  1001: { kind: 'unavailable', words: 'SalesIQ has failed' },
  1005: auth('SalesIQ does not know this screen name', 'screenName'),
  1008: auth('Zoho refused the access token'),
  1009: auth(SCOPES),
  1014: { kind: 'conflict', words: 'SalesIQ has this already' },
  1016: rejected('the operator who gave the consent lacks the permission'),
  1017: rejected('the limit of your SalesIQ plan is reached'),
  1019: { kind: 'not_found', words: 'SalesIQ does not know this conversation, or it is over' },
  1020: rejected('SalesIQ has no such operator'),
  1021: auth('your SalesIQ plan does not include this'),
  1023: { kind: 'rate_limited', words: 'SalesIQ asks us to wait' },
  1024: rejected('SalesIQ has no such operator'),
  1025: rejected('SalesIQ has no such department', 'departmentId'),
};

/** How long after 1023: SalesIQ locks the address for a while and gives no number. */
const LOCKED_MS = 60_000;

interface Answer {
  operation: string;
  status: number;
  /** `error` of the body, where it has one. */
  error: { code: number; message: string } | undefined;
  /** What `Retry-After` says. */
  waitMs: number | undefined;
}

/** Order of section 7: a status of the server, then the code in the body, then the status. */
export function failureOf({ operation, status, error, waitMs }: Answer): ZohoError {
  const { kind, words, field } = meaningOf(status, error?.code, waitMs !== undefined);
  return new ZohoError({
    operation,
    kind,
    status,
    reason: error === undefined ? words : `${words} (${error.code})`,
    ...(field && { field }),
    ...(kind === 'rate_limited' && retryAfter(error?.code, waitMs)),
    ...(error ? { code: error.code, detail: error.message } : status === 401 && { code: 1008 }),
  });
}

const retryAfter = (code: number | undefined, waitMs: number | undefined): { retryAfterMs?: number } => {
  const retryAfterMs = waitMs ?? (code === 1023 ? LOCKED_MS : undefined);
  return retryAfterMs === undefined ? {} : { retryAfterMs };
};

const WORDS: Partial<Record<DeskErrorKind, string>> = {
  auth: 'SalesIQ refused the credentials',
  not_found: 'SalesIQ does not know this conversation',
  conflict: 'SalesIQ has this already',
  rate_limited: 'SalesIQ asks us to wait',
  unavailable: 'SalesIQ has failed',
  protocol: 'SalesIQ sent us elsewhere',
};

function meaningOf(status: number, code: number | undefined, saysWhen: boolean): Meaning {
  const kind = status >= 300 && status < 400 ? 'protocol' : kindOfStatus(status, saysWhen);
  const isServers = kind === 'rate_limited' || kind === 'unavailable';
  if (code !== undefined && !isServers) return MEANINGS[code] ?? rejected('SalesIQ refused the call');
  return { kind, words: WORDS[kind] ?? 'SalesIQ refused the call' };
}
