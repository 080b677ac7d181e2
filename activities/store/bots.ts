import { isDeepStrictEqual } from 'node:util';
import { sql, type Selectable, type Transaction } from 'kysely';
import type { DeskRegistry } from '../desks/registry.ts';
import { DESK_SETTINGS, joinSecrets, splitSecrets, type BotSettings, type DeskSetting } from '../settings.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { isoTime, type Database } from './database.ts';
import type { HookTokens } from './hook-tokens.ts';
import { secretAad, type SecretBox } from './secrets.ts';
import type { Sealed, Tables } from './tables.ts';
import type { BotRecord, Bots, Service } from './types.ts';

export const DESK_FIELD = 'desk.';
const CURSOR = /^[^]{1,256}$/;

type DeskRow = Selectable<Tables['desk_configs']>;

interface BotRow extends Partial<Record<DeskSetting, DeskRow>> {
  bot: Selectable<Tables['bots']>;
}

interface BotsContext {
  db: Database;
  box: SecretBox;
  hookTokens: HookTokens;
  desks: DeskRegistry;
  /** Called after a change that a bot's keys depend on. */
  changed(): void;
}

/** Somebody else has written the settings since they were read. */
export class ChangedMeanwhile extends Error {
  override readonly name = 'ChangedMeanwhile';
}

