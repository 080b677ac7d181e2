import { DeskError, type DeskErrorKind } from '../../errors.ts';
import { HttpError, type HttpResponse } from '../../http/client.ts';
import { errorsOf, kindOfStatus, noResponse } from '../../http/desk-errors.ts';
import { jsonOf } from '../../http/json.ts';
import { retryAfterMs } from '../../http/retry-after.ts';
import { signStandardWebhook } from '../../http/sign.ts';
import type { DeskContext } from '../desk.ts';
import type { WebhookConfig } from './config.ts';

type Context = DeskContext<WebhookConfig>;
type Operation = 'open' | 'send' | 'close' | 'verify';
const deskError = errorsOf<Operation>('webhook');

/** The contract names none (gptbots-handoff, reading A17); a caller in a hurry gives a shorter signal. */
const TIMEOUT_MS = 10_000;

/**
 * One call of the contract. Success is HTTP 200 without a bad `code` in a JSON body; an empty or unreadable body with 200
 * is success too (reading A16).
 */
export async function call(
  ctx: Context,
  operation: Operation,
  path: string,
  key: string,
  content: Record<string, unknown>,
): Promise<void> {
  const body = JSON.stringify(content);
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    ...basicAuth(ctx.config),
    ...signature(ctx, key, body),
  };
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method: 'POST',
      url: addressOf(ctx.config.url, path),
      headers,
      body,
      timeoutMs: TIMEOUT_MS,
      signal: ctx.signal,
    });
  } catch (error) {
    // A longer answer than anybody reads is an unreadable body.
    if (error instanceof HttpError && error.kind === 'too_large' && error.status === 200) return;
    throw new DeskError({ desk: 'webhook', operation, ...noResponse(error) });
  }
  const answer = parseAnswer(response.body);
  const { status, elapsedMs } = response;
  // Not the desk's own words: they may quote what was sent.
  ctx.log.debug({ operation, status, code: answer?.code, elapsedMs }, 'desk answered');
  if (response.status !== 200) throw fromStatus(ctx, operation, response);
  if (answer?.code !== undefined && answer.code !== 0 && answer.code !== 200) {
    throw deskError(operation, 'unavailable', `the desk answered with code ${answer.code}`, { status: 200 });
  }
}

/**
 * The contract has no call that changes nothing, so this asks for the headers of the base address. Any answer shows that
 * a service is there, except refused credentials and a server error. Returns the HTTP status.
 */
export async function probe(ctx: Context): Promise<number> {
  let response: HttpResponse;
  try {
    response = await ctx.http.request({
      method: 'HEAD',
      url: ctx.config.url,
      headers: { ...basicAuth(ctx.config), ...signature(ctx, `verify.${ctx.now()}`, '') },
      timeoutMs: TIMEOUT_MS,
      signal: ctx.signal,
    });
  } catch (error) {
    throw new DeskError({ desk: 'webhook', operation: 'verify', ...noResponse(error) });
  }
  const { status } = response;
  if (status === 401 || status === 403 || status >= 500) throw fromStatus(ctx, 'verify', response);
  return status;
}

function addressOf(base: string, path: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
  return url;
}

/** Only when one of the two is configured (reading A29). */
function basicAuth({ username, password }: WebhookConfig): Record<string, string> {
  if (username === undefined && password === undefined) return {};
  const credentials = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
  return { authorization: `Basic ${credentials}` };
}

function signature(ctx: Context, id: string, body: string): Record<string, string> {
  const { secret } = ctx.config;
  if (secret === undefined) return {};
  return signStandardWebhook({ secret, id, timestampSeconds: Math.floor(ctx.now() / 1000), body });
}

/** `code` and `message` of an answer, as far as they are there. */
function parseAnswer(body: string): { code?: number; message?: string } | undefined {
  const parsed = jsonOf(body);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { code, message } = parsed as { code?: unknown; message?: unknown };
  return {
    ...(Number.isInteger(code) && { code: code as number }),
    ...(typeof message === 'string' && { message }),
  };
}

function fromStatus(ctx: Context, operation: Operation, response: HttpResponse): DeskError {
  const { status } = response;
  const wait = retryAfterMs(response.headers, ctx.now());
  // 2xx but 200: it may have acted on the call, and did not say so in the way of the contract.
  const kind = status < 300 ? 'protocol' : kindOfStatus(status, wait !== undefined);
  return deskError(operation, kind, REASONS[kind] ?? 'the desk refused the call', {
    status,
    ...(kind === 'rate_limited' && wait !== undefined && { retryAfterMs: wait }),
  });
}

const REASONS: Partial<Record<DeskErrorKind, string>> = {
  auth: 'the desk refused the credentials',
  not_found: 'the desk does not know this address or conversation',
  conflict: 'the desk has this already',
  rate_limited: 'the desk asks us to wait',
  unavailable: 'the desk has failed',
  protocol: 'the desk must answer with status 200',
};
