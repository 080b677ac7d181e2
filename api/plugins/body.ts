import type { FastifyBodyParser, FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { unprintable } from '../../activities/http/json.ts';
import { ApiError } from '../errors.ts';

/**
 * JSON whose strings PostgreSQL can store. NUL and halves of surrogate pairs are legal in JSON and refused by `text` and
 * `jsonb`; one of them in a message would block a journal for ever. They become U+FFFD.
 */
export const body = fp(async (app: FastifyInstance) => {
  // The only such character that an address can bring. An id with it is an unknown id.
  app.addHook('onRequest', async (request) => {
    if (request.raw.url?.includes('%00') !== true) return;
    request.params = storable(request.params);
    request.query = storable(request.query);
  });

  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, storableJson(app));
});

/** A body that is `null`. Fastify gives null for no body at all, and some addresses take that. */
export const NULL_BODY = Symbol('null');

/** Parses JSON of any content type. */
export function storableJson(app: FastifyInstance): FastifyBodyParser<string> {
  const parse = app.getDefaultJsonParser('error', 'error') as (
    request: FastifyRequest,
    text: string,
    done: (error: Error | null, value?: unknown) => void,
  ) => void;
  return (request: FastifyRequest, payload: unknown, done: (error: Error | null, value?: unknown) => void) => {
    const text = String(payload);
    if (isEncoded(request)) {
      return done(new ApiError(415, 'unsupported_media_type', 'Send the body as it is, without content-encoding.'));
    }
    // DELETE and POST without a body often carry the content type all the same.
    if (text.length === 0) return done(null, undefined);
    if (isTooDeep(text)) return done(new ApiError(400, 'invalid_request', `JSON may be nested ${MAX_DEPTH} deep.`));
    parse(request, text, (error, value) => {
      if (error === null && value === null) return done(null, NULL_BODY);
      if (error === null && unprintable(text, value).length > 0) {
        return done(new ApiError(400, 'invalid_request', 'JSON may have no key "toString".'));
      }
      // Only an escape can bring such a character: raw control bytes are no JSON, and decoding repairs bad UTF-8.
      done(error, error === null && text.includes('\\u') ? storable(value) : value);
    });
  };
}

const isEncoded = ({ headers }: FastifyRequest): boolean =>
  (headers['content-encoding'] ?? '').split(',').some((one) => !['', 'identity'].includes(one.trim().toLowerCase()));

/** Deeper JSON would exhaust the stack here or in PostgreSQL. */
const MAX_DEPTH = 64;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === ']' || char === '}') depth -= 1;
  }
  return false;
}

// oxlint-disable-next-line no-control-regex -- NUL is what it is about
const NOT_STORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A copy of a JSON value with every string, keys too, made storable. */
export function storable<T>(value: T): T;
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(NOT_STORABLE, '\ufffd');
  if (Array.isArray(value)) return value.map((item) => storable(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storable(key), storable(item)]));
}
