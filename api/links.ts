import type { HandoffRow } from '../activities/store/store.ts';
import type { Principal } from './auth.ts';
import type { ApiContext } from './context.ts';

/** Where people look at a handoff outside Baton. */
export interface Links {
  /** Its run in the Temporal UI, for the operator. */
  temporal: string | null;
  /** Its conversation in the desk's own web application. */
  desk: string | null;
}

/** Without the desk: that needs the desk's config, which is not read for every row of a list. */
export function linksOf({ client, temporalUiUrl }: ApiContext, principal: Principal, handoffId: string): Links {
  if (temporalUiUrl === undefined || principal.kind !== 'operator') return { temporal: null, desk: null };
  const path = ['namespaces', client.options.namespace, 'workflows', handoffId].map(encodeURIComponent).join('/');
  return { temporal: `${temporalUiUrl.replace(/\/+$/, '')}/${path}`, desk: null };
}

/** The desk is not called; null when it has no address for this, or knows too little for one. Never fails. */
export async function deskLink(context: ApiContext, row: HandoffRow): Promise<string | null> {
  try {
    return await conversationAt(context, row);
  } catch (error) {
    // Such as a secret whose key is gone. How a handoff is must be seen all the same, then most of all.
    context.log.warn({ err: error, handoffId: row.id }, 'no link to the conversation at the desk');
    return null;
  }
}

async function conversationAt({ desks, store }: ApiContext, row: HandoffRow): Promise<string | null> {
  const desk = desks.get(row.desk);
  if (row.deskConversationId === null || desk?.conversationUrl === undefined) return null;
  const config = await store.bots.desk(row.botId, row.desk);
  if (config === undefined) return null;
  const memory = store.memory(row.botId, row.desk, config);
  const conversation = { deskConversationId: row.deskConversationId, isClosed: row.status === 'closed' };
  return (await desk.conversationUrl({ config, memory }, conversation)) ?? null;
}
