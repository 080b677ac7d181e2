import { createHash } from 'node:crypto';
import { z } from 'zod';
import { answerOf, type Context, exchange } from './exchange.ts';
import { addressesOf, type ZohoConfig } from './config.ts';
import { ZohoError } from './errors.ts';

/** What a consent left, under `tokens`. */
export interface Tokens {
  /** `org`: the only kind that the Visitor API takes (note, section 0). */
  kind: 'org' | 'user';
  clientId: string;
  region: string;
  refreshToken: string;
  accessToken: string;
  /** Epoch milliseconds. */
  expiresAtMs: number;
  /** With which settings the access token was made: others have to prove themselves. */
  madeWith: string;
  /** Asking again with these settings would be refused again. */
  refused?: { with: string; reason: string; field?: string; atMs: number; forGood: boolean };
  /** Zoho makes no new token before this time. */
  waitUntilMs?: number;
}

const KEY = 'tokens';
/** A token lives an hour. */
const RENEW_MS = 5 * 60_000;
/** A refusal that the operator can end at Zoho is asked for again after this time. */
const REFUSED_MS = 60_000;
/** At most ten access tokens in ten minutes (note, section 3.5). */
const THROTTLED_MS = 10 * 60_000;
const LONGEST_LIFE_S = 86_400;

interface Ask {
  /** A token that must not be used any more. */
  refused?: string;
  /** An operator is waiting: what was refused a moment ago may have been put right. */
  again?: boolean;
}

/** An access token that is good for now. Of many callers without one, one makes the new one, in all processes. */
export async function accessToken(ctx: Context, operation: string, ask: Ask = {}): Promise<string> {
  const isGood = (tokens: Tokens): boolean =>
    tokens.accessToken !== ask.refused &&
    tokens.madeWith === settingsOf(ctx.config) &&
    tokens.expiresAtMs - ctx.now() >= RENEW_MS;
  const known = ownTokens(ctx, operation, await ctx.memory.get<Tokens>(KEY));
  if (isGood(known)) return known.accessToken;
  refuse(ctx, operation, known, ask);
  const renewed = await ctx.memory.update<Tokens>(KEY, async (now) => {
    const tokens = ownTokens(ctx, operation, now);
    return isGood(tokens) || isRefused(ctx, tokens, ask) ? tokens : await renew(ctx, operation, tokens);
  });
  if (isGood(renewed)) return renewed.accessToken;
  refuse(ctx, operation, renewed, {});
  return renewed.accessToken;
}

/** The consent that fits the settings, or why there is none. */
export async function consentOf(ctx: Context, operation: string): Promise<Tokens> {
  return ownTokens(ctx, operation, await ctx.memory.get<Tokens>(KEY));
}

function ownTokens(ctx: Context, operation: string, tokens: Tokens | undefined): Tokens {
  const { clientId, region } = ctx.config;
  if (tokens?.clientId === clientId && tokens.region === region) return tokens;
  const reason =
    tokens === undefined
      ? 'nobody has given the consent at Zoho yet: begin it in the settings of the bot'
      : 'the consent was given for another client ID or region: give it again';
  throw new ZohoError({ operation, kind: 'auth', reason });
}

/** The secret's hash changes with it, and says nothing of it: tokens lie encrypted beside. */
const settingsOf = ({ clientId, clientSecret, region }: ZohoConfig): string =>
  createHash('sha256')
    .update(JSON.stringify([clientId, clientSecret, region]))
    .digest('hex');

function isRefused(ctx: Context, { refused, waitUntilMs = 0 }: Tokens, { again = false }: Ask): boolean {
  if (waitUntilMs > ctx.now()) return true;
  if (again || refused?.with !== settingsOf(ctx.config)) return false;
  return refused.forGood || refused.atMs + REFUSED_MS > ctx.now();
}

/** Without a call: a refusal must not become a storm of them. */
function refuse(ctx: Context, operation: string, tokens: Tokens, ask: Ask): void {
  if (!isRefused(ctx, tokens, ask)) return;
  const waitMs = (tokens.waitUntilMs ?? 0) - ctx.now();
  if (waitMs > 0) {
    const reason = 'Zoho makes no more tokens for ten minutes';
    throw new ZohoError({ operation, kind: 'rate_limited', reason, retryAfterMs: waitMs });
  }
  const { reason = '', field } = tokens.refused ?? {};
  throw new ZohoError({ operation, kind: 'auth', reason, ...(field && { field }) });
}

