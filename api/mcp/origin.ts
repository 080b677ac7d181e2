import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { crossOrigin, isSameOrigin } from '../session.ts';

/**
 * Throws 403 for a browser on a page that is not ours: another site's, or one whose name was made to point at us (DNS
 * rebinding). Programs send neither header and are known by their key; the name by which they reach us is their own
 * affair, because proxies change it.
 */
export function refuseForeignPages(request: FastifyRequest, publicUrl: string): void {
  const { origin, host = '' } = request.headers;
  if (origin === undefined && request.headers['sec-fetch-site'] === undefined) return;
  const ours = new URL(publicUrl);
  if (origin === ours.origin) return;
  if (!isSameOrigin(request, publicUrl) || !(host === ours.host || cannotBeRebound(host))) throw crossOrigin();
}

/** What is typed in by number, or is this machine, cannot be made to point elsewhere. */
function cannotBeRebound(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}
