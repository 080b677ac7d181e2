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

/**
 * JSON lines on stdout, or to `destination`. Secrets are redacted down to the third level of an object. What is logged
 * while a request is served, or while something is done for it later, has its `traceId`.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const mixin = () => traceFields();
  const options = { level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin };
  return destination ? pino(options, destination) : pino(options);
}
