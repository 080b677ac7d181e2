import type { FastifyRequest } from 'fastify';
import type { Store } from '../activities/store/store.ts';
import { ApiError, notFound } from './errors.ts';
import { changesNothing, crossOrigin, hasCookie, isSameOrigin, sameSecret, sessionOf } from './session.ts';

/** Who calls. A bot's key sees and changes only what belongs to its bot. */
export type Principal = { kind: 'operator' } | { kind: 'bot'; botId: string; keyId: string };

export type KeyCheck =
  | { ok: true; principal: Principal }
  | { ok: false; reason: 'unknown' | 'api_disabled' | 'cross_origin' };

export interface Auth {
  /** Checks the request's `Authorization: Bearer` key; without one, the session's cookie, which is the operator. */
  check(request: FastifyRequest): Promise<KeyCheck>;
  /** Throws 401 for an unknown key, 403 for a bot whose API is switched off and for a foreign page with our cookie. */
  authenticate(request: FastifyRequest): Promise<Principal>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every address that asks for a key; reading it elsewhere is a mistake in the route. */
    principal: Principal | null;
  }
}

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

export const bearerKey = (request: FastifyRequest): string | undefined =>
  BEARER.exec(request.headers.authorization ?? '')?.[1];

export function createAuth(config: { operatorKey: string; publicUrl: string }, store: Store): Auth {
  function checkSession(request: FastifyRequest): KeyCheck {
    if (sessionOf(request) === undefined) return { ok: false, reason: 'unknown' };
    const { origin } = request.headers;
    const isTrusted = origin !== undefined && origin === request.routeOptions.config.trustedOrigin;
    if (!changesNothing(request) && !isTrusted && !isSameOrigin(request, config.publicUrl)) {
      return { ok: false, reason: 'cross_origin' };
    }
    return { ok: true, principal: { kind: 'operator' } };
  }

  async function check(request: FastifyRequest): Promise<KeyCheck> {
    if (hasCookie(request)) return checkSession(request);
    const key = bearerKey(request);
    if (key === undefined) return { ok: false, reason: 'unknown' };
    if (sameSecret(key, config.operatorKey)) return { ok: true, principal: { kind: 'operator' } };
    const found = await store.keys.verify(key);
    if (found === undefined) return { ok: false, reason: 'unknown' };
    if (!found.apiEnabled) return { ok: false, reason: 'api_disabled' };
    return { ok: true, principal: { kind: 'bot', botId: found.botId, keyId: found.keyId } };
  }

  return {
    check,
    async authenticate(request) {
      const result = await check(request);
      if (result.ok) return result.principal;
      if (result.reason === 'api_disabled') {
        throw new ApiError(403, 'api_disabled', 'The API of this bot is switched off (apiEnabled).');
      }
      throw result.reason === 'cross_origin' ? crossOrigin() : unauthorized();
    },
  };
}

export const unauthorized = (): ApiError =>
  new ApiError(401, 'unauthorized', 'Send a known key as Authorization: Bearer <key>.', {
    headers: { 'www-authenticate': 'Bearer' },
  });

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.routeOptions.url} answers without a key check`);
  return request.principal;
}

export const maySee = (principal: Principal, botId: string): boolean =>
  principal.kind === 'operator' || principal.botId === botId;

/** Refuses another bot as if it did not exist. */
export function requireBot(request: FastifyRequest, botId: string): void {
  if (!maySee(principalOf(request), botId)) throw notFound('bot');
}

/** Of which bot something is asked, all bots without one: a bot's key asks for its own, named or not. */
export function askedBot(request: FastifyRequest, botId: string | undefined): string | undefined {
  const principal = principalOf(request);
  if (botId !== undefined) requireBot(request, botId);
  return botId ?? (principal.kind === 'bot' ? principal.botId : undefined);
}

/** For what a bot's key may not do even to its own bot: make keys, delete the bot. */
export function requireOperator(request: FastifyRequest): void {
  if (principalOf(request).kind !== 'operator') {
    throw new ApiError(403, 'operator_only', 'Only the operator may do this.');
  }
}
