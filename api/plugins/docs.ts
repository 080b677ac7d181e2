import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fp from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ERROR_ANSWERS } from '../schemas/common.ts';

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

type Document = ReturnType<typeof jsonSchemaTransformObject>;
/** What the document says of one operation, as far as it is completed here. */
interface Operation {
  parameters?: { in: string }[];
  requestBody?: { required?: boolean };
  responses: Record<string, unknown>;
}

const BODY_ERRORS = [400, 413, 415] as const;

/** A desk's contract names its own answers. */
const hasOwnWords = ({ 400: refusal }: Operation['responses']): boolean =>
  refusal !== undefined && !JSON.stringify(refusal).includes('schemas/Error"');

const withoutContent = (operation: Operation): Operation => {
  const bare = structuredClone(operation);
  for (const answer of Object.values(bare.responses)) delete (answer as { content?: unknown }).content;
  return bare;
};

/** Adds what every route with parameters or a body may answer; `optional` names those whose body may be left out. */
function complete(document: Document, optional: ReadonlySet<string>): Document {
  const paths = ('paths' in document ? document.paths : undefined) ?? {};
  for (const [path, methods] of Object.entries(paths) as [string, Record<string, Operation>][]) {
    // The methods of one route share what they answer.
    if (methods['head']) methods['head'] = withoutContent(methods['head']);
    for (const [method, { parameters, requestBody, responses }] of Object.entries(methods)) {
      const addressed = parameters?.some((one) => one.in !== 'header') ?? false;
      const possible = requestBody && !hasOwnWords(responses) ? BODY_ERRORS : addressed ? [400] : [];
      for (const status of possible) responses[status] ??= structuredClone(ERROR_ANSWERS[status as 400 | 413 | 415]);
      if (requestBody && optional.has(`${method} ${path}`)) requestBody.required = false;
    }
  }
  return document;
}

/** Collects the routes: register before them. */
export const docs = fp(async (app) => {
  const optional = new Set<string>();
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
    transform: (input) => {
      const { body } = (input.schema ?? {}) as { body?: z.ZodType };
      const path = input.url.replaceAll(/:(\w+)/g, '{$1}');
      if (body?.safeParse(undefined).success === true)
        optional.add(`${String(input.route.method).toLowerCase()} ${path}`);
      return jsonSchemaTransform(input);
    },
    transformObject: (document) => inOrder(complete(jsonSchemaTransformObject(document), optional)),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    logo: { type: 'image/svg+xml', content: Buffer.from(LOGO) },
    // The default asks a server on the internet whether the document is valid.
    uiConfig: { validatorUrl: null, docExpansion: 'list', deepLinking: true },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
