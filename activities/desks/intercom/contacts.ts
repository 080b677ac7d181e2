import { z } from 'zod';
import type { OpenRequest } from '../desk.ts';
import { type Answer, call, deskError, fromStatus, hashOf } from './client.ts';
import type { Context } from './config.ts';
import type { ContactRef } from './state.ts';

interface Remembered extends ContactRef {
  /** Conversations of earlier handoffs: never the one that an unclear try may have made. */
  recent: string[];
}

/** Who the user is at Intercom: by an id of ours, or by an e-mail when there is no id. */
export type Identity = { externalId: string } | { email: string };

const CONTACT_TTL_MS = 30 * 24 * 60 * 60 * 1000;
const KEPT_RECENT = 10;

const contactShape = z.object({
  id: z.string().min(1),
  role: z.string().catch('user'),
  created_at: z.number().catch(0),
});

/**
 * A user's own id is shared by all bots, as in the customer's own Intercom Messenger. An anonymous id means something to
 * its bot only, and must not meet a user's id by chance.
 */
export function identify({ user, email, botId, conversationId }: OpenRequest): Identity {
  if (user.id !== undefined) return { externalId: user.id };
  if (user.anonymousId !== undefined) return { externalId: `anonymous:${botId}:${user.anonymousId}` };
  const known = user.email ?? email;
  return known === undefined
    ? { externalId: `conversation:${botId}:${conversationId}` }
    : { email: known.toLowerCase() };
}

const keyOf = (identity: Identity): string =>
  `contact.${hashOf('externalId' in identity ? `id ${identity.externalId}` : `email ${identity.email}`)}`;

/** The contact of a user, made when there is none. */
export async function resolveContact(ctx: Context, identity: Identity, name?: string): Promise<Remembered> {
  const remembered = await ctx.memory.get<Remembered>(keyOf(identity));
  if (remembered) return remembered;
  const found =
    'externalId' in identity ? await byExternalId(ctx, identity.externalId) : await byEmail(ctx, identity.email);
  const contact = { ...(found ?? (await create(ctx, identity, name))), recent: [] };
  await ctx.memory.put(keyOf(identity), contact, { ttlMs: CONTACT_TTL_MS });
  return contact;
}

export const forgetContact = (ctx: Context, identity: Identity): Promise<void> => ctx.memory.forget(keyOf(identity));

export async function noteConversation(
  ctx: Context,
  identity: Identity,
  contact: ContactRef,
  id: string,
): Promise<void> {
  await ctx.memory.update<Remembered>(
    keyOf(identity),
    async (now) => ({
      ...contact,
      recent: [...(now?.recent ?? []).filter((one) => one !== id), id].slice(-KEPT_RECENT),
    }),
    { ttlMs: CONTACT_TTL_MS },
  );
}

async function byExternalId(ctx: Context, externalId: string): Promise<ContactRef | undefined> {
  const path = `/contacts/find_by_external_id/${encodeURIComponent(externalId)}`;
  const answer = await call(ctx, { operation: 'open', method: 'GET', path, accept: [404, 410] });
  return answer.status === 404 ? undefined : await contactOf(ctx, answer);
}

/** A user before a lead, then the newest: one address may belong to several contacts. */
async function byEmail(ctx: Context, email: string): Promise<ContactRef | undefined> {
  const { body } = await call(ctx, {
    operation: 'open',
    method: 'POST',
    path: '/contacts/search',
    body: {
      query: { operator: 'AND', value: [{ field: 'email', operator: '=', value: email }] },
      pagination: { per_page: 50 },
    },
  });
  const list = z.object({ data: z.array(contactShape) }).safeParse(body);
  const rank = (role: string): number => (role === 'user' ? 0 : 1);
  const [best] = (list.data?.data ?? []).toSorted((a, b) => rank(a.role) - rank(b.role) || b.created_at - a.created_at);
  return best && { id: best.id, role: best.role };
}

/**
 * With an id known, no e-mail is set: the bot's default address would make all its users one contact, and Intercom would
 * send replies by e-mail as well. It stands in the note instead.
 */
async function create(ctx: Context, identity: Identity, name: string | undefined): Promise<ContactRef> {
  const who = 'externalId' in identity ? { external_id: identity.externalId } : { email: identity.email };
  const body = { role: 'user', ...who, ...(name !== undefined && { name }) };
  const answer = await call(ctx, { operation: 'open', method: 'POST', path: '/contacts', body, accept: [409] });
  if (answer.status !== 409) return await contactOf(ctx, answer);
  // The search lags, so only this answer says that there is one, and which.
  const said = JSON.stringify(answer.body ?? '');
  const id = /id=([0-9a-f]{24})/i.exec(said)?.[1];
  if (id === undefined) throw fromStatus(ctx, 'open', answer);
  if (/archived/i.test(said)) {
    await call(ctx, { operation: 'open', method: 'POST', path: `/contacts/${id}/unarchive`, body: {} });
  }
  return await contactOf(
    ctx,
    await call(ctx, { operation: 'open', method: 'GET', path: `/contacts/${id}`, accept: [410] }),
  );
}

/** Follows the address of the contact that a merged one became part of, once: the server resolves chains. */
async function contactOf(ctx: Context, answer: Answer): Promise<ContactRef> {
  let { body } = answer;
  if (answer.status === 410) {
    const path = /<[^>]*(\/contacts\/[^/>?#]+)>/.exec(answer.headers['link'] ?? '')?.[1];
    if (path === undefined) throw fromStatus(ctx, 'open', answer);
    ({ body } = await call(ctx, { operation: 'open', method: 'GET', path }));
  }
  const contact = contactShape.safeParse(body);
  if (!contact.success) throw deskError('open', 'protocol', 'the answer is not a contact', { status: answer.status });
  return { id: contact.data.id, role: contact.data.role };
}
