import { randomBytes } from 'node:crypto';
import type { SandboxFile } from '../desk-sandbox.ts';
import { escaped, plainOf } from './html.ts';

/** Refuses a call in Intercom's words. */
export class IntercomError extends Error {
  readonly statusCode: number;
  readonly code: string;
  readonly headers: Record<string, string>;
  constructor(statusCode: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
    this.headers = headers;
  }
}

export interface Person {
  type: 'user' | 'lead' | 'admin' | 'bot';
  id: string;
  name: string;
  email: string;
  /** Fin, not a person and not a workflow. */
  fromAiAgent?: boolean;
}

export interface Contact {
  id: string;
  role: 'user' | 'lead';
  externalId: string | null;
  email: string | null;
  name: string | null;
  phone: string | null;
  customAttributes: Record<string, unknown>;
  createdAt: number;
  updatedAt: number;
  /** Epoch milliseconds from which search finds it. */
  searchableAt: number;
  archived: boolean;
  mergedInto?: string;
}

export interface Body {
  html: string | null;
  text: string;
  files: SandboxFile[];
}

export interface Part extends Body {
  id: string;
  partType: string;
  author: Person;
  createdAt: number;
  assignedTo: { type: 'admin' | 'team'; id: string } | null;
  state: ConversationState;
  redacted: boolean;
}

export type ConversationState = 'open' | 'closed' | 'snoozed';

export interface Conversation {
  id: string;
  contactId: string;
  source: Body & { id: string; author: Person; delivered: 'customer_initiated'; redacted: boolean };
  parts: Part[];
  createdAt: number;
  updatedAt: number;
  searchableAt: number;
  state: ConversationState;
  snoozedUntil: number | null;
  waitingSince: number | null;
  /** '0' = nobody. */
  adminAssigneeId: string;
  teamAssigneeId: string;
  tags: { id: string; name: string }[];
  customAttributes: Record<string, unknown>;
  title: string | null;
  read: boolean;
  /** Opened by a program, not in the Messenger. */
  fromApi: boolean;
}

export interface Admin {
  id: string;
  name: string;
  email: string;
}
export interface Team {
  id: string;
  name: string;
  adminIds: string[];
}

/** Who works in the workspace; ids as Intercom forms them. */
export const BOT_ADMIN = '7001000';
export const HUMAN_TEAM = '5510021';
export const OPERATOR: Person = { type: 'bot', id: '7009999', name: 'Operator', email: 'operator@intercom.example' };

export const seconds = (ms = Date.now()): number => Math.floor(ms / 1000);

export interface Workspace {
  /** `app.id_code` and `app_id`. */
  readonly id: string;
  readonly admins: Map<string, Admin>;
  readonly teams: Map<string, Team>;
  readonly contacts: Map<string, Contact>;
  readonly conversations: Map<string, Conversation>;
  readonly tags: Map<string, string>;
  nextId(kind: 'conversation' | 'part' | 'message' | 'tag'): string;
  /** By id or name; a name that nobody has joins the workspace. */
  admin(idOrName: string): Admin;
  addContact(fields: Partial<Contact>, searchableAt: number): Contact;
  /** Numbers go on afterwards, so that an id never means two things. */
  reset(): void;
}

export function createWorkspace(): Workspace {
  const admins = new Map<string, Admin>();
  const teams = new Map<string, Team>();
  const contacts = new Map<string, Contact>();
  const conversations = new Map<string, Conversation>();
  const tags = new Map<string, string>();
  // As the real one never gives an id twice, a restarted sandbox must not either.
  const since = Math.floor(Date.now() / 1000) % 100_000_000;
  const next = {
    conversation: 215_400_000_000_000 + since * 1_000,
    part: 30_010_000_000 + since * 1_000,
    message: 403_900_000 + since * 10,
    tag: 85,
  };

  function join(id: string, name: string): Admin {
    const admin = { id, name, email: `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@acme.example` };
    admins.set(id, admin);
    return admin;
  }

  function staff(): void {
    admins.clear();
    teams.clear();
    join(BOT_ADMIN, 'Handoff Bot');
    join('7001001', 'Dana Reyes');
    join('7001002', 'Sam Okoye');
    teams.set(HUMAN_TEAM, { id: HUMAN_TEAM, name: 'Support', adminIds: ['7001001', '7001002'] });
    teams.set('5510022', { id: '5510022', name: 'Billing', adminIds: ['7001002'] });
  }
  staff();

  return {
    id: randomBytes(4).toString('hex'),
    admins,
    teams,
    contacts,
    conversations,
    tags,
    nextId(kind) {
      next[kind] += 1;
      return String(next[kind]);
    },
    admin(idOrName) {
      const known = admins.get(idOrName) ?? [...admins.values()].find(({ name }) => name === idOrName);
      return known ?? join(String(7_001_000 + admins.size), idOrName);
    },
    addContact(fields, searchableAt) {
      const contact: Contact = {
        id: randomBytes(12).toString('hex'),
        role: 'user',
        externalId: null,
        email: null,
        name: null,
        phone: null,
        customAttributes: {},
        createdAt: seconds(),
        updatedAt: seconds(),
        searchableAt,
        archived: false,
        ...fields,
      };
      contacts.set(contact.id, contact);
      return contact;
    },
    reset() {
      contacts.clear();
      conversations.clear();
      tags.clear();
      staff();
    },
  };
}

export function openConversation(
  workspace: Workspace,
  contact: Contact,
  body: Body,
  { searchableAt = Date.now(), createdAt = seconds(), fromApi = false } = {},
): Conversation {
  const conversation: Conversation = {
    id: workspace.nextId('conversation'),
    contactId: contact.id,
    source: {
      ...body,
      id: workspace.nextId('message'),
      author: personOf(contact),
      delivered: 'customer_initiated',
      redacted: false,
    },
    parts: [],
    createdAt,
    updatedAt: createdAt,
    searchableAt,
    state: 'open',
    snoozedUntil: null,
    waitingSince: createdAt,
    adminAssigneeId: '0',
    teamAssigneeId: '0',
    tags: [],
    customAttributes: {},
    title: null,
    read: false,
    fromApi,
  };
  workspace.conversations.set(conversation.id, conversation);
  return conversation;
}

export const personOf = (contact: Contact): Person => ({
  type: contact.role,
  id: contact.id,
  name: contact.name ?? '',
  email: contact.email ?? '',
});

export const adminPerson = ({ id, name, email }: Admin): Person => ({ type: 'admin', id, name, email });

export const NO_BODY: Body = { html: null, text: '', files: [] };

/** A text as the Messenger and the API store a contact's words. */
export const plainBody = (text: string, files: SandboxFile[] = []): Body => ({
  html: text === '' ? null : `<p>${escaped(text).replaceAll('\n', '<br>')}</p>`,
  text,
  files,
});

/** What an admin wrote through the API: HTML, wrapped in a paragraph when it is none. */
export function htmlBody(html: string, files: SandboxFile[] = []): Body {
  const inner = html.replaceAll(/<\/?(html|body)[^>]*>/gi, '');
  const wrapped = /^\s*<(p|h\d|ul|ol|div|blockquote|pre|table)\b/i.test(inner) ? inner : `<p>${inner}</p>`;
  return { html: wrapped, text: plainOf(wrapped), files };
}
