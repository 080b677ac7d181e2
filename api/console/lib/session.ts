import { call, session } from './api.ts';

/**
 * Signs in with the key that `npm start` puts behind the `#` of its link, or with the cookie of an earlier visit. The key
 * leaves the address bar at once.
 */
export async function resume(): Promise<void> {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key !== undefined) history.replaceState(null, '', location.pathname + location.search);
  try {
    if (key === undefined) await call('GET', '/v1/session');
    else await call('POST', '/v1/session', { key: decodeURIComponent(key) });
    session.value = 'in';
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
