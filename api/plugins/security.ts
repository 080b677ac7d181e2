import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/** The one style sheet that swagger-ui 5 writes into the docs page; the browser names it when it is another one. */
const DOCS_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

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
        styleSrc: ["'self'", DOCS_STYLE],
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