async function renew(ctx: Context, operation: string, tokens: Tokens): Promise<Tokens> {
  const { refused: _, waitUntilMs: __, ...kept } = tokens;
  const answer = await askForToken(ctx, operation, {
    grant_type: 'refresh_token',
    refresh_token: tokens.refreshToken,
  });
  switch (answer.is) {
    case 'granted':
      return { ...kept, ...madeOf(ctx, answer), ...(answer.refresh_token && { refreshToken: answer.refresh_token }) };
    case 'throttled':
      return { ...tokens, waitUntilMs: ctx.now() + THROTTLED_MS };
    case 'refused': {
      const { reason, field, forGood } = answer;
      const refused = { with: settingsOf(ctx.config), reason, ...(field && { field }), atMs: ctx.now(), forGood };
      return { ...kept, refused };
    }
  }
}

/** The code is good for a minute and once. */
export async function exchangeCode(
  ctx: Context,
  kind: Tokens['kind'],
  { code, redirectUri }: { code: string; redirectUri: string },
): Promise<void> {
  const operation = 'consent';
  const answer = await askForToken(ctx, operation, {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code,
  });
  if (answer.is === 'throttled') {
    const reason = 'Zoho makes no more tokens for ten minutes';
    throw new ZohoError({ operation, kind: 'rate_limited', reason, retryAfterMs: THROTTLED_MS });
  }
  if (answer.is === 'refused') {
    const { reason, field } = answer;
    throw new ZohoError({ operation, kind: 'auth', reason, ...(field && { field }) });
  }
  if (answer.refresh_token === undefined) {
    const reason = 'Zoho gave no refresh token: remove the access of this app in your Zoho account and begin again';
    throw new ZohoError({ operation, kind: 'rejected', reason });
  }
  const { clientId, region } = ctx.config;
  const tokens: Tokens = { kind, clientId, region, refreshToken: answer.refresh_token, ...madeOf(ctx, answer) };
  // Under the lock: a renewal of the consent before that is under way would write its own over this one.
  await ctx.memory.update<Tokens>(KEY, async () => tokens);
}

const granted = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional().catch(undefined),
  expires_in_sec: z.coerce.number().positive().optional().catch(undefined),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});
const refusal = z.object({ error: z.string().min(1), error_description: z.string().catch('') });

type TokenAnswer =
  | ({ is: 'granted' } & z.output<typeof granted>)
  | { is: 'throttled' }
  | { is: 'refused'; reason: string; field?: string; forGood: boolean };

function madeOf(ctx: Context, { access_token, expires_in_sec, expires_in = 3600 }: z.output<typeof granted>) {
  const seconds = expires_in_sec ?? expires_in;
  // Some of Zoho's servers give milliseconds (note, section 3.4).
  const lifeMs = seconds > LONGEST_LIFE_S ? seconds : seconds * 1000;
  return { accessToken: access_token, expiresAtMs: ctx.now() + lifeMs, madeWith: settingsOf(ctx.config) };
}

/** Reports failures with status 200 too: only a token is a success (note, section 3.6). */
async function askForToken(ctx: Context, operation: string, grant: Record<string, string>): Promise<TokenAnswer> {
  const { clientId, clientSecret } = ctx.config;
  const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...grant }).toString();
  const url = `${addressesOf(ctx.config).accounts}/oauth/v2/token`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await exchange(ctx, operation, { method: 'POST', url, headers, body }).catch((error: unknown) => {
    // Whatever came of it, the call that needs the token has not been made.
    if (!(error instanceof ZohoError) || !error.unclear) throw error;
    throw new ZohoError({ operation, kind: 'unavailable', reason: 'Zoho gave no answer about a token', cause: error });
  });
  const { status } = response;
  const json = answerOf(response.body);
  const success = granted.safeParse(json);
  if (status < 300 && success.success) return { is: 'granted', ...success.data };
  const { error = '', error_description = '' } = refusal.safeParse(json).data ?? {};
  ctx.log.debug({ operation, path: new URL(url).pathname, status, why: error.slice(0, 60) }, 'no token');
  if (status === 429 || /access denied|too many/i.test(`${error} ${error_description}`)) return { is: 'throttled' };
  if (status < 500 && error !== '') return { is: 'refused', ...wordsOf(error) };
  throw new ZohoError({ operation, kind: 'unavailable', status, reason: 'Zoho gave no token and no reason' });
}

function wordsOf(error: string): { reason: string; field?: string; forGood: boolean } {
  switch (error) {
    case 'invalid_code':
      return { reason: 'Zoho has withdrawn the consent, or its code is used or too old: give it again', forGood: true };
    case 'invalid_client':
      return {
        reason: 'Zoho does not know this client ID in this region: check both',
        field: 'clientId',
        forGood: false,
      };
    case 'invalid_client_secret':
      return { reason: 'Zoho refused the client secret', field: 'clientSecret', forGood: false };
    case 'invalid_redirect_uri':
      return { reason: 'the redirect URI of the client in the API console is not our address', forGood: false };
    default:
      return { reason: `Zoho gave no token (${error.replaceAll(/[^\w .-]/g, '').slice(0, 60)})`, forGood: false };
  }
}
