import { z, type ZodType } from 'zod';
import { retryAfterMs } from '../../http/retry-after.ts';
import { addressesOf } from './config.ts';
import { failureOf, isCode, ZohoError } from './errors.ts';
import { answerOf, type Context, exchange } from './exchange.ts';
import { accessToken } from './oauth.ts';

export type { Context } from './exchange.ts';

export type Operation = 'open' | 'send' | 'close' | 'verify' | 'subscribe' | 'recent';

export interface ApiRequest<T> {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `v2`: REST API, `visitor/v1`: Visitor API. */
  api?: 'v2' | 'visitor/v1';
  /** Below the screen name, with its query. */
  path: string;
  body?: unknown;
  /** Of the field `data`. */
  answer: ZodType<T>;
}

/** For calls without a documented answer: 204 counts as well (note, section 5.2). */
export const NOTHING = z.unknown();

const errorBody = z.object({
  error: z.object({ code: z.coerce.number(), message: z.string().catch('') }),
});
const envelope = z.object({ data: z.unknown() });

/** One call. An error is told by its body, also with status 200; a refused token is renewed once. */
export async function call<T>(ctx: Context, operation: Operation, request: ApiRequest<T>): Promise<T> {
  const token = await accessToken(ctx, operation);
  try {
    return await callWith(ctx, operation, request, token);
  } catch (error) {
    if (!isCode(error, 1008)) throw error;
    return await callWith(ctx, operation, request, await accessToken(ctx, operation, { refused: token }));
  }
}

async function callWith<T>(ctx: Context, operation: Operation, request: ApiRequest<T>, token: string): Promise<T> {
  const { method = 'POST', api = 'v2', path, body, answer } = request;
  const url = `${addressesOf(ctx.config).api}/${api}/${encodeURIComponent(ctx.config.screenName)}/${path}`;
  const response = await exchange(ctx, operation, {
    method,
    url,
    headers: {
      authorization: `Zoho-oauthtoken ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { status, headers, elapsedMs } = response;
  const json = answerOf(response.body);
  const error = errorBody.safeParse(json).data?.error;
  // Not the vendor's own words: they may quote what was sent.
  const why = error && { code: error.code };
  ctx.log.debug({ operation, path: new URL(url).pathname, status, elapsedMs, ...why }, 'desk answered');
  if (error !== undefined || status < 200 || status > 299) {
    throw failureOf({ operation, status, error, waitMs: retryAfterMs(headers, ctx.now()) });
  }
  const parsed = answer.safeParse(envelope.safeParse(json).data?.data);
  if (parsed.success) return parsed.data;
  const reason = 'the answer has not the documented form';
  throw new ZohoError({ operation, kind: 'protocol', reason, status, cause: parsed.error });
}
