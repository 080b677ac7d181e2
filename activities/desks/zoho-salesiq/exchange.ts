import type { HttpResponse } from '../../http/client.ts';
import { noResponse } from '../../http/desk-errors.ts';
import { jsonOf } from '../../http/json.ts';
import type { DeskContext } from '../desk.ts';
import type { ZohoConfig } from './config.ts';
import { ZohoError } from './errors.ts';

export type Context = DeskContext<ZohoConfig>;

const TIMEOUT_MS = 10_000;

/** An empty body is an answer without data; `undefined` is no JSON. */
export const answerOf = (body: string): unknown => (body.trim() === '' ? {} : jsonOf(body));

/** Throws a `ZohoError` for what is no answer at all. */
export async function exchange(
  ctx: Context,
  operation: string,
  request: { method: string; url: string; headers: Record<string, string>; body?: string },
): Promise<HttpResponse> {
  try {
    return await ctx.http.request({ ...request, timeoutMs: TIMEOUT_MS, signal: ctx.signal });
  } catch (error) {
    throw new ZohoError({ operation, ...noResponse(error) });
  }
}
