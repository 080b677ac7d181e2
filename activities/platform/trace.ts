/**
 * Trace context (W3C, `traceparent`): which request caused a call, also when hours and processes lie between the two.
 * It is a string wherever it is kept, and the scope of the work at hand while something is done for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

const VERSION = '00';
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
/** The one flag that all versions know. */
const SAMPLED = 0b1;

const scope = new AsyncLocalStorage<string | undefined>();

const newSpanId = (): string => randomBytes(8).toString('hex');
const format = (traceId: string, flags: number): string => `${VERSION}-${traceId}-${newSpanId()}-0${flags}`;

/**
 * The `traceparent` of a request that we serve: a new span of the caller's trace, or of a new trace when the caller sent
 * none or a malformed one. A new trace counts as sampled: backends that follow their caller would record nothing of it.
 */
export function traceOfRequest(header: string | string[] | undefined): string {
  const [, version, traceId, spanId, flags, more] = FORM.exec(typeof header === 'string' ? header : '') ?? [];
  const known =
    traceId !== undefined &&
    traceId !== NO_TRACE &&
    spanId !== NO_SPAN &&
    version !== 'ff' &&
    // A later version may say more behind the flags; this one may not.
    (version !== VERSION || more === undefined);
  if (!known) return format(randomBytes(16).toString('hex'), SAMPLED);
  return format(traceId, Number.parseInt(flags ?? '00', 16) & SAMPLED);
}

/** The same trace with a span of its own: for each call that goes out, also for each try of the same one. */
const nextSpan = (traceparent: string): string => traceparent.slice(0, 36) + newSpanId() + traceparent.slice(52);

/** 32 hexadecimal digits. */
export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);

/** Does `work` for a trace; undefined: for none. */
export const inTrace = <T>(traceparent: string | undefined, work: () => T): T => scope.run(traceparent, work);

/** The `traceparent` that the work at hand is done for. */
export const currentTrace = (): string | undefined => scope.getStore();

/** As a field of what is kept: absent without a trace. */
export const tracedNow = (): { trace?: string } => {
  const trace = currentTrace();
  return trace === undefined ? {} : { trace };
};

/** Headers of a call that goes out. */
export function traceHeaders(): { traceparent?: string } {
  const trace = currentTrace();
  return trace === undefined ? {} : { traceparent: nextSpan(trace) };
}

/** Fields of a log line, of the work at hand or of `traceparent`. */
export const traceFields = (traceparent = currentTrace()): { traceId?: string } =>
  traceparent === undefined ? {} : { traceId: traceIdOf(traceparent) };
