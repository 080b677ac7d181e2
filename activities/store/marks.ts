import { createHmac, randomBytes } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { Logger } from 'pino';
import type { User } from '../../workflows/contracts.ts';
import type { Database } from './database.ts';
import type { SecretBox } from './secrets.ts';

/** What a user may be found by. */
export type MarkedUser = Pick<User, 'id' | 'anonymousId' | 'email' | 'phone'>;

/**
 * Keyed hashes of who a user is, apart for every bot and field: his rows are found by them, and a dump without the secret
 * keys says nothing. `null`: the key cannot be opened now, and the row is one without marks.
 */
export type UserMarks = (botId: string, user: MarkedUser) => Promise<string[] | null>;

const KEY_NAME = 'user-marks';
const KEY_BYTES = 32;
/** 128 bits of the hash. */
const MARK_BYTES = 16;

/** Where a secret of Baton itself belongs. */
export const ownSecretAad = (name: string): string => `own/${name}`;

/**
 * The key of the marks is made once and kept sealed in the database: derived from a secret key it would change when that
 * key is changed, and no row would be found any more.
 */
export function createUserMarks(db: Database, box: SecretBox, log: Logger): UserMarks {
  let known: Buffer | undefined;
  let isTold = false;

  async function readKey(): Promise<Buffer | undefined> {
    if (known) return known;
    const sealed = await storedKey(db, box);
    try {
      known = Buffer.from(box.open(sealed, ownSecretAad(KEY_NAME)), 'base64url');
    } catch (error) {
      if (!isTold) log.error({ err: error }, 'the key of the user marks cannot be opened: handoffs are stored without');
      isTold = true;
    }
    return known;
  }

  return async (botId, user) => {
    const named = namesOf(user);
    if (named.length === 0) return [];
    const key = await readKey();
    return key === undefined ? null : named.map((name) => markOf(key, botId, name));
  };
}

/** The marks of a row with one more, which may be null. A row without marks stays so: one alone would look complete. */
export const withMark = (marks: RawBuilder<unknown>, mark: RawBuilder<unknown>): RawBuilder<string[] | null> =>
  sql`
    case when ${marks} is null or ${mark} is null or ${mark} = any(${marks}) then ${marks}
    else array_append(${marks}, ${mark}) end
  `;

/** Processes that start together agree on the first one's. */
async function storedKey(db: Database, box: SecretBox): Promise<string> {
  const fresh = box.seal(randomBytes(KEY_BYTES).toString('base64url'), ownSecretAad(KEY_NAME));
  await sql`insert into own_secrets (name, value) values (${KEY_NAME}, ${fresh}) on conflict do nothing`.execute(db);
  const { rows } = await sql<{ value: string }>`select value from own_secrets where name = ${KEY_NAME}`.execute(db);
  return rows[0]?.value ?? fresh;
}

/** As people write the same thing differently: an address in any case, a number with or without signs between digits. */
function namesOf({ id, anonymousId, email, phone }: MarkedUser): string[] {
  const digits = phone?.replaceAll(/\D/g, '');
  return [
    ...(id === undefined ? [] : [`id:${id}`]),
    ...(anonymousId === undefined ? [] : [`anonymous:${anonymousId}`]),
    ...(email === undefined ? [] : [`email:${email.trim().toLowerCase()}`]),
    ...(phone === undefined ? [] : [`phone:${digits || phone}`]),
  ];
}

const markOf = (key: Buffer, botId: string, name: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([botId, name]))
    .digest()
    .subarray(0, MARK_BYTES)
    .toString('base64url');
