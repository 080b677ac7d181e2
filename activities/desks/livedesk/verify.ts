import type { Mode } from '../../../workflows/contracts.ts';
import type { Verified } from '../desk.ts';
import { call, deskError, isThere, NOT_THERE } from './client.ts';
import { baseOf, type Context } from './config.ts';
import { pathOf } from './messages.ts';
import { readConversations, readList, readPerson } from './shapes.ts';
import { hasTrouble, TROUBLES, type Trouble } from './state.ts';

const NATIVE =
  'EngageLab has not published how an AI Agent of your own gets events: the first message of a user shows whether they arrive.';
const UNPROBED = 'There is no conversation yet with which to try the calls that EngageLab has not published.';

/** Reads only: the key pair, and which of the calls that are not published are there. */
export async function verify(ctx: Context, mode: Mode): Promise<Verified> {
  const { body, status } = await call(ctx, { operation: 'verify', method: 'GET', path: '/contacts?page=1' });
  const list = readList(body);
  if (list === undefined) throw deskError('verify', 'protocol', 'the answer is not a list of contacts', { status });
  const contactId = list.map(readPerson).find((one) => one?.id != null)?.id;
  const troubles = await Promise.all(
    (Object.keys(TROUBLES) as Trouble[]).map(async (one) => ((await hasTrouble(ctx, one)) ? [TROUBLES[one]] : [])),
  );
  const warnings = [
    ...(mode === 'native' ? [NATIVE] : []),
    ...(contactId == null ? [UNPROBED] : await missing(ctx, contactId)),
    ...troubles.flat(),
  ];
  const channel =
    mode === 'external' ? `; the first handoff proves channel ${ctx.config.inboxId ?? ''}, which no call shows` : '';
  return {
    detail: `${new URL(baseOf(ctx.config)).host} takes the API key${channel}`,
    ...(warnings.length > 0 && { warnings }),
  };
}

/** With what is there already, so that nothing has to be made. */
async function missing(ctx: Context, contactId: string): Promise<string[]> {
  const get = (path: string) => call(ctx, { operation: 'verify', method: 'GET', path, accept: NOT_THERE });
  const list = await get(`/contacts/${encodeURIComponent(contactId)}/conversations`);
  if (!isThere(list)) {
    return [
      "LiveDesk does not show a contact's conversations: an opening whose answer is lost may leave an empty one.",
    ];
  }
  const [conversation] = readConversations(list.body);
  if (conversation === undefined) return [UNPROBED];
  const [messages, itself] = [await get(`${pathOf(conversation.id)}/messages`), await get(pathOf(conversation.id))];
  return [
    ...(isThere(messages) ? [] : ['LiveDesk does not show messages: one whose answer is lost may arrive twice.']),
    ...(isThere(itself)
      ? []
      : ['LiveDesk does not show the status of a conversation: a refused change stays refused.']),
  ];
}
