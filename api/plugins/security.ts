import type { IncomingMessage } from 'node:http';

import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/** The library of the docs page writes style attributes of its own. */
const docsStyle = ({ url = '' }: IncomingMessage): string =>
  /^\/docs(?![\w-])/.test(url) ? "'unsafe-inline'" : "'self'";

/**
 * Headers for every answer. One policy fits all: our pages need scripts and styles of our own and nothing else, and JSON
 * needs nothing at all.
 */
export const security = fp<{ publicUrl: string }>(async (app, { publicUrl }) => {
  await app.register(helmet, {
    global: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", docsStyle],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Over plain HTTP browsers ignore it, and on localhost it would follow every other service of the machine.
    strictTransportSecurity: publicUrl.startsWith('https:') ? { maxAge: 31_536_000 } : false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
});
