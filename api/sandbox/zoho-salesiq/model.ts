import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import type { SandboxFile, SandboxLine } from '../desk-sandbox.ts';

export type Fields = Record<string, unknown>;
export type Files = readonly SandboxFile[];

/** What was wrong: the place in the body, in the query, or the header. */
interface Where {
  json_key?: string;
  param?: string;
  header?: string;
}

/** An error of the REST and Visitor APIs: `{ error: { code, message, json_key?, param?, header? } }`. */
export class SiqError extends Error {
  readonly code: number;
  readonly where: Where;

  constructor(code: number, where: Where = {}, message = MESSAGES[code] ?? 'Error') {
    super(message);
    this.code = code;
    this.where = where;
  }

  get body(): Fields {
    return { error: { code: this.code, message: this.message, ...this.where } };
  }
}

const MESSAGES: Record<number, string> = {
  1001: 'Internal server error',
  1002: 'Authorization header is missing or malformed',
  1004: 'Invalid HTTP method',
  1005: 'Invalid portal',
  1006: 'Invalid URL',
  1007: 'Invalid data type',
  1008: 'Invalid OAuth token',
  1009: 'Invalid OAuth scope',
  1011: 'Invalid or missing parameter',
  1014: 'Resource already exists',
  1015: 'Invalid or missing request body',
  1016: 'The operator has no permission',
  1018: 'The file is empty',
  1019: 'Invalid resource',
  1023: 'Too many requests',
  1025: 'Invalid department ids',
  1027: 'The file is too big',
  1054: 'Invalid header value',
};

/** SalesIQ says errors with status 200; some of its callers have seen these instead. */
const STATUSES: Record<number, number> = { 1001: 500, 1002: 401, 1008: 401, 1023: 429 };

export const statusOfCode = (code: number): number => STATUSES[code] ?? 400;

/** The code that SalesIQ has for a status; undefined: no such answer is its own. */
export const codeOfStatus = (status: number): number | undefined =>
  ({ 400: 1015, 401: 1008, 403: 1009, 404: 1019, 409: 1014, 422: 1011, 429: 1023, 500: 1001 })[status];

export interface Operator {
  id: string;
  name: string;
  email: string;
  departmentIds: string[];
  available: boolean;
}

export interface Department {
  id: string;
  name: string;
  displayName: string;
  enabled: boolean;
  systemGenerated: boolean;
}

export interface App {
  id: string;
  name: string;
  enabled: boolean;
}

export interface Visitor {
  id: string;
  userId: string;
  name: string;
  email: string;
  phone?: string;
  countryCode: string;
}

export interface Line extends SandboxLine {
  /** Visitors begin with `$`, bots with `b`. */
  senderId: string;
  senderName: string;
}

export interface Conversation {
  /** Numeric: the id in the REST API and in webhooks. */
  id: string;
  /** Long hex: the id of the widget. */
  hexId: string;
  chatId: string;
  referenceId: string;
  appId: string;
  /** None: any operator may have it. */
  departmentId: string | undefined;
  question: string;
  visitor: Visitor;
  customerInfo: Fields;
  state: 'bot' | 'waiting' | 'connected' | 'closed' | 'missed';
  owner: Operator | undefined;
  participants: Set<string>;
  startTime: number;
  modifiedTime: number;
  attendedTime: number | undefined;
  endTime: number | undefined;
  endedBy: 'agent' | 'visitor' | 'system' | undefined;
  /** When it stops ringing and is missed. */
  ringsUntil: number | undefined;
  lines: Line[];
}

export const isOpen = ({ state }: Conversation): boolean => state !== 'closed' && state !== 'missed';

export interface SigningKey {
  id: string;
  privateKey: KeyObject;
  /** PEM. */
  publicKey: string;
  createdTime: number;
}

export interface WebhookEntry {
  id: string;
  url: string;
  type: string;
  /** undefined: everything, as the operator has ticked all boxes in the console. */
  events: string[] | undefined;
  appIds: string[];
  secured: boolean;
  version: number | string;
  expiryTime: string;
  keys: SigningKey[];
  /** False: its address has refused the HEAD check. */
  reachable: boolean;
  createdTime: number;
  modifiedTime: number;
}

let lastNumber = 510_000_000_000_000;

/** An id as SalesIQ has them: digits, too many for a number of JSON. */
export const newId = (): string => `${(lastNumber += 1 + (randomBytes(2).readUInt16BE() % 900))}000`;
export const newHexId = (bytes = 24): string => randomBytes(bytes).toString('hex');

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A required text of a request. */
export function textField(body: Fields, name: string, path = name): string {
  const value = body[name];
  if (value === undefined || value === null || value === '') throw new SiqError(1015, { json_key: path });
  if (typeof value !== 'string') throw new SiqError(1007, { json_key: path });
  return value;
}

/** A text of a request that may be missing. */
export function optionalText(body: Fields, name: string, path = name): string | undefined {
  return body[name] === undefined || body[name] === null ? undefined : textField({ [name]: body[name] }, name, path);
}

export function objectField(body: Fields, name: string): Fields {
  const value = body[name] ?? {};
  if (!isFields(value)) throw new SiqError(1007, { json_key: name });
  return value;
}

export function textsField(body: Fields, name: string): string[] {
  const value = body[name];
  if (value === undefined) throw new SiqError(1015, { json_key: name });
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
    throw new SiqError(1007, { json_key: name });
  }
  return value;
}
