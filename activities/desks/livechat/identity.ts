import { z, type ZodType } from 'zod';
import { apiUrl, call, callWithHeaders, type Context, type Operation } from './client.ts';
import { addressesOf } from './config.ts';
import { isLivechat, LivechatError } from './failures.ts';

/** A customer of LiveChat: the user of one conversation of the bot. */
interface Identity {
  organizationId: string;
  /** `author_id` of all that this customer writes. */
  entityId: string;
  /** Newest value of the cookie `__lc_cst`. */
  secret: string;
  token: string;
  /** Epoch milliseconds. */
  expiresAtMs: number;
}

/** A customer who is allowed to speak, with a token that is renewed when it is refused. */
export interface Customer {
  call<T>(action: string, body: unknown, answer: ZodType<T>): Promise<T>;
}

const PROBE = 'probe';
const RENEW_MS = 10 * 60_000;
/** The cookies live two years and every grant extends them (livechat section 2). */
const COOKIES_MS = 63_072_000_000;

const granted = z.object({
  access_token: z.string().min(1),
  entity_id: z.string().min(1),
  expires_in: z.number().positive(),
});

/** For checks: the settings as they are now make the token, and nothing hangs on who the customer is. */
export async function probeOf(ctx: Context): Promise<Customer> {
  const known = await ctx.memory.get<Identity>(`identity.${PROBE}`);
  return await customerOf(ctx, 'verify', PROBE, known?.token);
}

/** `name`: the conversation of the bot. `refused`: a token that must not be used any more. */
export async function customerOf(
  ctx: Context,
  operation: Operation,
  name: string,
  refused?: string,
): Promise<Customer> {
  let identity = await identityOf(ctx, operation, name, refused);
  const send = <T>(action: string, body: unknown, answer: ZodType<T>): Promise<T> =>
    call(ctx, operation, {
      url: `${apiUrl(ctx, `customer/action/${action}`)}?${organization(ctx)}`,
      headers: { authorization: `Bearer ${identity.token}` },
      body,
      answer,
    });
  return {
    async call(action, body, answer) {
      try {
        return await send(action, body, answer);
      } catch (error) {
        if (!isLivechat(error, 'authentication')) throw error;
        identity = await identityOf(ctx, operation, name, identity.token);
        return await send(action, body, answer);
      }
    },
  };
}

export const organization = (ctx: Context): string =>
  new URLSearchParams({ organization_id: ctx.config.organizationId }).toString();

/** Of many callers that find no good token one makes the new one. */
async function identityOf(ctx: Context, operation: Operation, name: string, refused?: string): Promise<Identity> {
  const key = `identity.${name}`;
  const isGood = (known: Identity): boolean =>
    known.organizationId === ctx.config.organizationId &&
    known.token !== refused &&
    known.expiresAtMs - ctx.now() >= RENEW_MS;
  const known = await ctx.memory.get<Identity>(key);
  if (known && isGood(known)) return known;
  const renew = async (now: Identity | undefined): Promise<Identity> => {
    if (now && isGood(now)) return now;
    const same = now?.organizationId === ctx.config.organizationId ? now : undefined;
    const made = await grant(ctx, operation, same);
    if (same === undefined || same.entityId === made.entityId || name === PROBE) return made;
    // A new handoff may begin with a new customer; in the middle of one his chat would be lost without a word.
    if (operation === 'open') {
      ctx.log.warn('LiveChat has forgotten a customer: a new one begins');
      return made;
    }
    const reason = 'LiveChat did not recognise the customer and made another one';
    throw new LivechatError({ operation, kind: 'protocol', reason });
  };
  return await ctx.memory.update<Identity>(key, renew, { ttlMs: COOKIES_MS });
}

/** The cookie grant. Without `known` LiveChat makes a new customer. */
async function grant(ctx: Context, operation: Operation, known: Identity | undefined): Promise<Identity> {
  const { organizationId, clientId } = ctx.config;
  const { data, headers } = await callWithHeaders(ctx, operation, {
    url: `${addressesOf(ctx.config).accounts}/v2/customer/token`,
    ...(known && { headers: { cookie: `__lc_cid=${known.entityId}; __lc_cst=${known.secret}` } }),
    body: {
      grant_type: 'cookie',
      client_id: clientId,
      organization_id: organizationId,
      redirect_uri: ctx.publicUrl,
      response_type: 'token',
    },
    answer: granted,
  });
  const secret = cookieOf(headers['set-cookie'] ?? '', '__lc_cst') ?? known?.secret;
  if (secret === undefined) {
    throw new LivechatError({ operation, kind: 'protocol', reason: 'the answer has no cookie __lc_cst' });
  }
  return {
    organizationId,
    entityId: data.entity_id,
    secret,
    token: data.access_token,
    expiresAtMs: ctx.now() + data.expires_in * 1000,
  };
}

/** Several headers come joined by `, `, and a date in them has a comma too: a name begins a cookie only at a border. */
export function cookieOf(joined: string, name: string): string | undefined {
  return new RegExp(`(?:^|,\\s*)${name}=([^;,\\s]+)`).exec(joined)?.[1];
}
