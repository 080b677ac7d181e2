import type { Conversation, Department, Fields, Line, Operator, WebhookEntry } from './model.ts';
import { isOpen } from './model.ts';
import type { World } from './world.ts';

/** How SalesIQ shows things: ids and times as text, booleans often too. */

export const departmentView = (
  world: World,
  { id, name, displayName, enabled, systemGenerated }: Department,
): Fields => ({
  id,
  name,
  display_name: displayName,
  description: '',
  is_enabled: String(enabled),
  is_public: 'true',
  is_system_generated: String(systemGenerated),
  created_by: world.operators[0]?.id,
  created_time: '1764000000000',
  modified_time: '1764000000000',
});

export const operatorView = ({ id, name, email, departmentIds, available }: Operator): Fields => ({
  id,
  first_name: name,
  last_name: '',
  nick_name: name,
  email_id: email,
  role: 'Associate',
  departments: departmentIds,
  status_code: available ? '1' : '0',
  status_message: available ? 'Available' : 'Busy',
  is_chat_enabled: 'true',
  is_confirmed: 'true',
  is_deleted: 'false',
});

/** As in the REST API. */
const personView = ({ id, name, email }: Operator): Fields => ({
  id,
  name,
  email,
  is_bot: false,
  image_key: `${id}_1`,
  call_enabled: true,
});

/** As in webhooks. */
export const ownerView = ({ id, name, email }: Operator): Fields => ({
  id,
  type: 'operator',
  name,
  email,
  email_id: email,
});

/** As in webhooks: another word for the e-mail, and no id of ours. */
export function eventVisitor({ visitor }: Conversation): Fields {
  const { first, last } = namesOf(visitor.name);
  return {
    id: visitor.id,
    type: 'lead',
    name: visitor.name,
    first_name: first,
    last_name: last,
    salutation: '',
    email_id: visitor.email,
    channel: 'website',
    ...(visitor.phone !== undefined && { phone: visitor.phone }),
  };
}

function namesOf(name: string): { first: string; last: string } {
  const [first = '', ...rest] = name.split(' ');
  return { first, last: rest.join(' ') };
}

const SENDERS: Record<string, string> = { user: 'visitor', bot: 'bot' };

/** The `entity` of a reply. What a file looks like is not documented: the message has no text. */
export const messageView = ({ hexId }: Conversation, line: Line): Fields => ({
  visitor_conversation_id: hexId,
  message: {
    msgid: line.id,
    ...((line.files.length === 0 || line.text !== '') && { text: line.text }),
    meta: {},
    sender: { id: line.senderId, name: line.senderName, type: SENDERS[line.from] ?? 'operator' },
  },
});

export const completedView = (conversation: Conversation): Fields => ({
  ended_by: conversation.endedBy,
  end_time: String(conversation.endTime),
  conversation_id: conversation.id,
  visitor_conversation_id: conversation.hexId,
  reference_id: conversation.referenceId,
  status: 'Attended Online',
  question: conversation.question,
  department_id: conversation.departmentId,
  app_id: conversation.appId,
  opened_time: String(conversation.startTime),
  ...(conversation.owner !== undefined && { owner: ownerView(conversation.owner) }),
  chat_status: chatStatus(conversation),
  participants: [...conversation.participants],
  supervisors: [],
  customer_info: conversation.customerInfo,
});

function chatStatus({ state }: Conversation): Fields {
  switch (state) {
    case 'waiting':
      return { state_key: 'waiting', status_code: 0, state: 1, status_key: 'open' };
    case 'missed':
      return { state_key: 'missed', status_code: 3, state: 3, status_key: 'missed', label: 'Missed' };
    case 'closed':
      return { status_code: 2, state: 4, label: 'Attended Online' };
    default:
      return { state_key: 'connected', status_code: 0, state: 2, status_key: 'open', label: 'Connected' };
  }
}