export function createBots(context: BotsContext): Bots {
  const { db, box, hookTokens } = context;
  return {
    get: (id) => readRecord(context, id),
    async list({ cursor, limit }) {
      const after = cursor === undefined ? undefined : decodeCursor(cursor, CURSOR);
      const rows = await readRows(db, { after, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        bots: page.map((row) => toRecord(row, hookTokens)),
        nextCursor: rows.length > limit && last ? encodeCursor(last.bot.id) : null,
      };
    },
    async withSecrets(id) {
      const [row] = await readRows(db, { id });
      return row && openSettings(row, box);
    },
    async put(id, settings, options = {}) {
      await db.transaction().execute(async (tx) => {
        if ('expected' in options) await requireUnchanged(tx, box, id, options.expected);
        await write(tx, context, id, settings, { desk: options.service, secondDesk: options.secondService });
      });
      context.changed();
      const record = await readRecord(context, id);
      if (!record) throw new Error(`bot ${id} was deleted at the moment it was written`);
      return record;
    },
    async delete(id) {
      const result = await db.deleteFrom('bots').where('id', '=', id).executeTakeFirst();
      await forgetHealth(db, id);
      await db.deleteFrom('desk_memory').where('bot_id', '=', id).execute();
      context.changed();
      return result.numDeletedRows > 0n;
    },
    async desk(id, kind) {
      const row = await db
        .selectFrom('desk_configs')
        .selectAll()
        .where('bot_id', '=', id)
        .where('kind', '=', kind)
        .executeTakeFirst();
      if (!row) return undefined;
      const bare = { desk: row.config } as unknown as BotSettings;
      return joinSecrets(bare, openSecrets(box, id, deskFields(row.secrets), kind)).desk ?? undefined;
    },
    async callback(id) {
      const row = await db.selectFrom('bots').select(['settings', 'secrets']).where('id', '=', id).executeTakeFirst();
      return row ? joinSecrets(row.settings, openSecrets(box, id, row.secrets)).callback : null;
    },
    byHookToken: hookTokens.find,
    async setService(id, kind, { state, why = null }: { state: 'available' | 'unavailable'; why?: string | null }) {
      const result = await db
        .updateTable('desk_configs')
        .set((eb) => ({
          service_state: state,
          service_why: why,
          service_since: sql<Date>`case when ${eb.ref('service_state')} = ${state} then service_since else now() end`,
        }))
        .where('bot_id', '=', id)
        .where('kind', '=', kind)
        .where((eb) => eb.or([eb('service_state', '!=', state), eb('service_why', 'is distinct from', why)]))
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };
}

/** Keeps the row until the end of the transaction. A bot that is only now made has none: the last one to make it wins. */
async function requireUnchanged(
  tx: Transaction<Tables>,
  box: SecretBox,
  id: string,
  expected: BotSettings | undefined,
): Promise<void> {
  await tx.selectFrom('bots').select('id').where('id', '=', id).forUpdate().execute();
  const [row] = await readRows(tx, { id });
  if (!isDeepStrictEqual(row && openSettings(row, box), expected)) throw new ChangedMeanwhile();
}

/** A callback that is gone fails no more. */
const forgetHealth = (db: Database, botId: string): Promise<unknown> =>
  db.deleteFrom('callback_health').where('bot_id', '=', botId).execute();

async function readRecord({ db, hookTokens }: BotsContext, id: string): Promise<BotRecord | undefined> {
  const [row] = await readRows(db, { id });
  return row && toRecord(row, hookTokens);
}

async function readRows(
  db: Database,
  filter: { id: string } | { after: string | undefined; limit: number },
): Promise<BotRow[]> {
  let query = db.selectFrom('bots').selectAll().orderBy('id');
  if ('id' in filter) query = query.where('id', '=', filter.id);
  else query = query.limit(filter.limit);
  if ('after' in filter && filter.after !== undefined) query = query.where('id', '>', filter.after);
  const bots = await query.execute();
  const ids = bots.filter((bot) => bot.desk_kind !== null || bot.second_desk_kind !== null).map((bot) => bot.id);
  const configs =
    ids.length > 0 ? await db.selectFrom('desk_configs').selectAll().where('bot_id', 'in', ids).execute() : [];
  return bots.map((bot) => {
    const own = configs.filter((config) => config.bot_id === bot.id);
    const desk = own.find(({ kind }) => kind === bot.desk_kind);
    // An older version may have made it the first one, and known nothing of a second.
    const second = own.find(({ kind }) => kind === bot.second_desk_kind && kind !== bot.desk_kind);
    return { bot, ...(desk && { desk }), ...(desk && second && { secondDesk: second }) };
  });
}

async function write(
  tx: Transaction<Tables>,
  { box, desks, hookTokens }: BotsContext,
  id: string,
  settings: BotSettings,
  services: Partial<Record<DeskSetting, Pick<Service, 'state' | 'why'> | undefined>>,
): Promise<void> {
  const { plain, secrets } = splitSecrets(settings, desks);
  const { desk, secondDesk, ...rest } = plain;
  const isOf = (place: DeskSetting) => (entry: [string, string]) => entry[0].startsWith(`${place}.`);
  const own = Object.entries(secrets).filter((entry) => !DESK_SETTINGS.some((place) => isOf(place)(entry)));
  const row = {
    settings: JSON.stringify({ ...rest, desk: null }),
    secrets: JSON.stringify(sealAll(box, id, own)),
    desk_kind: desk?.kind ?? null,
    second_desk_kind: secondDesk?.kind ?? null,
    api_enabled: settings.apiEnabled,
  };
  await tx
    .insertInto('bots')
    .values({ id, ...row })
    .onConflict((oc) => oc.column('id').doUpdateSet({ ...row, updated_at: sql<Date>`now()` }))
    .execute();
  if (settings.callback === null) await forgetHealth(tx, id);
  for (const place of DESK_SETTINGS) {
    const config = plain[place];
    if (!config) continue;
    // Sealed for its kind, not for its place: the two desks may change places.
    const ofDesk = Object.entries(secrets).filter(isOf(place)).map(asFirst);
    await writeDesk(tx, hookTokens, id, config, sealAll(box, id, ofDesk, config.kind), services[place]);
  }
}

/** Which of the two a desk is, is no part of how its row names its secrets. */
const asFirst = ([path, value]: [string, string]): [string, string] => [
  DESK_FIELD + path.slice(path.indexOf('.') + 1),
  value,
];

async function writeDesk(
  tx: Transaction<Tables>,
  hookTokens: HookTokens,
  botId: string,
  desk: NonNullable<BotSettings['desk']>,
  sealed: Sealed,
  service: Pick<Service, 'state' | 'why'> | undefined,
): Promise<void> {
  const row = {
    config: JSON.stringify(desk),
    secrets: JSON.stringify(
      Object.fromEntries(Object.entries(sealed).map(([path, value]) => [path.slice(DESK_FIELD.length), value])),
    ),
  };
  const state: Tables['desk_configs']['service_state'] = service?.state === 'unavailable' ? 'unavailable' : 'available';
  const why = service?.why ?? null;
  await tx
    .insertInto('desk_configs')
    .values({
      bot_id: botId,
      kind: desk.kind,
      ...row,
      ...hookTokens.make(botId, desk.kind),
      service_state: state,
      service_why: why,
    })
    .onConflict((oc) =>
      oc.columns(['bot_id', 'kind']).doUpdateSet({
        ...row,
        ...(service && {
          service_state: state,
          service_why: why,
          service_since: sql<Date>`case when desk_configs.service_state = ${state} then desk_configs.service_since else now() end`,
        }),
      }),
    )
    .execute();
}

const serviceOf = (desk: DeskRow | undefined): Service =>
  desk
    ? {
        state: desk.service_state,
        ...(desk.service_why === null ? {} : { why: desk.service_why }),
        since: isoTime(desk.service_since),
      }
    : { state: 'not_configured', since: null };

function toRecord({ bot, desk, secondDesk }: BotRow, hookTokens: HookTokens): BotRecord {
  return {
    id: bot.id,
    // Stored as `splitSecrets` left them: every secret reads `set`.
    settings: { ...bot.settings, desk: desk?.config ?? null, secondDesk: secondDesk?.config ?? null },
    hookToken: desk ? hookTokens.open(desk) : '',
    service: serviceOf(desk),
    secondDesk: secondDesk ? { hookToken: hookTokens.open(secondDesk), service: serviceOf(secondDesk) } : null,
    createdAt: isoTime(bot.created_at),
    updatedAt: isoTime(bot.updated_at),
  };
}

function openSettings({ bot, desk, secondDesk }: BotRow, box: SecretBox): BotSettings {
  const ofSecond = secondDesk && openSecrets(box, bot.id, deskFields(secondDesk.secrets), secondDesk.kind);
  return joinSecrets(
    { ...bot.settings, desk: desk?.config ?? null, secondDesk: secondDesk?.config ?? null },
    {
      ...openSecrets(box, bot.id, bot.secrets),
      ...(desk && openSecrets(box, bot.id, deskFields(desk.secrets), desk.kind)),
      ...Object.fromEntries(Object.entries(ofSecond ?? {}).map(([path, value]) => [asSecond(path), value])),
    },
  );
}

const asSecond = (path: string): string => `secondDesk.${path.slice(DESK_FIELD.length)}`;

/** In its own row a desk's secret is named as in the desk's config. */
const deskFields = (sealed: Sealed): Sealed =>
  Object.fromEntries(Object.entries(sealed).map(([field, value]) => [`${DESK_FIELD}${field}`, value]));

/** The kind is part of where a desk's secret belongs: two desks may have a field of the same name. */
export const botSecretAad = (botId: string, path: string, kind?: string): string =>
  secretAad(botId, kind === undefined ? path : `${kind}/${path}`);

const sealAll = (box: SecretBox, botId: string, secrets: [string, string][], kind?: string): Sealed =>
  Object.fromEntries(secrets.map(([path, value]) => [path, box.seal(value, botSecretAad(botId, path, kind))]));

const openSecrets = (box: SecretBox, botId: string, sealed: Sealed, kind?: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(sealed).map(([path, value]) => [path, box.open(value, botSecretAad(botId, path, kind))]),
  );
