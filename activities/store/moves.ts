/** Handoffs that went on at the second desk of their bot. */
import { sql, type Selectable } from 'kysely';
import type { LeftDesk } from '../../workflows/contracts.ts';
import { cleanText, isoTime, type Database } from './database.ts';
import type { EarlierDesk } from './handoff-types.ts';
import type { Tables } from './tables.ts';

/** See `Handoffs.bindDesk`. A try to open that nobody waits for any more may say late what it has made. */
export async function bindDesk(
  db: Database,
  id: string,
  conversation: string,
  desk: string | undefined,
): Promise<void> {
  const isHere = sql<boolean>`${desk === undefined}::boolean or desk = ${desk ?? ''}`;
  await sql`
    update handoffs set
      desk_conversation_id = case when ${isHere} then ${conversation} else desk_conversation_id end,
      earlier_desk_conversation_id = case
        when not (${isHere}) and earlier_desk = ${desk ?? ''} then coalesce(earlier_desk_conversation_id, ${conversation})
        else earlier_desk_conversation_id
      end
    where id = ${id}
  `.execute(db);
}

/** See `Handoffs.move`. */
export async function moveHandoff(db: Database, id: string, left: LeftDesk, to: string): Promise<boolean> {
  const told = left.deskConversationId === undefined ? null : cleanText(left.deskConversationId);
  const result = await sql`
    update handoffs set
      earlier_desk = desk,
      earlier_desk_conversation_id = coalesce(desk_conversation_id, ${told}),
      moved_why = ${left.why},
      moved_at = now(),
      desk = ${to},
      desk_conversation_id = null
    where id = ${id} and desk = ${left.desk}
  `.execute(db);
  return (result.numAffectedRows ?? 0n) > 0n;
}

export function earlierDesksOf(row: Selectable<Tables['handoffs']>): EarlierDesk[] {
  const { earlier_desk: desk, earlier_desk_conversation_id: deskConversationId, moved_why: why, moved_at: at } = row;
  return desk === null || why === null || at === null ? [] : [{ desk, deskConversationId, why, leftAt: isoTime(at) }];
}
