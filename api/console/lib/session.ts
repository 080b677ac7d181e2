import type { session as sessionSchema } from '../../schemas/session.ts';
import { call, session } from './api.ts';
import { forgetHash } from './router.ts';

type Session = (typeof sessionSchema)['_zod']['output'];

/**
 * Signs in with the key that `npm start` puts behind the `#` of its link, or with the cookie of an earlier visit. The key
 * leaves the address bar at once.
 */
export async function resume(): Promise<void> {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key !== undefined) forgetHash();
  try {
    if (key !== undefined) await call('POST', '/v1/session', { key: decodeURIComponent(key) });
    const { expiresAt } = await call<Session>('GET', '/v1/session');
    session.value = expiresAt === null ? 'out' : 'in';
  } catch {
    session.value = 'out';
  }
}

/** Throws `ApiFailure` for a wrong key. */
export async function signIn(key: string): Promise<void> {
  await call('POST', '/v1/session', { key });
  session.value = 'in';
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/session').catch(() => undefined);
  session.value = 'out';
}
