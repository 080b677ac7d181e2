import { createHash, randomBytes } from 'node:crypto';
import type { Database } from './database.ts';
import { secretAad, type SecretBox } from './secrets.ts';

const TOKEN_BYTES = 24;
const SEALED = 'v1.';

/** Where a desk's token in its row belongs. */
export interface HookTokenRow {
  bot_id: string;
  kind: string;
  hook_token: string;
}

/**
 * The tokens in the addresses that desks call: whoever has one may speak as a desk that signs nothing. A row has a hash to
 * find it by and, with payload keys, the token sealed; without them in clear, as all versions before read it.
 */
export interface HookTokens {
  /** A new one. */
  make(botId: string, kind: string): { hook_token: string; hook_hash: string };
  /** Throws when its key is not there. */
  open(row: HookTokenRow): string;
  /** The same token as it is stored now: sealed by the first key, or not at all. */
  again(row: HookTokenRow): { hook_token: string; hook_hash: string };
  find(kind: string, token: string): Promise<{ botId: string } | undefined>;
  /** Whether tokens are sealed. */
  readonly seals: boolean;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

const aadOf = (botId: string, kind: string): string => secretAad(botId, `${kind}/hook_token`);

export function createHookTokens(db: Database, box: SecretBox, seals: boolean): HookTokens {
  const stored = (botId: string, kind: string, token: string) => ({
    hook_token: seals ? box.seal(token, aadOf(botId, kind)) : token,
    hook_hash: hashOf(token),
  });
  const open = ({ bot_id, kind, hook_token }: HookTokenRow): string =>
    hook_token.startsWith(SEALED) ? box.open(hook_token, aadOf(bot_id, kind)) : hook_token;
  return {
    seals,
    make: (botId, kind) => stored(botId, kind, randomBytes(TOKEN_BYTES).toString('base64url')),
    open,
    again: (row) => stored(row.bot_id, row.kind, open(row)),
    async find(kind, token) {
      // No token of ours has a dot; what a dump shows of a sealed one must not open anything.
      if (token.includes('.')) return undefined;
      const row = await db
        .selectFrom('desk_configs')
        .select('bot_id')
        .where((eb) => eb.or([eb('hook_hash', '=', hashOf(token)), eb('hook_token', '=', token)]))
        .where('kind', '=', kind)
        .executeTakeFirst();
      return row && { botId: row.bot_id };
    },
  };
}
