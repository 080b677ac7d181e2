import type { FastifyRequest } from 'fastify';
import type { SandboxOperation } from '../desk-sandbox.ts';
import { jsonOf, type Served } from '../shell.ts';
import type { Grant } from './grants.ts';
import { type Conversation, type Fields, isFields, SiqError } from './model.ts';
import type { World } from './world.ts';

/** One call of the REST or Visitor API, after its token and scope were found good. */
export interface Call {
  request: FastifyRequest;
  /** As in `:id` of the path. */
  params: Record<string, string>;
  query: Record<string, string>;
  grant: Grant;
  /** Path as SalesIQ says it in its answers. */
  url: string;
}

export interface Route {
  method: string;
  /** Behind the screen name: `conversations/:id/close`. */
  path: string;
  /** For example `conversations.READ`. */
  scope: string;
  operation?: SandboxOperation;
  run(call: Call): Served | Promise<Served>;
}

/** The values of `:name` in the path; undefined: another path. */
export function matched(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = decodeURIComponent(given[index] ?? '');
    if (part.startsWith(':')) params[part.slice(1)] = value;
    else if (part !== value) return undefined;
  }
  return params;
}

export const one = ({ url }: Call, object: string, data: unknown): Served => ({ body: { url, object, data } });

export const list = (world: World, { url }: Call, data: unknown[], more: Fields = {}): Served => ({
  body: { url, object: 'list', ...more, data, sync_time: String(world.now()) },
});

/** The JSON of a call. */
export function bodyOf({ request }: Call): Fields {
  if (!contentType(request).startsWith('application/json')) throw new SiqError(1054, { header: 'Content-Type' });
  const body = jsonOf(request);
  if (!isFields(body)) throw new SiqError(1015);
  return body;
}

const contentType = ({ headers }: FastifyRequest): string => headers['content-type'] ?? '';

const MAX_FILE_BYTES = 50 * 1024 * 1024;
/** Above SalesIQ's own limit, so that it is SalesIQ's words that refuse. */
export const BODY_LIMIT = MAX_FILE_BYTES + 1024 * 1024;

/** What a message call says: a text, or a file with a comment. */
export async function messageOf(call: Call): Promise<{ text: string; file?: { name: string; contentType: string } }> {
  if (!contentType(call.request).startsWith('multipart/form-data')) {
    const { text } = bodyOf(call);
    if (text === undefined || text === '') throw new SiqError(1015, { json_key: 'text' });
    if (typeof text !== 'string') throw new SiqError(1007, { json_key: 'text' });
    return { text };
  }
  const bytes = new Uint8Array(call.request.body as Buffer);
  const headers = { 'content-type': contentType(call.request) };
  const form = await new Response(bytes, { headers }).formData().catch(() => undefined);
  const file = form?.get('file');
  if (!(file instanceof File)) throw new SiqError(1015, { json_key: 'file' });
  if (file.size === 0) throw new SiqError(1018);
  if (file.size > MAX_FILE_BYTES) throw new SiqError(1027);
  const comment = form?.get('comment');
  const text = typeof comment === 'string' ? comment : '';
  return { text, file: { name: file.name, contentType: file.type || 'application/octet-stream' } };
}

export function conversationOf(world: World, { params }: Call): Conversation {
  const found = world.conversations.get(params['id'] ?? '');
  if (found === undefined) throw new SiqError(1019);
  return found;
}

/** A number of the query. */
export function numberOf({ query }: Call, name: string, standard: number, [least, most]: [number, number]): number {
  const given = query[name];
  if (given === undefined) return standard;
  const value = Number(given);
  if (!Number.isInteger(value) || value < least || value > most) throw new SiqError(1011, { param: name });
  return value;
}
