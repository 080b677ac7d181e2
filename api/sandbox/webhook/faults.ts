import type { FastifyReply } from 'fastify';
import type { SandboxEndpoint } from './records.ts';

/** What goes wrong with a call. Faults before the desk has acted on it leave no trace but the recorded call. */
export type SandboxFault =
  /** Answers with this HTTP status; nothing is processed. */
  | { kind: 'status'; status: number; retryAfter?: string | number }
  /** HTTP 200 with a bad `code`; nothing is processed. */
  | { kind: 'code'; code: number }
  /** Processed at once, answered after `ms`. */
  | { kind: 'slow'; ms: number }
  /** The connection is cut, nothing is processed. */
  | { kind: 'drop_before' }
  /** Processed, and the connection is cut instead of an answer. */
  | { kind: 'drop_after' }
  /** Processed, and answered with HTTP 500. */
  | { kind: 'error_after' }
  /** Processed, and answered with HTTP 200 and broken JSON. */
  | { kind: 'garbage' };

/** `times` calls get the fault, one after the other; without it, all until `clear`. */
export type CountedFault = SandboxFault & { times?: number };

export interface FaultSwitches {
  set(endpoint: SandboxEndpoint, fault: CountedFault): void;
  clear(endpoint?: SandboxEndpoint): void;
  /** Those that are not used up. */
  list(): (CountedFault & { endpoint: SandboxEndpoint })[];
  /** The fault of the call that has just arrived; counts it. */
  take(endpoint: SandboxEndpoint): SandboxFault | undefined;
}

/** Faults of an endpoint queue up: the second begins when the first is used up. */
export function createFaultSwitches(): FaultSwitches {
  const queues = new Map<SandboxEndpoint, { fault: SandboxFault; left: number }[]>();
  return {
    set(endpoint, { times, ...fault }) {
      const queue = queues.get(endpoint) ?? [];
      queue.push({ fault, left: times ?? Number.POSITIVE_INFINITY });
      queues.set(endpoint, queue);
    },
    clear(endpoint) {
      if (endpoint === undefined) queues.clear();
      else queues.delete(endpoint);
    },
    list: () =>
      [...queues].flatMap(([endpoint, queue]) =>
        queue.map(({ fault, left }) => ({ endpoint, ...fault, ...(Number.isFinite(left) && { times: left }) })),
      ),
    take(endpoint) {
      const queue = queues.get(endpoint);
      const first = queue?.[0];
      if (first === undefined) return undefined;
      first.left -= 1;
      if (first.left <= 0) queue?.shift();
      return first.fault;
    },
  };
}

/** Whether the desk acts on a call that has this fault. */
export const isProcessed = (fault: SandboxFault | undefined): boolean =>
  fault === undefined || ['slow', 'drop_after', 'error_after', 'garbage'].includes(fault.kind);

/** Cuts the connection without an answer. */
export function cut(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.destroy();
}

/** Checks a fault that came over HTTP; a text says what is wrong with it. */
export function readFault(input: unknown): CountedFault | string {
  if (typeof input !== 'object' || input === null) return 'a fault is an object';
  const { kind, status, code, ms, retryAfter, times } = input as Record<string, unknown>;
  if (times !== undefined && !(Number.isInteger(times) && (times as number) > 0)) return 'times must be above 0';
  const counted = times === undefined ? {} : { times: times as number };
  switch (kind) {
    case 'status':
      if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
        return 'status: 200 to 599';
      if (retryAfter !== undefined && typeof retryAfter !== 'string' && typeof retryAfter !== 'number') {
        return 'retryAfter must be seconds or a date';
      }
      return { kind, status: status as number, ...(retryAfter !== undefined && { retryAfter }), ...counted };
    case 'code':
      return Number.isInteger(code) ? { kind, code: code as number, ...counted } : 'code must be a whole number';
    case 'slow':
      return typeof ms === 'number' && ms >= 0 && ms <= 600_000 ? { kind, ms, ...counted } : 'ms: 0 to 600000';
    case 'drop_before':
    case 'drop_after':
    case 'error_after':
    case 'garbage':
      return { kind, ...counted };
    default:
      return 'kind must be one of: status, code, slow, drop_before, drop_after, error_after, garbage';
  }
}
