import type { FastifyReply, FastifyRequest } from 'fastify';
import { same } from '../guard.ts';
import type { SandboxFile } from '../desk-sandbox.ts';
import type { RefusingFault } from '../faults.ts';
import { jsonOf } from '../shell.ts';
import { type Fields, LivedeskError } from './model.ts';
import type { LivedeskSwitches } from './switches.ts';

export interface KeyPair {
  apiKey: string;
  apiSecret: string;
}

/** HTTP Basic; the account is that of the key pair. */
export function checkKeys(request: FastifyRequest, { apiKey, apiSecret }: KeyPair): void {
  const expected = `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`;
  if (!same(request.headers.authorization ?? '', expected)) throw new LivedeskError(401, 'Invalid API key');
}

/** The JSON object of a call that needs one. */
export function bodyOf(request: FastifyRequest): Fields {
  const body = jsonOf(request);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new LivedeskError(400, 'The body is not a JSON object');
  }
  return body as Fields;
}

/** A message may be a form with files; JSON otherwise. */
export async function messageBodyOf(request: FastifyRequest): Promise<{ fields: Fields; files: SandboxFile[] }> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return { fields: bodyOf(request), files: [] };
  const form = await new Response(request.body as Buffer<ArrayBuffer>, { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new LivedeskError(400, 'The form cannot be read');
    });
  const parts = [...form.entries()];
  const fields = Object.fromEntries(
    parts.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
  const files = parts.flatMap(([name, value]) =>
    name === 'attachments[]' && typeof value !== 'string' ? [{ name: value.name, contentType: value.type }] : [],
  );
  if (files.length > MAX_FILES) throw new LivedeskError(422, 'Attachments exceeded maximum allowed', ['attachments']);
  return {
    fields: { ...fields, ...(fields['private'] === 'true' && { private: true }) },
    files: files.map((file, n) => ({ ...file, url: `https://files.livedesk.example/${Date.now()}-${n}/${file.name}` })),
  };
}

const MAX_FILES = 15;

/** A number, also as text: the documentation has both. Undefined where none is given. */
export function numberField(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  const read = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  if (!Number.isInteger(read)) throw new LivedeskError(422, `${name} is not a number`, [name]);
  return read;
}

export function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new LivedeskError(422, `${name} is not a text`, [name]);
  return value;
}

export function objectField(fields: Fields, name: string): Fields {
  const value = fields[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new LivedeskError(422, `${name} is not an object`, [name]);
  }
  return value as Fields;
}

export function sendError(reply: FastifyReply, error: unknown, form: LivedeskSwitches['errors']): unknown {
  const known = error instanceof LivedeskError ? error : new LivedeskError(500, 'Internal Server Error');
  const { statusCode, message, attributes } = known;
  void reply.code(statusCode);
  // A validation has its own form whatever the others look like.
  const isValidation = statusCode === 422 && attributes.length > 0 && form === 'error';
  if (form === 'none') return reply.send();
  if (form === 'errors') return reply.send({ errors: [message] });
  if (form === 'message' || isValidation) return reply.send({ message, attributes });
  if (form === 'fields') {
    const errors = attributes.map((field) => ({ field, message, code: 'invalid' }));
    return reply.send({ description: message, errors });
  }
  return reply.send({ error: message });
}

/** Nothing is published about the rate limit: a bare 429. */
export function refuse(reply: FastifyReply, fault: RefusingFault, form: LivedeskSwitches['errors']): unknown {
  if (fault.kind === 'rate_limit') return sendError(reply, new LivedeskError(429, 'Too many requests'), form);
  if (fault.retryAfter !== undefined) void reply.header('retry-after', fault.retryAfter);
  return sendError(reply, new LivedeskError(fault.status, 'a fault of the sandbox'), form);
}