/** The answer to an opening by the Visitor API. */
export function openedView(world: World, conversation: Conversation): Fields {
  const { id, hexId, chatId, referenceId, question, visitor, startTime, modifiedTime } = conversation;
  const { first, last } = namesOf(visitor.name);
  return {
    id: hexId,
    conversation_id: id,
    wms_chat_id: `LD_2300000000000000001_${referenceId}`,
    chat_id: chatId,
    reference_id: referenceId,
    type: 'chat',
    auto_assign: false,
    unread_chats: false,
    question,
    department: departmentOf(world, conversation),
    visitor: {
      id: visitor.id,
      user_id: visitor.userId,
      name: visitor.name,
      first_name: first,
      last_name: last,
      salutation: '',
      email: visitor.email,
      country_code: visitor.countryCode,
      ip: '203.0.113.9',
      supported_operations: ['file_share', 'edit_message'],
    },
    chat_status: chatStatus(conversation),
    start_time: String(startTime),
    last_modified_time: String(modifiedTime),
  };
}

/** As the REST API shows one. */
export function conversationView(world: World, conversation: Conversation): Fields {
  const { id, owner, startTime, modifiedTime, attendedTime, endTime, participants, state } = conversation;
  const attender = owner === undefined ? {} : { owner: personView(owner), attender: personView(owner) };
  const last = conversation.lines.findLast(({ from }) => from !== 'note');
  return {
    id,
    reference_id: conversation.referenceId,
    chat_id: conversation.chatId,
    type: 'chat',
    question: conversation.question,
    app_id: conversation.appId,
    app_name: world.apps.find((app) => app.id === conversation.appId)?.name,
    department: departmentOf(world, conversation),
    ...attender,
    participants: world.operators.filter((operator) => participants.has(operator.id)).map(personView),
    supervisors: [],
    status: statusOf(conversation),
    chat_status: chatStatus(conversation),
    start_time: String(startTime),
    ...(attendedTime !== undefined && { attended_time: String(attendedTime) }),
    ...(endTime !== undefined && { [state === 'missed' ? 'missed_time' : 'end_time']: String(endTime) }),
    last_modified_time: String(modifiedTime),
    ...(last !== undefined && { last_message_info: messageRow(conversation, last) }),
    visitor: eventVisitor(conversation),
    notes: conversation.lines.some(({ from }) => from === 'note'),
    unread_chats: false,
  };
}

/** The words that the filter `status` knows. */
export function statusOf(conversation: Conversation): string {
  if (conversation.state === 'closed') return 'closed';
  return isOpen(conversation) && conversation.state === 'bot' ? 'connected' : conversation.state;
}

/** A line of the transcript. */
export const messageRow = ({ lines }: Conversation, line: Line): Fields => ({
  sequence_id: String(lines.indexOf(line) + 1),
  sender: { name: line.senderName, id: line.senderId },
  type: line.files.length > 0 ? 'att' : 'text',
  message: line.files.length > 0 ? { comment: line.text, file_name: line.files[0]?.name } : { text: line.text },
  time: line.id,
  id: `${line.id}_205490192843`,
});

const departmentOf = (world: World, { departmentId }: Conversation): Fields | undefined => {
  const department = world.departments.find(({ id }) => id === departmentId);
  return department && { id: department.id, name: department.displayName };
};

export const webhookView = (entry: WebhookEntry, creator: string | undefined, disabled: boolean): Fields => ({
  id: entry.id,
  url: entry.url,
  type: entry.type,
  events: entry.events ?? ['all'],
  app_ids: entry.appIds,
  secured: entry.secured,
  version: String(entry.version),
  status: disabled || !entry.reachable ? 'disabled' : 'enabled',
  failures_count: '0',
  expiry_time_for_executions_data: entry.expiryTime,
  public_keys: entry.keys.map(keyView),
  creator: { id: creator },
  created_time: String(entry.createdTime),
  modified_time: String(entry.modifiedTime),
});

export const keyView = ({ id, publicKey, createdTime }: WebhookEntry['keys'][number]): Fields => ({
  id,
  // Whether the console shows PEM or this bare form is not documented.
  key: publicKey.replaceAll(/-----[A-Z ]+-----|\s/g, ''),
  created_time: String(createdTime),
});
