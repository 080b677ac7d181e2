import { type Contact, IntercomError, seconds, type Workspace } from './model.ts';
import { bodyOf, type Fields, oneOf, optionalText } from './request.ts';
import type { Route } from './routes.ts';
import { searched } from './search.ts';
import { contactJson } from './wire.ts';

/** Intercom's own default. */
const PER_PAGE = 50;

/** The contacts: found, made, changed, brought back. */
export function contactRoutes(workspace: Workspace, searchDelayMs: () => number): Route[] {
  const { contacts } = workspace;
  const shown = (contact: Contact) => ({ body: contactJson(workspace, contact) });

  return [
    {
      method: 'GET',
      path: '/contacts/find_by_external_id/:externalId',
      run({ params }) {
        const all = [...contacts.values()].filter(
          (one) => one.role === 'user' && one.externalId === params['externalId'],
        );
        return shown(present(all.find((one) => !one.archived && one.mergedInto === undefined) ?? all[0]));
      },
    },
    {
      method: 'POST',
      path: '/contacts/search',
      run({ request }) {
        const visible = [...contacts.values()].filter(
          (one) => !one.archived && one.mergedInto === undefined && one.searchableAt <= Date.now(),
        );
        const { found, total, pages } = searched(visible, bodyOf(request), { fields: fieldsOf, perPage: PER_PAGE });
        const data = found.map((contact) => contactJson(workspace, contact));
        return { body: { type: 'list', data, total_count: total, pages } };
      },
    },
    {
      method: 'POST',
      path: '/contacts',
      run({ request }) {
        const body = bodyOf(request);
        if (!['email', 'external_id', 'role'].some((name) => body[name] !== undefined)) {
          throw new IntercomError(400, 'parameter_not_found', 'one of email, external_id or role is required');
        }
        const fields = changesOf(body);
        refuseDoubles(workspace, { role: 'user', ...fields });
        return shown(workspace.addContact(fields, Date.now() + searchDelayMs()));
      },
    },
    { method: 'GET', path: '/contacts/:id', run: ({ params }) => shown(present(contacts.get(params['id'] ?? ''))) },
    {
      method: 'PUT',
      path: '/contacts/:id',
      run({ params, request }) {
        const contact = present(contacts.get(params['id'] ?? ''));
        const { customAttributes = {}, ...fields } = changesOf(bodyOf(request));
        refuseDoubles(workspace, { role: contact.role, ...fields }, contact.id);
        Object.assign(contact.customAttributes, customAttributes);
        Object.assign(contact, fields, { updatedAt: seconds() });
        return shown(contact);
      },
    },
    {
      method: 'POST',
      path: '/contacts/:id/unarchive',
      run({ params }) {
        const contact = contacts.get(params['id'] ?? '');
        if (contact === undefined || contact.mergedInto !== undefined) throw notFound();
        contact.archived = false;
        const { id, externalId } = contact;
        return { body: { type: 'contact', id, external_id: externalId, archived: false } };
      },
    },
  ];
}

const notFound = (): IntercomError => new IntercomError(404, 'not_found', 'User Not Found');

/** A contact that may be used; one that was merged away names the other. */
export function present(contact: Contact | undefined): Contact {
  if (contact?.mergedInto !== undefined) {
    const message = "This contact has been merged. See the 'Link' header for the canonical contact.";
    const link = `</contacts/${contact.mergedInto}>; rel="canonical"`;
    throw new IntercomError(410, 'contact_merged', message, { link });
  }
  if (contact === undefined || contact.archived) throw notFound();
  return contact;
}

/** Users have an external id and an email of their own; leads may share an email. */
function refuseDoubles({ contacts }: Workspace, fields: Partial<Contact>, own?: string): void {
  const isSame = (other: Contact): boolean =>
    other.id !== own &&
    other.mergedInto === undefined &&
    ((typeof fields.externalId === 'string' && other.externalId === fields.externalId) ||
      (fields.role === 'user' &&
        other.role === 'user' &&
        typeof fields.email === 'string' &&
        other.email === fields.email));
  const double = [...contacts.values()].find(isSame);
  if (double === undefined) return;
  const which = double.archived ? 'An archived contact' : 'A contact';
  throw new IntercomError(409, 'conflict', `${which} matching those details already exists with id=${double.id}`);
}

function changesOf(body: Fields): Partial<Contact> & { role?: Contact['role'] } {
  const [externalId, email] = [optionalText(body, 'external_id'), optionalText(body, 'email')];
  const [name, phone] = [optionalText(body, 'name'), optionalText(body, 'phone')];
  const custom = body['custom_attributes'] ?? {};
  if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new IntercomError(400, 'parameter_invalid', 'email is invalid');
  }
  if (typeof custom !== 'object') throw new IntercomError(400, 'parameter_invalid', 'custom_attributes is no object');
  return {
    ...(body['role'] !== undefined && { role: oneOf(body, 'role', ['user', 'lead']) }),
    ...(externalId !== undefined && { externalId }),
    ...(email !== undefined && { email: email.toLowerCase() }),
    ...(name !== undefined && { name }),
    ...(phone !== undefined && { phone }),
    customAttributes: custom as Record<string, unknown>,
  };
}

const fieldsOf = (contact: Contact) => ({
  id: contact.id,
  role: contact.role,
  email: contact.email,
  name: contact.name,
  phone: contact.phone,
  external_id: contact.externalId,
  created_at: contact.createdAt,
  updated_at: contact.updatedAt,
});
