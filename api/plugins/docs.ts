import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fp from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

const DESCRIPTION = `Baton takes a conversation from an AI bot and puts a human agent of a help desk behind it.

All addresses take \`Authorization: Bearer <key>\`: the operator's key may do all, a bot's key only what belongs to that
bot. Ids are opaque strings, times are ISO 8601 UTC. Errors: \`{ "error": { "code", "message", "details"?, "requestId" } }\`;
every field that is wrong is named at once. 429 and 503 carry \`Retry-After\`.`;

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="110" height="40" viewBox="0 0 110 40">
<rect x="2" y="17" width="26" height="7" rx="3.5" fill="#85ea2d" transform="rotate(-35 15 20)"/>
<text x="36" y="28" font-family="sans-serif" font-size="24" font-weight="700" fill="#fff">Baton</text></svg>`;

/** By name: the registry's order is that in which modules happened to load, and the stored document must not depend on it. */
function inOrder(document: ReturnType<typeof jsonSchemaTransformObject>): typeof document {
  const components = 'components' in document ? document.components : undefined;
  if (components?.schemas) {
    components.schemas = Object.fromEntries(Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return document;
}

/** Collects the routes: register before them. */
export const docs = fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Baton', version: '1', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      tags: [
        { name: 'handoffs', description: 'Start a handoff, talk, end it.' },
        { name: 'conversations', description: "Native mode: conversations in the desk's own messenger." },
        { name: 'events', description: 'The journal, as JSON and as live streams.' },
        { name: 'bots', description: 'Settings, service status and keys of a bot.' },
        { name: 'users', description: "One user's data: export and erasure." },
        { name: 'session', description: "The operator's browser: console and playground." },
        { name: 'desk', description: 'What a help desk calls.' },
        { name: 'operations', description: 'Probes, metrics, payload codec of the Temporal UI.' },
      ],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: "The operator's key or a bot's key." },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'baton_session',
            description: 'The operator, after POST /v1/session.',
          },
        },
      },
      security: [{ key: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => inOrder(jsonSchemaTransformObject(document)),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    logo: { type: 'image/svg+xml', content: Buffer.from(LOGO) },
    // The default asks a server on the internet whether the document is valid.
    uiConfig: { validatorUrl: null, docExpansion: 'list', deepLinking: true },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
