/** The caller's cursor was not made by us. */
export class CursorError extends Error {
  override readonly name = 'CursorError';

  constructor() {
    super('the cursor is not valid');
  }
}

export const encodeCursor = (value: string): string => Buffer.from(value, 'utf8').toString('base64url');

/** Throws `CursorError` when what comes out does not match `form`. */
export function decodeCursor(cursor: string, form: RegExp): string {
  const value = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!form.test(value)) throw new CursorError();
  return value;
}
