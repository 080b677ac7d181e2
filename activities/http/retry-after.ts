/** A wrong clock or a joke on the other side must not stop deliveries for days. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;

/**
 * How long the other side asks us to wait, in milliseconds and at most an hour; `undefined` when it does not say, or not
 * in a form of RFC 9110 (seconds, or a date).
 */
export function retryAfterMs(headers: Record<string, string>, nowMs: number): number | undefined {
  const value = headers['retry-after']?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(LONGEST_WAIT_MS, Math.ceil(Number(value) * 1000));
  // `Date.parse` takes much that is not a date of HTTP, a lone number above all.
  const at = /[A-Za-z]{3}/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(0, at - nowMs));
}
