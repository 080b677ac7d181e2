import { createHash } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError } from '../errors.ts';
import { sessionOf } from '../session.ts';

declare module 'fastify' {
  interface FastifyInstance {
    guard: Guard;
  }
}

/** Against guessing keys and webhook tokens: every guess costs a look in the database. */
export interface Guard {
  /** Throws 429 when this address has guessed wrong too often and the secret is not one that has worked before. */
  check(request: FastifyRequest, secret: string): Promise<void>;
  passed(secret: string): void;
  /** Counts a wrong guess. */
  failed(request: FastifyRequest): Promise<void>;
}

const MAX_KNOWN = 10_000;
/** The mean is over this long, milliseconds. Over one second a single pause, such as the start, is taken for overload. */
const LOAD_SAMPLE_MS = 5_000;

const hash = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** `wrongKeys`: that one address may send in a minute. `loadDelayMs`: load is shed before the event loop stands still. */
interface LimitOptions {
  callsPerMinute: number;
  wrongKeys: number;
  loadDelayMs: number;
}

export const limits = fp<LimitOptions>(async (app, { callsPerMinute, wrongKeys, loadDelayMs }) => {
  await app.register(underPressure, {
    maxEventLoopDelay: loadDelayMs,
    sampleInterval: LOAD_SAMPLE_MS,
    retryAfter: 2,
  });
  await app.register(rateLimit, {
    global: true,
    max: callsPerMinute,
    timeWindow: 60_000,
    cache: 20_000,
    keyGenerator: callerOf,
  });
  app.decorate('guard', createGuard(app, wrongKeys));
});

/** A key and a session have their own count wherever they call from; a caller without one is counted by address. */
function callerOf(request: FastifyRequest): string {
  const { authorization } = request.headers;
  if (authorization !== undefined) return `key:${hash(authorization)}`;
  const session = sessionOf(request);
  return session === undefined ? `ip:${request.ip}` : `session:${session.id}`;
}

function createGuard(app: FastifyInstance, wrongKeysPerMinute: number): Guard {
  const count = app.createRateLimit({
    max: wrongKeysPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `wrong:${request.ip}`,
  });
  const known = new Set<string>();

  async function refuseBeyondLimit(request: FastifyRequest, increment: boolean): Promise<void> {
    const result = await count(request, { increment });
    if (result.isAllowed || (increment ? !result.isExceeded : result.remaining > 0)) return;
    throw new ApiError(429, 'rate_limited', 'Too many wrong keys from this address. Try again later.', {
      headers: { 'retry-after': String(Math.max(1, result.ttlInSeconds)) },
    });
  }

  return {
    async check(request, secret) {
      if (!known.has(hash(secret))) await refuseBeyondLimit(request, false);
    },
    passed(secret) {
      if (known.size >= MAX_KNOWN) known.clear();
      known.add(hash(secret));
    },
    failed: (request) => refuseBeyondLimit(request, true),
  };
}
