import type { SandboxTalk } from '../desk-sandbox.ts';
import {
  ACCOUNT,
  AI_AGENT,
  channelOf,
  type Contact,
  type Conversation,
  type Fields,
  HUMANS,
  type Message,
  MESSAGE_TYPES,
  type Named,
  seconds,
  type World,
} from './model.ts';
import type { LivedeskSwitches } from './switches.ts';

export const contactJson = (contact: Contact): Fields => ({
  additional_attributes: {},
  availability_status: 'offline',
  email: contact.email,
  id: contact.id,
  name: contact.name,
  phone_number: contact.phone,
  blocked: contact.blocked,
  identifier: contact.identifier,
  thumbnail: contact.avatarUrl ?? '',
  custom_attributes: {},
  last_activity_at: seconds(contact.createdAt),
  created_at: seconds(contact.createdAt),
});

export const contactInboxesJson = (contact: Contact): Fields[] =>
  [...contact.inboxes].map(([inboxId, { sourceId }]) => ({ source_id: sourceId, inbox: { id: inboxId } }));

const senderOf = (contact: Contact): Fields => ({
  additional_attributes: {},
  custom_attributes: {},
  email: contact.email,
  id: contact.id,
  identifier: contact.identifier,
  name: contact.name,
  phone_number: contact.phone,
  thumbnail: contact.avatarUrl ?? '',
  blocked: contact.blocked,
  type: 'contact',
});

const agentJson = ({ id, name }: Named): Fields => ({
  id,
  name,
  available_name: name,
  email: `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@desk.example`,
  avatar_url: '',
  type: 'user',
});

