import type { FastifyReply, FastifyRequest } from 'fastify';
import { createHash, randomBytes } from 'node:crypto';
import type { RefusingFault } from '../faults.ts';
import { jsonOf } from '../shell.ts';
import type { Fields } from './model.ts';
import type { SobotSwitches } from './switches.ts';

/** Refuses a call in Sobot's words: with HTTP 200 and a code. */
export class SobotError extends Error {
  readonly code: string;
  readonly statusCode: number;
  constructor(code: string, message: string, statusCode = 200) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
  }
}

const MESSAGES: Readonly<Record<string, string>> = {
  '900001': 'token is empty',
  '900002': 'token is invalid',
  '900003': 'sign is wrong',
  '900004': 'no API configuration of the company',
};

export interface Tokens {
  /** A new token for a signed request; refuses a wrong one. */
  give(query: Record<string, string>): Fields;
  check(request: FastifyRequest): void;
  expire(): void;
}

export function createTokens(options: {
  appId: string;
  appKey: string;
  ttlSeconds: number;
  switches(): SobotSwitches;
}): Tokens {
  const { appId, appKey, ttlSeconds, switches } = options;
  const tokens = new Map<string, number>();
  return {
    give({ appid = '', create_time: at = '', sign = '' }) {
      if (appid !== appId) throw known('900004');
      const right = createHash('md5').update(`${appid}${at}${appKey}`).digest('hex');
      if (!/^\d{10}$/.test(at) || sign !== right) throw known('900003');
      if (switches().strictTokens) tokens.clear();
      const token = randomBytes(16).toString('hex');
      tokens.set(token, Date.now() + ttlSeconds * 1000);
      return { token, expires_in: String(ttlSeconds) };
    },
    check({ headers }) {
      const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
      const given = switches().tokenIn === 'token' ? headers['token'] : bearer;
      if (typeof given !== 'string' || given === '') throw known('900001');
      if ((tokens.get(given) ?? 0) < Date.now()) throw known('900002');
    },
    expire: () => tokens.clear(),
  };
}

const known = (code: string): SobotError => new SobotError(code, MESSAGES[code] ?? '');

export function bodyOf(request: FastifyRequest): Fields {
  const body = jsonOf(request) ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw empty('body');
  return body as Fields;
}

const empty = (name: string): SobotError => new SobotError('400004', `${name} is empty`);

export function textField(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw empty(name);
  return value;
}

/** What every answer is wrapped in. */
export function enveloped(
  content: Fields,
  { envelope, numbersAsText }: SobotSwitches,
  code = '000000',
  message = '操作成功',
) {
  const names = envelope === 'ret_code' ? (['ret_code', 'ret_msg'] as const) : (['retCode', 'retMsg'] as const);
  const shown = numbersAsText ? (withTexts(content) as Fields) : content;
  return { [names[0]]: code, [names[1]]: message, ...shown };
}

function withTexts(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(withTexts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withTexts(inner)]));
}

export function sendError(reply: FastifyReply, error: unknown, switches: SobotSwitches): unknown {
  const { code, message, statusCode } =
    error instanceof SobotError ? error : new SobotError('999999', 'unknown system error', 500);
  return reply.code(statusCode).send(enveloped({}, switches, code, message));
}

/** Nothing is published about a rate limit: a bare 429. */
export function refuse(reply: FastifyReply, fault: RefusingFault, switches: SobotSwitches): unknown {
  if (fault.kind === 'rate_limit')
    return sendError(reply, new SobotError('999999', 'too many requests', 429), switches);
  if (fault.retryAfter !== undefined) void reply.header('retry-after', fault.retryAfter);
  const { code = '999999', status } = fault;
  return sendError(reply, new SobotError(code, MESSAGES[code] ?? 'a fault of the sandbox', status), switches);
}
