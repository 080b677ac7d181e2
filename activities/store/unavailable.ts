/**
 * SQLSTATE classes and codes that mean: the server is there no more, not yet, or cannot take this now. Among them a full
 * disk and too little memory (53), a disk that fails (58030), a login or a database that is not there just now (28, 3D000:
 * a changed password, a restore), and a deadlock, which the same again does not meet (40).
 */
const SQLSTATES = /^(08...|28...|3D000|53...|57P0[1-5]|57014|58030|55P03|25006|25P03|40001|40P01)$/;

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** What `pg` and `pg-pool` throw without any code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end)/;

/**
 * Whether a query failed because the database is not reachable now: worth a repeat later, and a 503 at the API. A
 * write that failed so may have been committed; every write of the store may be repeated.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (SYSTEM_CODES.has(code) || SQLSTATES.test(code) || MESSAGES.test(error.message)) return true;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  return isUnavailable(error.cause);
}
