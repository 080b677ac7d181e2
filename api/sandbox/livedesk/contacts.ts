import { randomUUID } from 'node:crypto';
import { type Contact, type Fields, LivedeskError, type World } from './model.ts';
import { bodyOf, numberField, textField } from './request.ts';
import type { Route } from './routes.ts';
import { contactInboxesJson, contactJson, type Wire } from './wire.ts';

const PER_PAGE = 15;

/** The link of a contact to a channel, made when there is none. */
export function linked(world: World, contact: Contact, inboxId: number): string {
  const known = contact.inboxes.get(inboxId);
  if (known !== undefined) return known.sourceId;
  const link = { id: world.nextId(), sourceId: randomUUID(), createdAt: Date.now() };
  contact.inboxes.set(inboxId, link);
  return link.sourceId;
}

export function addContact(world: World, fields: Partial<Contact>, inboxId: number): Contact {
  const contact: Contact = {
    id: world.nextId(),
    name: null,
    email: null,
    phone: null,
    identifier: null,
    avatarUrl: null,
    blocked: false,
    createdAt: Date.now(),
    inboxes: new Map(),
    ...fields,
  };
  world.contacts.set(contact.id, contact);
  linked(world, contact, inboxId);
  return contact;
}

/** A channel that a call names; documented as text, shown as a number. */
export function inboxOf(world: World, fields: Fields): number {
  const inboxId = numberField(fields, 'inbox_id');
  if (inboxId === undefined) throw new LivedeskError(422, "Inbox can't be blank", ['inbox_id']);
  if (world.inboxName(inboxId) === undefined) throw new LivedeskError(404, 'Resource could not be found');
  return inboxId;
}

/** Contacts are made, and found again. */
export function contactRoutes(world: World, wire: Wire, reading: () => boolean): Route[] {
  let lists = 0;
  return [
    {
      method: 'GET',
      path: '/contacts',
      operation: ({ query }) => ('q' in query ? undefined : 'verify'),
      run({ query }) {
        const { q = '', page = '1', page_size: size, include_contact_inboxes: withInboxes = 'true' } = query;
        const perPage = Number(size ?? PER_PAGE);
        const words = q.toLowerCase();
        const hits = [...world.contacts.values()].filter(({ email, phone, name, identifier }) =>
          [email, phone, name, identifier].some((value) => value?.toLowerCase().includes(words)),
        );
        const all = words === '' ? [...world.contacts.values()] : hits;
        const start = (Number(page) - 1) * perPage;
        // A number on one page of the documentation, a text on the other.
        lists += 1;
        const current = lists % 2 === 0 ? page : Number(page);
        const payload = all.slice(start, start + perPage).map((contact) => ({
          ...contactJson(contact),
          ...(withInboxes !== 'false' && { contact_inboxes: contactInboxesJson(contact) }),
        }));
        return { body: { meta: { count: all.length, current_page: current }, payload } };
      },
    },
    {
      method: 'POST',
      path: '/contacts',
      run({ request }) {
        const fields = bodyOf(request);
        const inboxId = inboxOf(world, fields);
        const contact = addContact(world, checked(world, fields), inboxId);
        const [link] = contactInboxesJson(contact);
        return { body: { payload: { contact: contactJson(contact), contact_inbox: link } } };
      },
    },
    {
      method: 'GET',
      path: '/contacts/:id/conversations',
      run({ params }) {
        const contact = reading() ? world.contacts.get(Number(params['id'])) : undefined;
        if (contact === undefined) throw new LivedeskError(404, 'Resource could not be found');
        const mine = [...world.conversations.values()].filter(({ contactId }) => contactId === contact.id);
        return { body: { payload: mine.toReversed().map((one) => wire.conversation(one)) } };
      },
    },
  ];
}

function checked(world: World, fields: Fields): Partial<Contact> {
  const email = textField(fields, 'email')?.toLowerCase() ?? null;
  const phone = textField(fields, 'phone_number') ?? null;
  const identifier = textField(fields, 'identifier') ?? null;
  if (email !== null && !/^[^\s@]+@[^\s@]+$/.test(email)) throw new LivedeskError(422, 'Email is invalid', ['email']);
  if (phone !== null && !/^\+[1-9]\d{1,14}$/.test(phone)) {
    throw new LivedeskError(422, 'Phone number should be in e164 format', ['phone_number']);
  }
  const given = { identifier, email, phone } as const;
  for (const [name, value] of Object.entries(given)) {
    const isTaken =
      value !== null && [...world.contacts.values()].some((one) => one[name as keyof typeof given] === value);
    const field = name === 'phone' ? 'phone_number' : name;
    const shown = `${field.charAt(0).toUpperCase()}${field.slice(1).replace('_', ' ')}`;
    if (isTaken) throw new LivedeskError(422, `${shown} has already been taken`, [field]);
  }
  return { ...given, name: textField(fields, 'name') ?? null, avatarUrl: textField(fields, 'avatar_url') ?? null };
}
