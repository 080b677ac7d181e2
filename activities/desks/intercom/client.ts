import { createHash } from 'node:crypto';
import { DeskError, type DeskErrorKind } from '../../errors.ts';
import type { HttpResponse } from '../../http/client.ts';
import { errorsOf, kindOfStatus, noResponse } from '../../http/desk-errors.ts';
import { jsonOf } from '../../http/json.ts';
import { retryAfterMs } from '../../http/retry-after.ts';
import { type Context, REGIONS } from './config.ts';

export type Operation = 'open' | 'send' | 'close' | 'verify' | 'recent';
export const deskError = errorsOf<Operation>('intercom');

export interface Call {
  operation: Operation;
  method: 'GET' | 'POST';
  /** From the root of the API, with a slash. */
  path: string;
  body?: Record<string, unknown>;
  /** Statuses besides 2xx that the caller wants to see instead of an error. */
  accept?: readonly number[];
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** Undefined when it is not JSON, which only an accepted status may have. */
  body: unknown;
}

const VERSION = '2.16';
const TIMEOUT_MS = 15_000;
/** A conversation has up to 500 parts. */
const MOST_BYTES = 8 * 1024 * 1024;
const LONGEST_WAIT_MS = 60 * 60 * 1000;
const SAID_MAX = 300;

/** One call of Intercom's REST API, never repeated. Throws only `DeskError`. */
export async function call(ctx: Context, request: Call): Promise<Answer> {
  const { operation, method, path, body } = request;
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method,
      url: addressOf(ctx, path),
      headers: {
        authorization: `Bearer ${ctx.config.accessToken}`,
        'intercom-version': VERSION,
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MOST_BYTES,
      signal: ctx.signal,
    });
  } catch (error) {
    throw new DeskError({ desk: 'intercom', operation, ...noResponse(error) });
  }
  const { status, headers } = response;
  const answer = { status, headers, body: jsonOf(response.body) };
  const { code, requestId } = firstError(answer.body);
  ctx.log.debug({ operation, status, code, requestId, elapsedMs: response.elapsedMs }, 'desk answered');
  if (request.accept?.includes(status)) return answer;
  if (status < 200 || status > 299) throw fromStatus(ctx, operation, answer);
  if (answer.body === undefined) throw deskError(operation, 'protocol', 'the answer is not JSON', { status });
  return answer;
}

function addressOf({ config }: Context, path: string): string {
  return `${(config.baseUrl ?? REGIONS[config.region]).replace(/\/+$/, '')}${path}`;
}

interface Said {
  code?: string;
  message?: string;
  permissions?: string;
  requestId?: string;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, SAID_MAX) : undefined;

/** Of `error.list`; parts may be missing, and proxies answer in other forms. */
export function firstError(body: unknown): Said {
  const list = body as { errors?: unknown; request_id?: unknown } | null | undefined;
  const first = (Array.isArray(list?.errors) ? list.errors[0] : undefined) as
    | Record<string, unknown>
    | null
    | undefined;
  const required = (first?.['data'] as { required_permissions?: unknown } | null | undefined)?.required_permissions;
  const said: Record<keyof Said, string | undefined> = {
    code: textOf(first?.['code']),
    message: textOf(first?.['message']),
    permissions: textOf(Array.isArray(required) ? required.join(', ') : required),
    requestId: textOf(list?.request_id),
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function kindOf(status: number, saysWhen: boolean): DeskErrorKind {
  if (status === 402) return 'auth';
  // It may have worked: section 8 of the note.
  return status === 408 ? 'timeout' : kindOfStatus(status, saysWhen);
}

export function fromStatus(ctx: Context, operation: Operation, { status, headers, body }: Answer): DeskError {
  const wait = retryAfterMs(headers, ctx.now());
  const kind = kindOf(status, wait !== undefined);
  const waitMs = kind === 'rate_limited' ? (wait ?? untilReset(headers, ctx.now())) : undefined;
  return deskError(operation, kind, reasonOf(kind, status, firstError(body)), {
    status,
    ...(kind === 'auth' && { field: 'accessToken' }),
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
  });
}

/** `X-RateLimit-Reset` is in Unix seconds, and about a budget: while some of it remains, another limit was hit. */
function untilReset(headers: Record<string, string>, nowMs: number): number | undefined {
  const reset = headers['x-ratelimit-reset'];
  const isUsedUp = Number(headers['x-ratelimit-remaining'] ?? 0) <= 0;
  if (reset === undefined || !/^\d+$/.test(reset) || !isUsedUp) return undefined;
  return Math.min(LONGEST_WAIT_MS, Math.max(0, Number(reset) * 1000 - nowMs));
}

/** Messages of other errors may quote what a user wrote. */
function reasonOf(kind: DeskErrorKind, status: number, { code, message, permissions, requestId }: Said): string {
  const named = [code, requestId === undefined ? undefined : `request ${requestId}`].filter((one) => one !== undefined);
  const suffix = named.length === 0 ? '' : ` (${named.join(', ')})`;
  if (status === 401) return `Intercom refuses the access token${suffix}`;
  if (kind === 'auth') {
    const missing = permissions === undefined ? '' : `: needs ${permissions}`;
    return `the access token may not do this${missing}${message === undefined ? '' : `: ${message}`}${suffix}`;
  }
  return `${REASONS[kind] ?? 'Intercom refused the call'}${suffix}`;
}

const REASONS: Partial<Record<DeskErrorKind, string>> = {
  not_found: 'Intercom does not know this',
  conflict: 'Intercom has this already',
  rate_limited: 'Intercom asks us to wait',
  unavailable: 'Intercom has failed',
  timeout: 'Intercom gave up waiting for itself',
};

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
