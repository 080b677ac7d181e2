import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { SettingsError } from '../activities/settings.ts';
import { CursorError, isUnavailable } from '../activities/store/store.ts';

/** One field that is wrong; `path` is dotted, empty for the whole. */
export interface Problem {
  path: string;
  message: string;
}

/** An answer that is not a success, thrown by routes and written by the error handler. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly details: Problem[] | undefined;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { details?: Problem[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.status = status;
    this.code = code;
    this.details = more.details;
    this.headers = more.headers ?? {};
  }
}

/** Unknown and foreign ids answer alike. */
export const notFound = (what: 'bot' | 'handoff' | 'key' | 'conversation' | 'message'): ApiError =>
  new ApiError(404, `${what}_not_found`, `There is no such ${what}.`);

/** 503 with `Retry-After`; `part` says which one is down. */
export const unavailable = (part: 'temporal' | 'postgresql', cause?: unknown): ApiError =>
  new ApiError(503, `${part}_unavailable`, `${PART_NAMES[part]} cannot be reached. Try again.`, {
    headers: { 'retry-after': '2' },
    cause,
  });

const PART_NAMES = { temporal: 'Temporal', postgresql: 'PostgreSQL' } as const;

/** Any gRPC failure that nobody has turned into an outcome, also of a server that does not know our namespace. */
export function isTemporalUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ServiceError || error instanceof NamespaceNotFoundError || isGrpcServiceError(error))
    return true;
  return isTemporalUnavailable(error.cause);
}

const FASTIFY_CODES: Record<number, [code: string, message: string]> = {
  400: ['invalid_request', 'The request cannot be read.'],
  404: ['not_found', 'There is nothing here.'],
  405: ['method_not_allowed', 'This address does not take that method.'],
  413: ['too_large', 'The request body is too large.'],
  414: ['too_large', 'The address is too long.'],
  415: ['unsupported_media_type', 'Send JSON, with content-type application/json.'],
  429: ['rate_limited', 'Too many requests. Try again later.'],
  503: ['overloaded', 'The service is overloaded. Try again.'],
};

/** Any error as the answer it becomes. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof SettingsError) return invalid(error.issues);
  if (error instanceof CursorError) return invalid([{ path: 'cursor', message: 'is not one of ours' }]);
  const problems = validationProblems(error);
  if (problems !== undefined) return invalid(problems);
  // Temporal first: its client's errors carry codes of the connection as well.
  if (isTemporalUnavailable(error)) return unavailable('temporal', error);
  if (isUnavailable(error)) return unavailable('postgresql', error);
  const status = (error as Partial<FastifyError> | null)?.statusCode ?? 500;
  const known = FASTIFY_CODES[status];
  if (known !== undefined) return new ApiError(status, known[0], clientMessage(error, known[1]), { cause: error });
  return new ApiError(500, 'internal', 'Something went wrong on our side.', { cause: error });
}

export const invalid = (details: Problem[]): ApiError =>
  new ApiError(
    400,
    'invalid_request',
    details.length === 1 ? 'One field is wrong.' : `${details.length} fields are wrong.`,
    { details },
  );

/** Throws 400 for a range, epoch milliseconds, that ends before it begins. */
export function requireOrder(fromMs: number, toMs: number): void {
  if (fromMs > toMs) throw invalid([{ path: 'from', message: 'must not be after `to`' }]);
}

function validationProblems(error: unknown): Problem[] | undefined {
  const found = (error as Partial<FastifyError> | null)?.validation;
  if (!Array.isArray(found)) return undefined;
  return found.map((v) => ({
    path: v.instancePath.replace(/^\//, '').replaceAll('/', '.'),
    message: v.message ?? 'is wrong',
  }));
}

/** Fastify's own 400s say what is wrong with the body's form, and nothing of ours. */
function clientMessage(error: unknown, fallback: string): string {
  const fastify = error as Partial<FastifyError>;
  return fastify.statusCode === 400 && fastify.code?.startsWith('FST_') === true && fastify.message !== undefined
    ? fastify.message
    : fallback;
}

export function errorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toApiError(error);
  logFailure(request, answer, error);
  return reply
    .code(answer.status)
    .headers(answer.headers)
    .send({
      error: {
        code: answer.code,
        message: answer.message,
        ...(answer.details === undefined ? {} : { details: answer.details }),
        requestId: request.id,
      },
    });
}

/** Only what is ours to mend is an error in the log; a client's mistake is not. */
export function logFailure(request: FastifyRequest, answer: ApiError, error: unknown): void {
  const level = answer.status === 500 ? 'error' : answer.status > 500 ? 'warn' : 'debug';
  request.log[level]({ err: error, code: answer.code }, 'request failed');
}
