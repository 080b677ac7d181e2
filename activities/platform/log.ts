import { pino, type DestinationStream, type Logger } from 'pino';

import { traceFields } from './trace.ts';

export type { Logger };

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'key',
  'token',
  'password',
  'secret',
  'accessToken',
  'clientSecret',
  'secretKey',
  'apiKey',
  'apiSecret',
  'appKey',
];

const redact = {
  paths: [...SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), 'req.headers["x-api-key"]'],
  censor: '[redacted]',
};

/** What an error may say of itself. */
const SAID = ['code', 'kind', 'desk', 'operation', 'status', 'field', 'retryAfterMs', 'sent', 'nonRetryable'] as const;
const MOST_CAUSES = 5;

/**
 * Not all that an error carries: PostgreSQL's `detail` has the values of a row, and a desk's own words may quote what a
 * user wrote.
 */
export function serializeError(error: unknown, causes = MOST_CAUSES): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : undefined;
  const { name, message, stack, cause } = error;
  const fields = error as unknown as Record<string, unknown>;
  const said = SAID.flatMap((field) => (fields[field] === undefined ? [] : [[field, fields[field]]]));
  return {
    type: name,
    message,
    ...Object.fromEntries(said),
    stack,
    ...(cause === undefined || causes === 0 ? {} : { cause: serializeError(cause, causes - 1) }),
  };
}

/** `error` is how the Temporal SDK calls it. */
const serializers = {
  err: (error: unknown) => serializeError(error),
  error: (error: unknown) => serializeError(error),
};

/**
 * JSON lines on stdout, or to `destination`. Secrets are redacted down to the third level of an object. What is logged
 * while a request is served, or while something is done for it later, has its `traceId`.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const mixin = () => traceFields();
  const options = { level, redact, serializers, base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin };
  return destination ? pino(options, destination) : pino(options);
}
