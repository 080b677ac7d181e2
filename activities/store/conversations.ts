import { randomBytes } from 'node:crypto';
import { sql, type Selectable } from 'kysely';
import type { ConversationEvent } from '../../workflows/contracts.ts';
import { CONVERSATION_PREFIX } from '../../workflows/ids.ts';
import { placeOf, type ContentBox } from './content.ts';
import { cleanText, isoTime, type Database } from './database.ts';
import type { Tables } from './tables.ts';
import type { ConversationRow, Conversations } from './types.ts';

const ID_BYTES = 16;
/** Events that a new run looks through. */
const KNOWN_AGAIN = 100;

export function createConversations(db: Database, box: ContentBox): Conversations {
  const find: Conversations['find'] = async (botId, desk, deskConversationId) => {
    const row = await db
      .selectFrom('conversations')
      .selectAll()
      .where('bot_id', '=', botId)
      .where('desk', '=', desk)
      .where('desk_conversation_id', '=', cleanText(deskConversationId))
      .executeTakeFirst();
    return row && toRow(row);
  };
  return {
    find,
    async open({ botId, desk, deskConversationId }) {
      await db
        .insertInto('conversations')
        .values({
          id: CONVERSATION_PREFIX + randomBytes(ID_BYTES).toString('hex'),
          bot_id: botId,
          desk,
          desk_conversation_id: cleanText(deskConversationId),
        })
        // Waits for a concurrent insert of the same conversation to end; the next statement sees its row.
        .onConflict((oc) => oc.doNothing())
        .execute();
      const row = await find(botId, desk, deskConversationId);
      if (!row) throw new Error('the conversation that was just stored is gone');
      return row;
    },
    async restore({ id, botId, desk, deskConversationId }) {
      await db
        .insertInto('conversations')
        .values({ id, bot_id: botId, desk, desk_conversation_id: cleanText(deskConversationId) })
        .onConflict((oc) => oc.column('id').doNothing())
        .execute();
    },
    async get(id) {
      const row = await db.selectFrom('conversations').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toRow(row);
    },
    async named(botId, deskConversationId) {
      const rows = await db
        .selectFrom('conversations')
        .selectAll()
        .where('bot_id', '=', botId)
        .where('desk_conversation_id', '=', cleanText(deskConversationId))
        .execute();
      return rows.map(toRow);
    },
    async progress(id) {
      const { rows } = await sql<{ seq: number; n: number }>`
        select
          greatest(
            (select max(seq) from events where handoff_id = ${id}),
            (select last_seq from conversations where id = ${id}),
            (select sent from ledger where handoff_id = ${id} and lane = 'callback'),
            0
          ) as seq,
          greatest((select greatest(started, sent) from ledger where handoff_id = ${id} and lane = 'desk'), 0) as n
      `.execute(db);
      return { lastSeq: rows[0]?.seq ?? 0, lastDeskN: rows[0]?.n ?? 0, seen: await newestMessages(db, box, id) };
    },
  };
}

/** Read here and not by operators of JSON: they refuse what `json` may hold. */
async function newestMessages(db: Database, box: ContentBox, id: string): Promise<string[]> {
  const { rows } = await sql<{ seq: number; event: ConversationEvent | string }>`
    select seq, event from events where handoff_id = ${id} order by seq desc limit ${KNOWN_AGAIN}
  `.execute(db);
  return rows.toReversed().flatMap(({ seq, event }) => {
    const { type, data } = box.open<ConversationEvent>(event, placeOf.event(id, seq));
    if (type !== 'conversation.message') return [];
    return [`${data['from'] === 'agent' ? 'agentReply' : 'userMessage'}:${String(data['messageId'])}`];
  });
}

const toRow = (row: Selectable<Tables['conversations']>): ConversationRow => ({
  id: row.id,
  botId: row.bot_id,
  desk: row.desk,
  deskConversationId: row.desk_conversation_id,
  human: row.human,
  lastSeq: row.last_seq,
  startedAt: isoTime(row.started_at),
});
