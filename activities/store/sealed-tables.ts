import type { BotEvent } from '../../workflows/contracts.ts';
import { placeOf, type ContentBox, type Place } from './content.ts';
import { messageIdOf } from './journal.ts';
import { ownSecretAad, type UserMarks } from './marks.ts';
import { memoryAad } from './memory.ts';
import type { HookTokens } from './hook-tokens.ts';
import { botSecretAad, DESK_FIELD } from './bots.ts';
import type { SecretBox } from './secrets.ts';
import type { Sealed, StoredRequest } from './tables.ts';

/** A row as text, by column. */
export type TextRow = Record<string, string | null>;

/** A table with sealed values, as `createRotation` walks it. */
export interface SealedTable {
  name: string;
  /** What is sealed in it: `secrets` by the secret keys, `content` by the payload keys. */
  keys: 'secrets' | 'content';
  /** Its primary key with types, in order. */
  primary: Record<string, string>;
  /** Columns with sealed values, with types. */
  columns: Record<string, 'json' | 'text'>;
  /** Columns that are made from what is sealed in the row, with types. */
  made?: Record<string, string>;
  /** More columns that `reseal` needs. */
  more: string[];
  /** Rows that are read together: fewer where they are big. */
  page: number;
  /** A condition for rows that need `reseal` whatever their keys are. */
  incomplete?: string;
  /** The columns that change, as they are stored then. Throws when a value cannot be opened. */
  reseal(row: TextRow): Promise<TextRow> | TextRow;
}

const text = (row: TextRow, column: string): string => row[column] ?? '';

interface Seals {
  secrets: SecretBox;
  content: ContentBox;
  marks: UserMarks;
  hookTokens: HookTokens;
}

/** Everything that is sealed, and the only list of it: a test compares it with the tables. */
export function sealedTables({ secrets, content, marks, hookTokens }: Seals): SealedTable[] {
  const again = (stored: string, aad: string): string => secrets.seal(secrets.open(stored, aad), aad);
  const all = (stored: string, aadOf: (name: string) => string): string =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(JSON.parse(stored) as Sealed).map(([name, value]) => [name, again(value, aadOf(name))]),
      ),
    );
  /** Of a `json` column as text. */
  const opened = <T extends object>(stored: string, place: Place): T => content.open(JSON.parse(stored) as T, place);
  const json = (stored: string, place: Place): string => content.seal(opened(stored, place), place);

  return [
    {
      name: 'bots',
      keys: 'secrets',
      primary: { id: 'text' },
      columns: { secrets: 'json' },
      more: [],
      page: 100,
      reseal: (row) => ({ secrets: all(text(row, 'secrets'), (path) => botSecretAad(text(row, 'id'), path)) }),
    },
    {
      name: 'desk_configs',
      keys: 'secrets',
      primary: { bot_id: 'text', kind: 'text' },
      columns: { secrets: 'json', hook_token: 'text' },
      made: { hook_hash: 'text' },
      more: [],
      page: 100,
      incomplete: `hook_hash is null or (${hookTokens.seals} and hook_token not like 'v1.%')`,
      reseal(row) {
        const place = { bot_id: text(row, 'bot_id'), kind: text(row, 'kind') };
        return {
          secrets: all(text(row, 'secrets'), (field) =>
            botSecretAad(place.bot_id, `${DESK_FIELD}${field}`, place.kind),
          ),
          ...hookTokens.again({ ...place, hook_token: text(row, 'hook_token') }),
        };
      },
    },
    {
      name: 'desk_memory',
      keys: 'secrets',
      primary: { bot_id: 'text', desk: 'text', key: 'text' },
      columns: { value: 'text' },
      more: [],
      page: 100,
      reseal: (row) => ({
        value: again(
          text(row, 'value'),
          memoryAad({ botId: text(row, 'bot_id'), desk: text(row, 'desk'), key: text(row, 'key') }),
        ),
      }),
    },
    {
      name: 'own_secrets',
      keys: 'secrets',
      primary: { name: 'text' },
      columns: { value: 'text' },
      more: [],
      page: 100,
      reseal: (row) => ({ value: again(text(row, 'value'), ownSecretAad(text(row, 'name'))) }),
    },
    {
      name: 'handoffs',
      keys: 'content',
      primary: { id: 'text' },
      columns: { request: 'json', email: 'text', agent: 'json' },
      made: { user_marks: 'text[]' },
      more: ['bot_id'],
      page: 100,
      incomplete: 'user_marks is null',
      async reseal(row) {
        const place = (column: 'request' | 'email' | 'agent'): Place => placeOf.handoff(column, text(row, 'id'));
        const request = opened<StoredRequest>(text(row, 'request'), place('request'));
        const email = row['email'] == null ? null : content.openText(row['email'], place('email'));
        const ofEmail = email === null ? [] : await marks(text(row, 'bot_id'), { email });
        const ofUser = await marks(text(row, 'bot_id'), request.user);
        return {
          request: content.seal(request, place('request')),
          ...(email === null ? {} : { email: content.sealText(email, place('email')) }),
          ...(row['agent'] == null ? {} : { agent: json(row['agent'], place('agent')) }),
          ...(ofUser && ofEmail ? { user_marks: `{${[...new Set([...ofUser, ...ofEmail])].join(',')}}` } : {}),
        };
      },
    },
    {
      name: 'events',
      keys: 'content',
      primary: { handoff_id: 'text', seq: 'integer' },
      columns: { event: 'json' },
      made: { message_id: 'text' },
      more: [],
      page: 200,
      reseal(row) {
        const place = placeOf.event(text(row, 'handoff_id'), Number(row['seq']));
        const event = opened<BotEvent>(text(row, 'event'), place);
        // Of a version that had no such column: late messages cannot be looked for in what is sealed.
        return { event: content.seal(event, place), message_id: messageIdOf(event) };
      },
    },
    {
      name: 'late_messages',
      keys: 'content',
      primary: { handoff_id: 'text', id: 'text' },
      columns: { message: 'json' },
      more: [],
      page: 100,
      reseal: (row) => ({
        message: json(text(row, 'message'), placeOf.late(text(row, 'handoff_id'), text(row, 'id'))),
      }),
    },
    {
      name: 'histories',
      keys: 'content',
      primary: { handoff_id: 'text' },
      columns: { turns: 'json' },
      more: [],
      page: 20,
      reseal: (row) => ({ turns: json(text(row, 'turns'), placeOf.turns(text(row, 'handoff_id'))) }),
    },
    {
      name: 'inbox',
      keys: 'content',
      primary: { id: 'bigint' },
      columns: { signal: 'json' },
      more: ['bot_id', 'desk', 'dedupe_key'],
      page: 100,
      reseal: (row) => ({
        signal: json(
          text(row, 'signal'),
          placeOf.signal(text(row, 'bot_id'), text(row, 'desk'), text(row, 'dedupe_key')),
        ),
      }),
    },
  ];
}
