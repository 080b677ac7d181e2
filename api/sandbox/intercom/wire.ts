import type { SandboxFile, SandboxLine, SandboxTalk } from '../desk-sandbox.ts';
import {
  type Admin,
  type Body,
  BOT_ADMIN,
  type Contact,
  type Conversation,
  type Part,
  type Person,
  type Team,
  type Workspace,
} from './model.ts';

export interface Look {
  /** Of the API: 2.16 and later say 0 for nobody, before that null. */
  version: string;
  plaintext: boolean;
}

/** Intercom's own limit. */
const MAX_PARTS = 500;

export function contactJson(workspace: Workspace, contact: Contact): object {
  const list = (name: string): object => ({
    type: 'list',
    data: [],
    url: `/contacts/${contact.id}/${name}`,
    total_count: 0,
    has_more: false,
  });
  return {
    type: 'contact',
    id: contact.id,
    workspace_id: workspace.id,
    external_id: contact.externalId,
    role: contact.role,
    ...(contact.email !== null && { email: contact.email }),
    phone: contact.phone,
    name: contact.name,
    avatar: null,
    owner_id: null,
    has_hard_bounced: false,
    marked_email_as_spam: false,
    unsubscribed_from_emails: false,
    created_at: contact.createdAt,
    updated_at: contact.updatedAt,
    signed_up_at: null,
    last_seen_at: null,
    last_replied_at: null,
    custom_attributes: contact.customAttributes,
    tags: list('tags'),
    notes: list('notes'),
    companies: list('companies'),
  };
}

export const adminJson = (workspace: Workspace, { id, name, email }: Admin): object => ({
  type: 'admin',
  id,
  name,
  email,
  away_mode_enabled: false,
  away_mode_reassign: false,
  has_inbox_seat: true,
  team_ids: [...workspace.teams.values()].filter((team) => team.adminIds.includes(id)).map((team) => Number(team.id)),
});

export const teamJson = ({ id, name, adminIds }: Team): object => ({
  type: 'team',
  id,
  name,
  admin_ids: adminIds.map(Number),
});

/** `parts` absent: as lists and searches give it, without parts. */
export function conversationJson(
  workspace: Workspace,
  conversation: Conversation,
  look: Look,
  parts?: readonly Part[],
): object {
  const { source } = conversation;
  const contact = workspace.contacts.get(conversation.contactId);
  const admins = new Set(
    conversation.parts.filter(({ author }) => author.type === 'admin').map((part) => part.author.id),
  );
  const firstReply = conversation.createdAt;
  return {
    type: 'conversation',
    id: conversation.id,
    title: conversation.title,
    created_at: conversation.createdAt,
    updated_at: conversation.updatedAt,
    waiting_since: conversation.waitingSince,
    snoozed_until: conversation.snoozedUntil,
    open: conversation.state !== 'closed',
    state: conversation.state,
    read: conversation.read,
    priority: isBefore(look.version, 2.16) ? 'not_priority' : 'none',
    admin_assignee_id: assignee(conversation.adminAssigneeId, look),
    team_assignee_id: assignee(conversation.teamAssigneeId, look),
    tags: { type: 'tag.list', tags: conversation.tags.map(({ id, name }) => ({ type: 'tag', id, name })) },
    conversation_rating: null,
    source: {
      type: 'conversation',
      id: source.id,
      delivered_as: source.delivered,
      subject: '',
      body: bodyOf(source, look) ?? '',
      author: personJson(source.author),
      attachments: source.files.map(fileJson),
      url: null,
      redacted: source.redacted,
    },
    contacts: {
      type: 'contact.list',
      contacts: [{ type: 'contact', id: conversation.contactId, external_id: contact?.externalId ?? null }],
    },
    teammates: { type: 'admin.list', teammates: [...admins].map((id) => ({ type: 'admin', id })) },
    custom_attributes: conversation.customAttributes,
    first_contact_reply: { created_at: firstReply, type: 'conversation', url: null },
    sla_applied: null,
    statistics: null,
    linked_objects: { type: 'list', data: [], total_count: 0, has_more: false },
    ai_agent_participated: false,
    ai_agent: null,
    ...(parts !== undefined && {
      conversation_parts: {
        type: 'conversation_part.list',
        conversation_parts: parts.slice(-MAX_PARTS).map((part) => partJson(part, look)),
        total_count: parts.length,
      },
    }),
  };
}

function partJson(part: Part, look: Look): object {
  return {
    type: 'conversation_part',
    id: part.id,
    part_type: part.partType,
    body: bodyOf(part, look),
    created_at: part.createdAt,
    updated_at: part.createdAt,
    notified_at: part.createdAt,
    assigned_to: part.assignedTo,
    author: authorJson(part.author),
    attachments: part.files.map(fileJson),
    external_id: null,
    redacted: part.redacted,
    metadata: {},
    email_message_metadata: null,
    state: part.state,
    tags: [],
    event_details: null,
    app_package_code: null,
  };
}

const isBefore = (version: string, limit: number): boolean => Number(version) < limit;

const assignee = (id: string, { version }: Look): number | null =>
  id === '0' && isBefore(version, 2.16) ? null : Number(id);

const bodyOf = ({ html, text }: Body, { plaintext }: Look): string | null =>
  html === null ? null : plaintext ? text : html;

const personJson = ({ type, id, name, email }: Person): object => ({ type, id, name, ...(email !== '' && { email }) });

const authorJson = ({ fromAiAgent = false, ...person }: Person): object => ({
  ...personJson(person),
  from_ai_agent: fromAiAgent,
  is_ai_answer: fromAiAgent,
});

const fileJson = ({ url, name, contentType = 'application/octet-stream' }: SandboxFile): object => ({
  type: 'upload',
  name,
  url,
  content_type: contentType,
  filesize: 1024,
});

/** The conversation as the people at the desk see it. */
export function talkOf(workspace: Workspace, conversation: Conversation): SandboxTalk {
  const { id, source, parts, state, adminAssigneeId, teamAssigneeId } = conversation;
  const assignee = workspace.admins.get(adminAssigneeId)?.name ?? workspace.teams.get(teamAssigneeId)?.name;
  const lines = parts.map((part): SandboxLine => ({
    id: part.id,
    from: speakerOf(part),
    text: part.text,
    files: part.files,
  }));
  return {
    id,
    closed: state === 'closed',
    ...(assignee !== undefined && { assignee }),
    messages: [{ id: source.id, from: 'user', text: source.text, files: source.files }, ...lines],
  };
}

/** Parts that say something; all others are the desk's own notices. */
const SPEAKING = ['comment', 'open', 'close', 'assignment', 'assign_and_reopen', 'assign_and_unsnooze'];

function speakerOf({ partType, author, html, files }: Part): SandboxLine['from'] {
  if (partType.startsWith('note')) return 'note';
  if (!SPEAKING.includes(partType) || (html === null && files.length === 0) || author.type === 'bot') return 'system';
  if (author.type !== 'admin') return 'user';
  return author.id === BOT_ADMIN ? 'bot' : 'agent';
}
