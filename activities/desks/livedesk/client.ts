import { createHash } from 'node:crypto';
import { DeskError, type DeskErrorKind } from '../../errors.ts';
import type { HttpResponse } from '../../http/client.ts';
import { errorsOf, kindOfStatus, noResponse } from '../../http/desk-errors.ts';
import { jsonOf } from '../../http/json.ts';
import { retryAfterMs } from '../../http/retry-after.ts';
import { baseOf, type Context } from './config.ts';

export type Operation = 'open' | 'send' | 'close' | 'verify' | 'recent';
export const deskError = errorsOf<Operation>('livedesk');

export interface Call {
  operation: Operation;
  method: 'GET' | 'POST';
  /** Below `/api/v2/accounts`, with a slash. */
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

/** How a call that EngageLab has not published says that it is not there. */
export const NOT_THERE = [404, 405] as const;
export const isThere = ({ status }: Answer): boolean => status >= 200 && status <= 299;

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** One call of LiveDesk's REST API, never repeated. Throws only `DeskError`. */
export async function call(ctx: Context, request: Call): Promise<Answer> {
  const { operation, method, path, body } = request;
  const { apiKey, apiSecret } = ctx.config;
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method,
      url: `${baseOf(ctx.config)}/api/v2/accounts${path}`,
      headers: {
        authorization: `Basic ${Buffer.from(`${apiKey}:${apiSecret}`, 'utf8').toString('base64')}`,
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MOST_BYTES,
      signal: ctx.signal,
    });
  } catch (error) {
    throw new DeskError({ desk: 'livedesk', operation, ...noResponse(error) });
  }
  const { status, headers, elapsedMs } = response;
  const answer = { status, headers, body: jsonOf(response.body) };
  ctx.log.debug({ operation, status, fields: wrongFields(answer.body), elapsedMs }, 'desk answered');
  if (request.accept?.includes(status)) return answer;
  if (!isThere(answer)) throw fromStatus(ctx, operation, answer);
  if (answer.body === undefined) throw deskError(operation, 'protocol', 'the answer is not JSON', { status });
  return answer;
}

const FIELD = /^[a-z][a-z0-9_]{0,39}$/i;

/** Names only: the sentences of an error may quote what a user wrote. */
function wrongFields(body: unknown): string[] {
  const { attributes, errors } = (body ?? {}) as { attributes?: unknown; errors?: unknown };
  const named = [
    ...(Array.isArray(attributes) ? (attributes as unknown[]) : []),
    ...(Array.isArray(errors) ? errors.map((one: unknown) => (one as { field?: unknown } | null)?.field) : []),
  ];
  return named.filter((name): name is string => typeof name === 'string' && FIELD.test(name)).slice(0, 5);
}

const REASONS: Partial<Record<DeskErrorKind, string>> = {
  not_found: 'LiveDesk does not know this contact, conversation or channel',
  conflict: 'LiveDesk has this already',
  rate_limited: 'LiveDesk asks us to wait',
  unavailable: 'LiveDesk has failed',
  rejected: 'LiveDesk refused the call',
};

export function fromStatus(ctx: Context, operation: Operation, { status, headers, body }: Answer): DeskError {
  const wait = retryAfterMs(headers, ctx.now());
  const kind = kindOfStatus(status, wait !== undefined);
  const fields = wrongFields(body);
  const suffix = fields.length === 0 ? '' : ` (${fields.join(', ')})`;
  return deskError(operation, kind, `${status === 403 ? MAY_NOT : (REASONS[kind] ?? WRONG_PAIR)}${suffix}`, {
    status,
    ...(kind === 'auth' && { field: 'apiKey' }),
    ...(kind === 'rate_limited' && wait !== undefined && { retryAfterMs: wait }),
  });
}

const WRONG_PAIR = 'LiveDesk refuses the API key and secret';
const MAY_NOT = 'the API key may not do this';

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
