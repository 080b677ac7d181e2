import type { ZodType } from 'zod';
import type { HttpResponse } from '../../http/client.ts';
import { noResponse } from '../../http/desk-errors.ts';
import { jsonOf } from '../../http/json.ts';
import type { DeskContext } from '../desk.ts';
import { addressesOf, type LivechatConfig } from './config.ts';
import { type ErrorBody, errorBodyOf, failureOf, LivechatError } from './failures.ts';

export type Context = DeskContext<LivechatConfig>;
export type Operation = 'open' | 'send' | 'close' | 'verify' | 'subscribe' | 'recent';

/** LiveChat itself gives up after 15 s (livechat section 3). */
const TIMEOUT_MS = 20_000;
const API_VERSION = 'v3.6';

export interface ApiRequest<T> {
  method?: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  answer: ZodType<T>;
}

/**
 * One call. An error is told by its body, also with a 2xx status (section 10); a wrong region is followed once. Methods
 * without an answer pass a schema that takes everything.
 */
export async function call<T>(ctx: Context, operation: Operation, request: ApiRequest<T>): Promise<T> {
  return (await callWithHeaders(ctx, operation, request)).data;
}

/** The same, for who needs a header of the answer. */
export async function callWithHeaders<T>(
  ctx: Context,
  operation: Operation,
  request: ApiRequest<T>,
): Promise<{ data: T; headers: Record<string, string> }> {
  let { response, error } = await exchange(ctx, operation, request);
  if (error?.type === 'misdirected_request' && error.region !== undefined) {
    const headers = { ...request.headers, 'x-region': error.region };
    ({ response, error } = await exchange(ctx, operation, { ...request, headers }));
  }
  if (error !== undefined || response.status < 200 || response.status > 299) {
    throw failureOf(operation, response, error, ctx.now());
  }
  const parsed = request.answer.safeParse(answerOf(response.body));
  if (parsed.success) return { data: parsed.data, headers: response.headers };
  const reason = 'the answer has not the documented form';
  throw new LivechatError({ operation, kind: 'protocol', reason, status: response.status, cause: parsed.error });
}

/** With the personal access token: Agent Chat API and Configuration API. `what`: for example `agent/send_event`. */
export async function agentCall<T>(
  ctx: Context,
  operation: Operation,
  what: `${'agent' | 'configuration'}/${string}`,
  body: unknown,
  answer: ZodType<T>,
): Promise<T> {
  const { accountId, token } = ctx.config;
  if (accountId === undefined || token === undefined) {
    const field = token === undefined ? 'token' : 'accountId';
    throw new LivechatError({ operation, kind: 'auth', field, reason: 'no personal access token is configured' });
  }
  const credentials = Buffer.from(`${accountId}:${token}`, 'utf8').toString('base64');
  const url = apiUrl(ctx, what.replace('/', '/action/'));
  try {
    return await call(ctx, operation, { url, headers: { authorization: `Basic ${credentials}` }, body, answer });
  } catch (error) {
    throw error instanceof LivechatError && error.kind === 'auth' ? error.at('token') : error;
  }
}

/** `path`: below the version, for example `customer/action/send_event`. */
export const apiUrl = (ctx: Context, path: string): string => `${addressesOf(ctx.config).api}/${API_VERSION}/${path}`;

async function exchange<T>(
  ctx: Context,
  operation: Operation,
  request: ApiRequest<T>,
): Promise<{ response: HttpResponse; error: ErrorBody | undefined }> {
  const { method = 'POST', url, headers, body } = request;
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method,
      url,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: TIMEOUT_MS,
      signal: ctx.signal,
    });
  } catch (error) {
    throw new LivechatError({ operation, ...noResponse(error) });
  }
  const error = errorBodyOf(answerOf(response.body));
  const { status, elapsedMs } = response;
  // Not the vendor's own words: they may quote what was sent.
  const why = error && { type: error.type };
  ctx.log.debug({ operation, path: new URL(url).pathname, status, elapsedMs, ...why }, 'desk answered');
  return { response, error };
}

/** An empty body is an empty object: methods without an answer may send either (section 3). */
const answerOf = (body: string): unknown => (body.trim() === '' ? {} : jsonOf(body));
