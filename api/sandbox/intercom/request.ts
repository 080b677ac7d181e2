import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { same } from '../guard.ts';
import type { SandboxFile, SandboxOperation } from '../desk-sandbox.ts';
import type { RefusingFault } from '../faults.ts';
import { type Admin, BOT_ADMIN, IntercomError, type Workspace } from './model.ts';
import { jsonOf } from '../shell.ts';

export type Fields = Record<string, unknown>;

const WINDOW_MS = 10_000;

/** 2.0 up to what is documented, and the names of the versions without a number. */
const VERSION = /^(2\.(\d|1[0-7])|Preview|Unstable)$/;

export interface RateLimit {
  /** Counts one call; gives the headers of its answer. Throws when there are too many. */
  count(): Record<string, string>;
}

/** The budget of a minute is spread over windows of ten seconds. */
export function createRateLimit(callsPerWindow: number): RateLimit {
  let window = 0;
  let used = 0;
  return {
    count() {
      const now = Math.floor(Date.now() / WINDOW_MS);
      used = now === window ? used + 1 : 1;
      window = now;
      const headers = rateHeaders(callsPerWindow, Math.max(0, callsPerWindow - used), (window + 1) * WINDOW_MS);
      if (used > callsPerWindow) throw tooMany(headers);
      return headers;
    },
  };
}

const rateHeaders = (limit: number, remaining: number, resetsAt: number): Record<string, string> => ({
  'x-ratelimit-limit': String(limit),
  'x-ratelimit-remaining': String(remaining),
  'x-ratelimit-reset': String(Math.ceil(resetsAt / 1000)),
});

const tooMany = (headers: Record<string, string>): IntercomError =>
  new IntercomError(429, 'rate_limit_exceeded', 'You have exceeded the rate limit', headers);

export function checkToken(request: FastifyRequest, token: string): void {
  if (!same(request.headers.authorization ?? '', `Bearer ${token}`)) {
    throw new IntercomError(401, 'unauthorized', 'Access Token Invalid');
  }
}

/** The version of the header, else that of the app. */
export function versionOf(request: FastifyRequest, ofApp: string): string {
  const version = request.headers['intercom-version'];
  if (version === undefined) return ofApp;
  if (typeof version === 'string' && VERSION.test(version)) return version;
  throw new IntercomError(400, 'intercom_version_invalid', 'The requested version could not be found');
}

/** The JSON object of a call that needs one. */
export function bodyOf(request: FastifyRequest): Fields {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new IntercomError(415, 'media_type_not_acceptable', 'The Content-Type must be application/json');
  }
  const body = jsonOf(request);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new IntercomError(400, 'bad_request', 'The body is not a JSON object');
  }
  return body as Fields;
}

export function sendError(reply: FastifyReply, error: unknown): unknown {
  const known = error instanceof IntercomError ? error : undefined;
  const status = known?.statusCode ?? 500;
  return reply
    .code(status)
    .headers(known?.headers ?? {})
    .send({
      type: 'error.list',
      request_id: randomUUID(),
      errors: [{ code: known?.code ?? 'server_error', message: known?.message ?? 'Internal Server Error' }],
    });
}

const CODES: Record<number, string> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 422: 'data_invalid' };

export function refuse(reply: FastifyReply, fault: RefusingFault): unknown {
  if (fault.kind === 'rate_limit') return sendError(reply, tooMany(rateHeaders(1666, 0, Date.now() + fault.resetInMs)));
  const { status, retryAfter, code = CODES[status] ?? (status < 500 ? 'client_error' : 'server_error') } = fault;
  // A proxy's answer: without a budget, and not everywhere with JSON.
  for (const name of ['limit', 'remaining', 'reset']) reply.removeHeader(`x-ratelimit-${name}`);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  return sendError(reply, new IntercomError(status, code, 'a fault of the sandbox'));
}

/** Which of Baton's operations a write in a conversation is part of. Notes and assignments belong to an opening. */
export function operationOf(fields: Fields): SandboxOperation | undefined {
  const { message_type: type, assignee_id: assignee } = fields;
  if (type === 'note') return 'open';
  if (type === 'assignment') {
    const unassigns = fields['type'] === 'team' && assignee === '0';
    return unassigns || assignee === BOT_ADMIN ? 'close' : 'open';
  }
  if (type === 'close') return 'close';
  return type === 'comment' || type === 'quick_reply' ? 'send' : undefined;
}

export function textField(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null) throw new IntercomError(400, 'parameter_not_found', `${name} is required`);
  if (typeof value !== 'string') throw new IntercomError(400, 'parameter_invalid', `${name} must be a string`);
  return value;
}

export function optionalText(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined || fields[name] === null ? undefined : textField(fields, name);
}

export function timeField(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (!Number.isInteger(value)) throw new IntercomError(400, 'parameter_invalid', `${name} must be Unix seconds`);
  return value as number;
}

export function oneOf<T extends string>(fields: Fields, name: string, values: readonly T[]): T {
  const value = textField(fields, name);
  const found = values.find((known) => known === value);
  if (found === undefined) throw new IntercomError(400, 'parameter_invalid', `${name} is not valid`);
  return found;
}

const MAX_FILES = 10;

/** `attachment_urls` and `attachment_files`. */
export function filesOf(fields: Fields): SandboxFile[] {
  const lists = [fields['attachment_urls'] ?? [], fields['attachment_files'] ?? []] as const;
  const [urls, files] = lists;
  if (!Array.isArray(urls) || !Array.isArray(files) || lists.some((list) => (list as unknown[]).length > MAX_FILES)) {
    throw new IntercomError(400, 'parameter_invalid', 'at most 10 attachments, as a list');
  }
  return [
    ...urls.map((url: unknown) => {
      if (typeof url !== 'string' || !URL.canParse(url)) {
        throw new IntercomError(400, 'parameter_invalid', 'attachment_urls must be addresses');
      }
      return { url, name: decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') };
    }),
    ...files.map((file: Fields) => ({
      url: `data:${textField(file, 'content_type')};base64,${textField(file, 'data')}`,
      name: textField(file, 'name'),
      contentType: textField(file, 'content_type'),
    })),
  ];
}

/** The acting teammate; the id of a team is none. */
export function actorOf(workspace: Workspace, fields: Fields): Admin {
  const admin = workspace.admins.get(textField(fields, 'admin_id'));
  if (admin === undefined) throw new IntercomError(404, 'admin_not_found', 'Admin not found');
  return admin;
}
