import { sql } from 'kysely';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { wordsOf } from '../text/said.ts';
import { placeOf, type ContentBox } from './content.ts';
import type { Database } from './database.ts';
import type { ReceivedEvent } from './types.ts';

/** No webhook comes later than this, so the same words after it are new. Minutes. */
const WEBHOOK_MINUTES = 60;

interface Row {
  id: string;
  bot_id: string;
  desk: string;
  dedupe_key: string;
  signal: HandoffSignal | string;
}

/** What looks have recovered with the words of this webhook and no webhook has told yet, oldest first: inbox ids. */
export async function twinsOf(db: Database, box: ContentBox, event: ReceivedEvent): Promise<string[]> {
  const { botId, desk, dedupeKey, deskConversationId, signal } = event;
  const { rows } = await sql<Row>`
    select id::text, bot_id, desk, dedupe_key, signal from inbox
    where bot_id = ${botId} and desk = ${desk} and desk_conversation_id = ${deskConversationId} and awaits_webhook
      and received_at > now() - make_interval(mins => ${WEBHOOK_MINUTES})
      and not exists (
        select 1 from inbox where bot_id = ${botId} and desk = ${desk} and dedupe_key = ${dedupeKey}
      )
    order by inbox.id
  `.execute(db);
  const [words] = wordsOf(signal);
  return rows.flatMap((row) => {
    const found = box.open<HandoffSignal>(row.signal, placeOf.signal(row.bot_id, row.desk, row.dedupe_key));
    return wordsOf(found)[0] === words ? [row.id] : [];
  });
}

/**
 * A key that both a webhook and a look have used: a webhook need not be known by its words then. Whether it was taken
 * for a repeat by them, and is now news again.
 */
export async function isReopened(db: Database, event: ReceivedEvent, inboxId: string): Promise<boolean> {
  if (event.mayBeRecovered === true)
    await sql`update inbox set awaits_webhook = null where id = ${inboxId}::bigint and awaits_webhook`.execute(db);
  if (event.awaitsWebhook !== true) return false;
  const { rows } = await sql`
    update inbox set outcome = null, outcome_at = null where id = ${inboxId}::bigint and outcome = 'repeat' returning id
  `.execute(db);
  return rows.length > 0;
}
