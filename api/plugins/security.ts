import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/**
 * Headers for every answer. One policy fits all: the docs page needs scripts and styles of our own and nothing else, and
 * JSON needs nothing at all.
 */
export const security = fp<{ publicUrl: string }>(async (app, { publicUrl }) => {
  await app.register(helmet, {
    global: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
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
