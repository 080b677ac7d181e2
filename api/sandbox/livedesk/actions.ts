import { createHmac, randomUUID } from 'node:crypto';
import type { OutgoingWebhook } from '../outgoing.ts';
import {
  AI_AGENT,
  type Conversation,
  type Fields,
  type Message,
  type Named,
  type Status,
  WIDGET_INBOX,
  type World,
} from './model.ts';
import type { LivedeskSwitches } from './switches.ts';
import type { Wire } from './wire.ts';

interface Stage {
  wire: Wire;
  switches(): LivedeskSwitches;
  /** Where Baton listens: at the API channel, or as the AI Agent of the widget. */
  inboxId(): number;
  webhookSecret: string;
  /** Where webhooks go now, with the token that is right or wrong at the moment. */
  webhookUrl(): string | undefined;
}

export type NewMessage = Pick<Message, 'type' | 'author' | 'content'> &
  Partial<Pick<Message, 'private' | 'attributes' | 'contentType' | 'echoId' | 'agentId'>> & {
    files?: Message['files'];
  };

/** What people and programs do in a conversation; each step gives back the webhooks that tell of it. */
export function createActions(world: World, stage: Stage) {
  const { wire, switches } = stage;

  /** What it says is fixed when the thing happens. */
  function webhook(conversation: Conversation, fields: Fields): OutgoingWebhook[] {
    if (conversation.inboxId !== stage.inboxId()) return [];
    const body = JSON.stringify(fields);
    const delivery = randomUUID();
    const build = (_attempt: number, wrongSecret: boolean) => ({
      body,
      headers: { 'content-type': 'application/json', ...signature(body, delivery, wrongSecret) },
    });
    const url = stage.webhookUrl();
    return [{ conversationId: String(conversation.id), ...(url !== undefined && { url }), build }];
  }

  function signature(body: string, delivery: string, wrongSecret: boolean): Record<string, string> {
    if (!switches().signs) return {};
    const timestamp = String(Math.floor(Date.now() / 1000));
    const secret = wrongSecret ? 'not the secret' : stage.webhookSecret;
    const proof = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    return {
      'x-chatwoot-timestamp': timestamp,
      'x-chatwoot-signature': `sha256=${proof}`,
      'x-chatwoot-delivery': delivery,
    };
  }

  const changed = (conversation: Conversation, event: string, field: string, from: unknown, to: unknown): Fields => ({
    ...wire.conversation(conversation),
    changed_attributes: [{ [field]: { previous_value: from, current_value: to } }],
    event,
  });

  function toldStatus(conversation: Conversation, from: Status): OutgoingWebhook[] {
    const { status } = conversation;
    const how = switches().statusEvents;
    if (how === 'bot') {
      const event = { open: 'conversation_opened', resolved: 'conversation_resolved' }[status as string];
      return event === undefined ? [] : webhook(conversation, { ...wire.conversation(conversation), event });
    }
    const events = how === 'both' ? ['conversation_status_changed', 'conversation_updated'] : [how];
    return events.flatMap((event) => webhook(conversation, changed(conversation, event, 'status', from, status)));
  }

  function add(conversation: Conversation, message: NewMessage): Message {
    const now = Date.now();
    const added: Message = {
      agentId: null,
      contentType: 'text',
      private: false,
      attributes: {},
      files: [],
      ...message,
      id: world.nextId(),
      createdAt: now,
      sortingId: conversation.messages.length + 1,
    };
    conversation.messages.push(added);
    conversation.updatedAt = now;
    return added;
  }

  function says(conversation: Conversation, message: NewMessage): { message: Message; webhooks: OutgoingWebhook[] } {
    const wakes = message.type === 'incoming' ? woken(conversation) : [];
    const added = add(conversation, message);
    const isHeard = switches().botHears === 'all' || !isWidget(conversation) || conversation.status === 'pending';
    return {
      message: added,
      webhooks: [...wakes, ...(isHeard ? webhook(conversation, wire.messageEvent(conversation, added)) : [])],
    };
  }

  /** The customer's words bring back what sleeps or is over: to the AI Agent where the channel has one. */
  function woken(conversation: Conversation): OutgoingWebhook[] {
    const { status } = conversation;
    if (status === 'open' || status === 'pending' || (status !== 'snoozed' && !switches().reopens)) return [];
    return moves(conversation, status !== 'snoozed' && isWidget(conversation) ? 'pending' : 'open', 'the customer');
  }

  function tells(conversation: Conversation, content: string): OutgoingWebhook[] {
    if (!switches().activities) return [];
    return says(conversation, { type: 'activity', author: 'system', content }).webhooks;
  }

  function moves(conversation: Conversation, status: Status, who: string, until?: number): OutgoingWebhook[] {
    const before = conversation.status;
    if (before === status) return [];
    conversation.status = status;
    conversation.snoozedUntil = status === 'snoozed' ? (until ?? null) : null;
    if (status === 'pending') conversation.assigneeId = null;
    conversation.updatedAt = Date.now();
    const told = toldStatus(conversation, before);
    const survey: NewMessage = {
      type: 'template',
      author: 'system',
      content: 'Please rate the conversation',
      contentType: 'input_csat',
    };
    const asked = status === 'resolved' && switches().survey ? says(conversation, survey).webhooks : [];
    return [...told, ...tells(conversation, `Conversation was marked as ${status} by ${who}`), ...asked];
  }

  function assigns(conversation: Conversation, field: 'assignee_id' | 'team_id', to: Named | null, who: string) {
    const before = field === 'assignee_id' ? conversation.assigneeId : conversation.teamId;
    const id = to?.id ?? null;
    if (before === id) return [];
    if (field === 'assignee_id') conversation.assigneeId = id;
    else conversation.teamId = id;
    conversation.updatedAt = Date.now();
    const told = webhook(conversation, changed(conversation, 'conversation_updated', field, before, id));
    return [...told, ...tells(conversation, `${who} assigned this conversation to ${to?.name ?? 'nobody'}`)];
  }

  return {
    says,
    moves,
    assigns,
    created: (conversation: Conversation): OutgoingWebhook[] => [
      ...webhook(conversation, { ...wire.conversation(conversation), event: 'conversation_created' }),
      ...(switches().routes && conversation.status === 'open'
        ? assigns(conversation, 'assignee_id', world.agents[0] ?? AI_AGENT, 'The routing')
        : []),
    ],
  };
}

export type Actions = ReturnType<typeof createActions>;

export const isWidget = ({ inboxId }: Conversation): boolean => inboxId === WIDGET_INBOX;
