import type { FastifyReply } from 'fastify';
import type { CountedFault, SandboxFault, SandboxOperation } from './desk-sandbox.ts';

const SANDBOX_OPERATIONS: readonly SandboxOperation[] = ['open', 'send', 'close', 'verify'];

/** A fault that is answered in the desk's own words instead of doing what was asked. */
export type RefusingFault = Extract<SandboxFault, { kind: 'status' | 'rate_limit' }>;

export interface Faults {
  set(operation: SandboxOperation, fault: CountedFault): void;
  clear(): void;
  /** Those that are not used up. */
  list(): (CountedFault & { operation: SandboxOperation })[];
  /** The fault of the call that has just arrived; counts it. */
  take(operation: SandboxOperation | undefined): SandboxFault | undefined;
}

/** Faults of one operation queue up: the second begins when the first is used up. */
export function createFaults(): Faults {
  const queues = new Map<SandboxOperation, { fault: SandboxFault; left: number }[]>();
  return {
    set(operation, { times, ...fault }) {
      const queue = queues.get(operation) ?? [];
      queue.push({ fault, left: times ?? Number.POSITIVE_INFINITY });
      queues.set(operation, queue);
    },
    clear: () => queues.clear(),
    list: () =>
      [...queues].flatMap(([operation, queue]) =>
        queue.map(({ fault, left }) => ({ operation, ...fault, ...(Number.isFinite(left) && { times: left }) })),
      ),
    take(operation) {
      const queue = operation === undefined ? undefined : queues.get(operation);
      const first = queue?.[0];
      if (first === undefined) return undefined;
      first.left -= 1;
      if (first.left <= 0) queue?.shift();
      return first.fault;
    },
  };
}

/** Cuts the connection without an answer. */
export function cut(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.destroy();
}

export const readOperation = (input: unknown): SandboxOperation | undefined =>
  SANDBOX_OPERATIONS.find((known) => known === input);

export const OPERATION_HINT = `operation must be one of: ${SANDBOX_OPERATIONS.join(', ')}`;

/** Checks a fault that came over HTTP; a text says what is wrong with it. */
export function readFault(input: unknown): CountedFault | string {
  if (typeof input !== 'object' || input === null) return 'a fault is an object';
  const { times, ...fault } = input as Record<string, unknown>;
  if (times !== undefined && !(Number.isInteger(times) && (times as number) > 0)) return 'times must be above 0';
  const read = readUncounted(fault);
  return typeof read === 'string' || times === undefined ? read : { ...read, times: times as number };
}

function readUncounted({ kind, status, code, ms, resetInMs, retryAfter }: Record<string, unknown>) {
  switch (kind) {
    case 'status':
      if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599) {
        return 'status: 200 to 599';
      }
      if (retryAfter !== undefined && typeof retryAfter !== 'string' && typeof retryAfter !== 'number') {
        return 'retryAfter must be seconds or a date';
      }
      if (code !== undefined && typeof code !== 'string') return 'code must be a text';
      return {
        kind,
        status: status as number,
        ...(retryAfter !== undefined && { retryAfter }),
        ...(code !== undefined && { code }),
      } as const;
    case 'rate_limit':
      return isMs(resetInMs) ? ({ kind, resetInMs } as const) : 'resetInMs: 0 to 600000';
    case 'slow':
      return isMs(ms) ? ({ kind, ms } as const) : 'ms: 0 to 600000';
    case 'drop_before':
    case 'drop_after':
    case 'error_after':
    case 'garbage':
      return { kind } as const;
    default:
      return 'kind must be one of: status, rate_limit, slow, drop_before, drop_after, error_after, garbage';
  }
}

export const isMs = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 600_000;