/** Everything the wire says about the world, as the switches have it. */
export function createWire(world: World, switches: () => LivedeskSwitches) {
  const contactOf = ({ contactId }: Conversation): Contact => world.contacts.get(contactId) as Contact;
  const agentOf = (id: number | null): Named | undefined => world.agents.find((agent) => agent.id === id);
  const teamOf = (id: number | null): Named | undefined => world.teams.find((team) => team.id === id);

  function writer(conversation: Conversation, { author, agentId }: Message): Fields | null {
    if (author === 'contact') return senderOf(contactOf(conversation));
    if (author === 'system') return null;
    const agent = agentOf(agentId);
    if (author === 'agent' && agent !== undefined) return agentJson(agent);
    if (author === 'api' && switches().apiSender === 'user') return agentJson({ id: 2, name: 'API' });
    return { id: AI_AGENT.id, name: AI_AGENT.name, avatar_url: '', type: 'agent_bot' };
  }

  const filesJson = (message: Message): Fields =>
    message.files.length === 0
      ? {}
      : {
          attachments: message.files.map(({ id, url, contentType }) => ({
            id,
            message_id: message.id,
            file_type: kindOf(contentType),
            account_id: ACCOUNT.id,
            extension: null,
            data_url: url,
            thumb_url: kindOf(contentType) === 'image' ? url : '',
            file_size: 20_480,
          })),
        };

  const echoJson = ({ echoId }: Message, isAnswer: boolean): Fields => {
    const shown = switches().echoIds === 'everywhere' || (isAnswer && switches().echoIds === 'answer');
    return shown && echoId !== undefined ? { echo_id: echoId } : {};
  };

  const metaOf = (conversation: Conversation): Fields => ({
    sender: senderOf(contactOf(conversation)),
    assignee: jsonOrNull(agentOf(conversation.assigneeId), agentJson),
    team: jsonOrNull(teamOf(conversation.teamId), ({ id, name }) => ({ id, name })),
    hmac_verified: false,
    channel: channelOf(conversation.inboxId),
  });

  const wire = {
    /** As REST has it: the type is a number, the time in seconds. */
    message: (conversation: Conversation, message: Message, isAnswer = false): Fields => ({
      id: message.id,
      content: message.content,
      inbox_id: conversation.inboxId,
      conversation_id: conversation.id,
      message_type: numberOf(message.type),
      content_type: message.contentType,
      status: 'sent',
      content_attributes: message.attributes,
      created_at: seconds(message.createdAt),
      private: message.private,
      source_id: null,
      sorting_id: message.sortingId,
      sender: writer(conversation, message),
      ...filesJson(message),
      ...echoJson(message, isAnswer),
    }),

    /** As webhooks have it: with dates in ISO 8601. */
    messageEvent: (conversation: Conversation, message: Message): Fields => ({
      event: 'message_created',
      id: message.id,
      content: message.content,
      created_at: new Date(message.createdAt).toISOString(),
      message_type: switches().webhookTypes === 'text' ? message.type : numberOf(message.type),
      content_type: message.contentType,
      content_attributes: message.attributes,
      private: message.private,
      source_id: null,
      sender: writer(conversation, message),
      inbox: { id: conversation.inboxId, name: world.inboxName(conversation.inboxId) },
      account: ACCOUNT,
      conversation: wire.conversation(conversation),
      ...filesJson(message),
      ...echoJson(message, false),
    }),

    /** `messages`: the last one that the customer may see. */
    conversation(conversation: Conversation): Fields {
      const contact = contactOf(conversation);
      const link = contact.inboxes.get(conversation.inboxId);
      const linkedAt = new Date(link?.createdAt ?? 0).toISOString();
      const last = conversation.messages.findLast((one) => !one.private && one.type !== 'activity');
      const isAnswered = conversation.messages.some(({ author }) => author === 'agent');
      return {
        account: ACCOUNT,
        additional_attributes: conversation.additionalAttributes,
        can_reply: true,
        channel: channelOf(conversation.inboxId),
        contact_inbox: {
          id: link?.id,
          contact_id: contact.id,
          inbox_id: conversation.inboxId,
          source_id: link?.sourceId,
          created_at: linkedAt,
          updated_at: linkedAt,
          hmac_verified: false,
          pubsub_token: `pub-${link?.id}`,
        },
        id: conversation.id,
        inbox_id: conversation.inboxId,
        messages: last === undefined ? [] : [wire.message(conversation, last)],
        labels: [],
        meta: metaOf(conversation),
        status: conversation.status,
        custom_attributes: conversation.customAttributes,
        snoozed_until: conversation.snoozedUntil,
        unread_count: 0,
        first_reply_created_at: null,
        priority: null,
        waiting_since: isAnswered ? 0 : seconds(conversation.createdAt),
        conversation_category: 'chat',
        chat_mode: 'private_chat',
        ticket_info: null,
        agent_last_seen_at: 0,
        contact_last_seen_at: 0,
        last_activity_at: seconds(conversation.updatedAt),
        timestamp: seconds(conversation.updatedAt),
        created_at: seconds(conversation.createdAt),
        updated_at: conversation.updatedAt / 1000,
      };
    },

    /** As the agent sees it. */
    talk(conversation: Conversation): SandboxTalk {
      const { id, status, messages } = conversation;
      const closed = status === 'resolved' || status === 'closed';
      const human = agentOf(conversation.assigneeId)?.name ?? teamOf(conversation.teamId)?.name ?? HUMANS;
      return {
        id: String(id),
        closed,
        assignee: status === 'pending' ? AI_AGENT.name : human,
        messages: messages.map((message) => ({
          id: String(message.id),
          from: lineOf(message),
          text: message.content,
          files: message.files.map(({ url, name, contentType }) => ({
            url,
            name,
            ...(contentType && { contentType }),
          })),
        })),
      };
    },
  };
  return wire;
}

export type Wire = ReturnType<typeof createWire>;

function lineOf(message: Message): SandboxTalk['messages'][number]['from'] {
  if (message.private) return 'note';
  const from = { contact: 'user', api: 'bot', agent: 'agent', bot: 'bot', system: 'system' } as const;
  return message.type === 'incoming' || message.type === 'outgoing' ? from[message.author] : 'system';
}

/** A type that nobody knows stays as it is. */
function numberOf(type: string): number | string {
  const index = (MESSAGE_TYPES as readonly string[]).indexOf(type);
  return index < 0 ? type : index;
}

const kindOf = (contentType = ''): string => /^(image|audio|video)\//.exec(contentType)?.[1] ?? 'file';

const jsonOrNull = <T>(value: T | undefined, json: (value: T) => Fields): Fields | null =>
  value === undefined ? null : json(value);
