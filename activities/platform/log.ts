import { pino, type DestinationStream, type Logger } from 'pino';

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

/** JSON lines on stdout, or to `destination`. Secrets are redacted down to the third level of an object. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}
