import { createHash } from 'node:crypto';
import type { HttpResponse } from '../../http/client.ts';
import { noResponse } from '../../http/desk-errors.ts';
import { fields, jsonOf } from '../../http/json.ts';
import type { DeskContext } from '../desk.ts';
import { hostOf, prefixesOf, type SobotConfig } from './config.ts';
import { fromCode, fromStatus, isStaleToken, isTelling, type Operation, SobotError } from './failures.ts';
import { hashOf, number, text } from './shapes.ts';

export type Context = DeskContext<SobotConfig>;

/** As other clients of this API (sobot section 4). */
const TIMEOUT_MS = 15_000;
const PREFIX_TTL_MS = 30 * 86_400_000;

interface Request {
  method: 'GET' | 'POST';
  /** Below the host. */
  path: string;
  token?: string;
  body?: unknown;
}

/** What an answer carries: `item`, in lists `items`, in some of the APIs `data` (sobot section 4). */
type Payload = unknown;

/**
 * One operation of the live chat API, for example `chat_send`, with the token of this app. A token that is refused is
 * renewed once, and a path that is unknown is tried with the other prefix.
 */
export async function call(
  ctx: Context,
  operation: Operation,
  what: string,
  { body, query = '' }: { body?: unknown; query?: string } = {},
): Promise<Payload> {
  const token = await tokenOf(ctx, operation);
  const request = async (withToken: string): Promise<Payload> =>
    await underPrefix(ctx, (prefix) => {
      const path = `${prefix}/${what}${query}`;
      return exchange(ctx, operation, { method: 'POST', path, token: withToken, body });
    });
  try {
    return await request(token);
  } catch (error) {
    if (!isStaleToken(error)) throw error;
    return await request(await tokenOf(ctx, operation, token));
  }
}

async function underPrefix(ctx: Context, work: (prefix: string) => Promise<Payload>): Promise<Payload> {
  const known = prefixesOf(ctx.config);
  const key = `prefix.${hashOf(hostOf(ctx.config))}`;
  const [first, second] = (await ctx.memory.get<string>(key)) === known[1] ? [known[1], known[0]] : known;
  try {
    return await work(first);
  } catch (error) {
    if (!(error instanceof SobotError && error.status === 404)) throw error;
    const answer = await work(second);
    await ctx.memory.put(key, second, { ttlMs: PREFIX_TTL_MS });
    return answer;
  }
}

interface Token {
  token: string;
  /** Epoch milliseconds. */
  renewAtMs: number;
}

/** What Sobot says at most: valid for a day (sobot section 3). */
const DAY_S = 86_400;

/**
 * One token for all calls of this app: a new one may end the old one, so of many callers one makes it. `refused`: one that
 * must not be used any more.
 */
async function tokenOf(ctx: Context, operation: Operation, refused?: string): Promise<string> {
  const { appId, appKey } = ctx.config;
  if (appId === undefined || appKey === undefined) {
    const field = appId === undefined ? 'appId' : 'appKey';
    throw new SobotError({ operation, kind: 'auth', field, reason: 'no app ID and app key are configured' });
  }
  const isGood = (one: Token): boolean => one.token !== refused && ctx.now() < one.renewAtMs;
  const key = tokenKey(ctx.config);
  const known = await ctx.memory.get<Token>(key);
  if (known && isGood(known)) return known.token;
  const renew = async (now: Token | undefined): Promise<Token> =>
    now && isGood(now) ? now : await newToken(ctx, operation, appId, appKey);
  return (await ctx.memory.update<Token>(key, renew, { ttlMs: DAY_S * 1000 })).token;
}

/** Other credentials at the same place must not get by with the token of the old ones. */
const tokenKey = (config: SobotConfig): string => `token.${hashOf([hostOf(config), config.appId, config.appKey])}`;

/** For checks: a token that the credentials of now have made. */
export async function freshToken(ctx: Context, operation: Operation): Promise<void> {
  const known = await ctx.memory.get<Token>(tokenKey(ctx.config));
  await tokenOf(ctx, operation, known?.token);
}

async function newToken(ctx: Context, operation: Operation, appId: string, appKey: string): Promise<Token> {
  const create_time = String(Math.floor(ctx.now() / 1000));
  // The algorithm is Sobot's.
  const sign = createHash('md5').update(`${appId}${create_time}${appKey}`, 'utf8').digest('hex');
  const query = new URLSearchParams({ appid: appId, create_time, sign }).toString();
  const item = fields(await exchange(ctx, operation, { method: 'GET', path: `/api/get_token?${query}` }));
  const token = text(item['token']);
  if (token === undefined) {
    throw new SobotError({ operation, kind: 'protocol', reason: 'the answer has no token' });
  }
  const lifeS = Math.min(DAY_S, number(item['expires_in'] ?? item['expire']) ?? DAY_S);
  return { token, renewAtMs: ctx.now() + lifeS * 900 };
}

/** Success is `ret_code` 000000 with any 2xx; anything else is an error. */
async function exchange(ctx: Context, operation: Operation, request: Request): Promise<Payload> {
  const { method, path, token, body } = request;
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method,
      url: `${hostOf(ctx.config)}${path}`,
      headers: {
        ...(token !== undefined && { token }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: TIMEOUT_MS,
      signal: ctx.signal,
    });
  } catch (error) {
    throw new SobotError({ operation, ...noResponse(error) });
  }
  const { status, elapsedMs } = response;
  const answer = fields(jsonOf(response.body));
  const code = text(answer['ret_code'] ?? answer['retCode']);
  const pathname = path.split('?')[0];
  ctx.log.debug({ operation, path: pathname, status, elapsedMs, ...(code && { code }) }, 'desk answered');
  const isFine = status >= 200 && status <= 299;
  if (code !== undefined && code !== '000000' && (isFine || isTelling(code))) throw fromCode(operation, code, status);
  if (!isFine) throw fromStatus(operation, response, ctx.now());
  if (code === undefined) {
    throw new SobotError({ operation, kind: 'protocol', reason: 'the answer has not the documented form', status });
  }
  return answer['item'] ?? answer['items'] ?? answer['data'];
}

/** The status word of an answer, which says whether it worked. */
export const statusOf = (payload: Payload): number | undefined => number(fields(payload)['status']);
