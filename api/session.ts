import { hkdfSync, randomBytes, timingSafeEqual, createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from './errors.ts';

export const SESSION_COOKIE = 'baton_session';
const LIFETIME_MS = 12 * 3_600_000;

/** What signs the cookies: another operator key makes all of them void, in every process. */
export const sessionSecret = (operatorKey: string): Buffer =>
  Buffer.from(hkdfSync('sha256', operatorKey, '', 'baton session cookie 1', 32));

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether two secrets are the same, in a time that tells nothing about either. */
export const sameSecret = (one: string, other: string): boolean => timingSafeEqual(sha256(one), sha256(other));

export interface Session {
  /** Unlike any other session's. */
  id: string;
  expiresAtMs: number;
}

/** The session that a request may use; undefined when it has a key of its own, or no cookie that is good now. */
export function sessionOf(request: FastifyRequest): Session | undefined {
  const cookie = cookieOf(request);
  if (cookie === undefined) return undefined;
  const { valid, value } = request.unsignCookie(cookie);
  if (!valid) return undefined;
  const [expiresAt = '', id = ''] = value.split('~');
  const expiresAtMs = Number(expiresAt);
  return expiresAtMs > Date.now() ? { id, expiresAtMs } : undefined;
}

/** Whether the request relies on the cookie, a good one or not. One with a key never does. */
export const hasCookie = (request: FastifyRequest): boolean => cookieOf(request) !== undefined;

const cookieOf = ({ headers, cookies }: FastifyRequest): string | undefined =>
  headers.authorization === undefined ? cookies[SESSION_COOKIE] : undefined;

/** Stateless: the value holds its end, so every process knows it. */
export function beginSession(reply: FastifyReply, secure: boolean): void {
  const value = `${Date.now() + LIFETIME_MS}~${randomBytes(12).toString('base64url')}`;
  void reply.setCookie(SESSION_COOKIE, value, { ...ATTRIBUTES, secure, signed: true, maxAge: LIFETIME_MS / 1_000 });
}

export const endSession = (reply: FastifyReply): void => void reply.clearCookie(SESSION_COOKIE, ATTRIBUTES);

const ATTRIBUTES = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

/**
 * Whether a page of ours has made the request. Ours are the public address, and the very address that was called over
 * plain HTTP (`localhost` and `127.0.0.1` are two). `null`, and a request that does not say where it comes from, are not;
 * nor is plain HTTP under a public name that has HTTPS: whoever sits on the line can write such a page.
 */
export function isSameOrigin({ headers }: FastifyRequest, publicUrl: string): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return headers['sec-fetch-site'] === 'same-origin';
  const ours = new URL(publicUrl);
  if (origin === ours.origin) return true;
  const called = host?.toLowerCase() ?? '';
  return origin === `http://${called}` && (ours.protocol === 'http:' || called !== ours.host);
}

export const changesNothing = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD';

export const crossOrigin = (): ApiError =>
  new ApiError(
    403,
    'cross_origin',
    'A session changes something only from a page of ours. Behind a proxy, set BATON_PUBLIC_URL to the address that the browser shows.',
  );
