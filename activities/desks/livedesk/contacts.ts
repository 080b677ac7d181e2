import type { OpenRequest } from '../desk.ts';
import { call, deskError, fromStatus, hashOf } from './client.ts';
import type { Context } from './config.ts';
import { contactIdOf, readList, readPerson } from './shapes.ts';
import { type Contact, KEPT_MS } from './state.ts';

/** The search shows 15 a page, and its first hits are often other contacts whose fields only contain the identifier. */
const MOST_PAGES = 20;
const PAGE_SIZE = 15;

/**
 * Who the user is at LiveDesk. His own id is shared by all bots; an anonymous id means something to its bot only. Never an
 * e-mail address: the bot's default one would make all its users one contact.
 */
export function identifierOf({ user, botId, conversationId }: OpenRequest): string {
  if (user.id !== undefined) return user.id;
  if (user.anonymousId !== undefined) return `anonymous:${botId}:${user.anonymousId}`;
  return `conversation:${botId}:${conversationId}`;
}

export const contactKeyOf = (request: OpenRequest): string => `contact.${hashOf(identifierOf(request))}`;

/** The user's contact, made when there is none. */
export const resolveContact = (ctx: Context, request: OpenRequest): Promise<Contact> =>
  ctx.memory.update<Contact>(
    contactKeyOf(request),
    async (now) => now ?? { id: await findOrCreate(ctx, request), conversations: [] },
    { ttlMs: KEPT_MS },
  );

/** LiveDesk has no idempotency key: it is asked first, so a lost answer to an earlier try makes no second contact. */
export async function findOrCreate(ctx: Context, request: OpenRequest): Promise<string> {
  const { user } = request;
  const identifier = identifierOf(request);
  const found = await search(ctx, identifier);
  if (found !== undefined) return found;
  const least = { inbox_id: inboxOf(ctx), identifier, ...(user.name !== undefined && { name: user.name }) };
  const known = {
    ...(user.email !== undefined && { email: user.email }),
    ...(user.phone !== undefined && /^\+[1-9]\d{6,14}$/.test(user.phone) && { phone_number: user.phone }),
  };
  const answer = await create(ctx, { ...least, ...known });
  if (answer.id !== undefined) return answer.id;
  // Somebody was faster, or another contact has the e-mail or the phone: he stays who he is.
  const raced = await search(ctx, identifier);
  if (raced !== undefined) return raced;
  const bare = Object.keys(known).length === 0 ? answer : await create(ctx, least);
  if (bare.id !== undefined) return bare.id;
  throw fromStatus(ctx, 'open', bare.answer);
}

async function create(ctx: Context, body: Record<string, unknown>) {
  const answer = await call(ctx, { operation: 'open', method: 'POST', path: '/contacts', body, accept: [409, 422] });
  if (answer.status === 409 || answer.status === 422) return { answer };
  const id = contactIdOf(answer.body);
  if (id === undefined) throw deskError('open', 'protocol', 'the answer is not a contact', { status: answer.status });
  return { answer, id };
}

/** `q` is fuzzy: only the very same identifier counts. */
async function search(ctx: Context, identifier: string): Promise<string | undefined> {
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const query = new URLSearchParams({ q: identifier, page: String(page), include_contact_inboxes: 'false' });
    const { body, status } = await call(ctx, { operation: 'open', method: 'GET', path: `/contacts?${query}` });
    const list = readList(body);
    if (list === undefined) throw deskError('open', 'protocol', 'the answer is not a list of contacts', { status });
    const hit = list.map(readPerson).find((one) => one?.identifier === identifier);
    if (hit?.id != null) return hit.id;
    if (list.length < PAGE_SIZE) return undefined;
  }
  return undefined;
}

/** LiveDesk's tables say text, its examples a number. */
export const inboxOf = ({ config }: Context): number => Number(config.inboxId);
