import type { SandboxOperation } from '../desk-sandbox.ts';
import type { Served } from '../shell.ts';
import { type Actions, isWidget, type NewMessage } from './actions.ts';
import { inboxOf, linked } from './contacts.ts';
import {
  AI_AGENT,
  canMove,
  type Contact,
  type Conversation,
  type Fields,
  LivedeskError,
  type Status,
  WIDGET_INBOX,
  type World,
} from './model.ts';
import { bodyOf, messageBodyOf, numberField, objectField, textField } from './request.ts';
import type { Route } from './routes.ts';
import type { LivedeskSwitches } from './switches.ts';
import type { Wire } from './wire.ts';

interface ConversationOptions {
  actions: Actions;
  wire: Wire;
  switches(): LivedeskSwitches;
  /** For the scripted human. */
  cameToHumans(conversation: Conversation): void;
  said(conversation: Conversation, text: string): void;
}

const MAX_TEXT = 150_000;
const PAGE = 20;

export function addConversation(
  world: World,
  contact: Contact,
  inboxId: number,
  more: Partial<Conversation> = {},
): Conversation {
  linked(world, contact, inboxId);
  const now = Date.now();
  const conversation: Conversation = {
    id: world.nextId(),
    inboxId,
    contactId: contact.id,
    status: inboxId === WIDGET_INBOX ? 'pending' : 'open',
    snoozedUntil: null,
    assigneeId: null,
    teamId: null,
    messages: [],
    customAttributes: {},
    additionalAttributes: {},
    createdAt: now,
    updatedAt: now,
    fromApi: false,
    ...more,
  };
  world.conversations.set(conversation.id, conversation);
  return conversation;
}

/** Conversations: made, written in, read, moved on. */
export function conversationRoutes(world: World, options: ConversationOptions): Route[] {
  const { actions, wire, switches } = options;

  const known = (params: Record<string, string>): Conversation | undefined =>
    world.conversations.get(Number(params['id']));
  function found(params: Record<string, string>): Conversation {
    const conversation = known(params);
    if (conversation === undefined) throw new LivedeskError(404, 'Resource could not be found');
    return conversation;
  }
  function readable(params: Record<string, string>): Conversation {
    if (!switches().reading) throw new LivedeskError(404, 'Resource could not be found');
    return found(params);
  }

  function contactOf(fields: Fields, inboxId: number): Contact {
    const [id, source] = [numberField(fields, 'contact_id'), textField(fields, 'source_id')];
    if (id === undefined && source === undefined) throw new LivedeskError(422, 'Contact must exist', ['contact_id']);
    const contact =
      id === undefined
        ? [...world.contacts.values()].find(({ inboxes }) => inboxes.get(inboxId)?.sourceId === source)
        : world.contacts.get(id);
    if (contact === undefined) throw new LivedeskError(404, 'Resource could not be found');
    return contact;
  }

  function write(conversation: Conversation, { fields, files }: Awaited<ReturnType<typeof messageBodyOf>>): Served {
    const message = newMessage(fields);
    if (message.content === '' && files.length === 0)
      throw new LivedeskError(422, "Content can't be blank", ['content']);
    const { message: added, webhooks } = actions.says(conversation, {
      ...message,
      files: files.map((file) => ({ ...file, id: world.nextId() })),
    });
    if (added.author === 'contact') {
      const isFirst = conversation.messages.filter(({ author }) => author === 'contact').length === 1;
      if (isFirst && conversation.status === 'open') options.cameToHumans(conversation);
      else options.said(conversation, added.content);
    }
    return { body: wire.message(conversation, added, true), webhooks };
  }

  function newMessage(fields: Fields): NewMessage {
    const { content = '', message_type: type = 'outgoing', private: isPrivate = false } = fields;
    if (typeof content !== 'string' || content.length > MAX_TEXT) {
      throw new LivedeskError(422, `Content is too long (maximum is ${MAX_TEXT} characters)`, ['content']);
    }
    if (type !== 'incoming' && type !== 'outgoing') {
      throw new LivedeskError(422, 'Message type is not included in the list', ['message_type']);
    }
    if (typeof isPrivate !== 'boolean') throw new LivedeskError(422, 'Private is not a boolean', ['private']);
    const echoId = textField(fields, 'echo_id');
    const isCustomers = type === 'incoming' && switches().supportsIncoming;
    return {
      type: isCustomers ? 'incoming' : 'outgoing',
      author: isCustomers ? 'contact' : 'api',
      content,
      private: isPrivate,
      attributes: objectField(fields, 'content_attributes'),
      ...(echoId !== undefined && { echoId }),
    };
  }

  /** No status may follow itself: the matrix does not have it. */
  function move(conversation: Conversation, fields: Fields): Served {
    const status = textField(fields, 'status') as Status | undefined;
    const isStatus = status === 'open' || status === 'pending' || status === 'snoozed' || status === 'resolved';
    if (!isStatus || !canMove(conversation.status, status)) {
      const message = `Status cannot be changed from ${conversation.status} to ${String(status)}`;
      throw new LivedeskError(422, message, ['status']);
    }
    const isHandoff = conversation.status === 'pending' && status === 'open';
    const webhooks = actions.moves(conversation, status, AI_AGENT.name, numberField(fields, 'snoozed_until'));
    if (isHandoff) options.cameToHumans(conversation);
    const payload = { success: true, current_status: status, conversation_id: conversation.id };
    return { body: { meta: {}, payload }, webhooks };
  }

  function assign(conversation: Conversation, fields: Fields): Served {
    const [assignee, team] = [numberField(fields, 'assignee_id'), numberField(fields, 'team_id')];
    const agent = world.agents.find(({ id }) => id === assignee);
    const group = world.teams.find(({ id }) => id === team);
    if ((assignee !== undefined && agent === undefined) || (team !== undefined && group === undefined)) {
      throw new LivedeskError(404, 'Resource could not be found');
    }
    const webhooks = [
      ...(group === undefined ? [] : actions.assigns(conversation, 'team_id', group, AI_AGENT.name)),
      ...(agent === undefined ? [] : actions.assigns(conversation, 'assignee_id', agent, AI_AGENT.name)),
    ];
    return { body: agent ?? group ?? {}, webhooks };
  }

  return [
    {
      method: 'POST',
      path: '/conversations',
      operation: () => 'open',
      run({ request }) {
        const fields = bodyOf(request);
        const inboxId = inboxOf(world, fields);
        const conversation = addConversation(world, contactOf(fields, inboxId), inboxId, {
          ...(switches().aiAgent && { status: 'pending' }),
          customAttributes: objectField(fields, 'custom_attributes'),
          additionalAttributes: objectField(fields, 'additional_attributes'),
          fromApi: true,
        });
        const body = wire.conversation(conversation);
        return { body, webhooks: actions.created(conversation) };
      },
    },
    { method: 'GET', path: '/conversations/:id', run: ({ params }) => ({ body: wire.conversation(readable(params)) }) },
    {
      method: 'GET',
      path: '/conversations/:id/messages',
      run({ params, query }) {
        const conversation = readable(params);
        const { before, after } = query;
        const all = conversation.messages.filter(
          ({ id }) => (before === undefined || id < Number(before)) && (after === undefined || id > Number(after)),
        );
        const shown = after === undefined ? all.slice(-PAGE) : all.slice(0, 100);
        const payload = shown.map((message) => wire.message(conversation, message));
        return { body: { meta: { labels: [], additional_attributes: {} }, payload } };
      },
    },
    {
      method: 'POST',
      path: '/conversations/:id/messages',
      operation: ({ params, body }) => operationOf(known(params), body),
      run: async ({ request, params }) => write(found(params), await messageBodyOf(request)),
    },
    {
      method: 'POST',
      path: '/conversations/:id/toggle_status',
      operation: ({ body }) =>
        body['status'] === 'open' ? 'open' : body['status'] === 'snoozed' ? undefined : 'close',
      run: ({ request, params }) => move(found(params), bodyOf(request)),
    },
    {
      method: 'POST',
      path: '/conversations/:id/custom_attributes',
      run({ request, params }) {
        const conversation = found(params);
        conversation.customAttributes = objectField(bodyOf(request), 'custom_attributes');
        return { body: { custom_attributes: conversation.customAttributes } };
      },
    },
    {
      method: 'POST',
      path: '/conversations/:id/assignments',
      run: ({ request, params }) => assign(found(params), bodyOf(request)),
    },
  ];
}

/** The context and the question belong to an opening, a last note to the close. */
function operationOf(conversation: Conversation | undefined, body: Fields): SandboxOperation {
  if (conversation === undefined) return 'send';
  const hasQuestion = conversation.messages.some(({ author }) => author === 'contact');
  if (body['private'] === true) {
    const isHandedOver = isWidget(conversation) ? conversation.status === 'open' : hasQuestion;
    return isHandedOver ? 'close' : 'open';
  }
  const isQuestion = conversation.fromApi && body['message_type'] === 'incoming' && !hasQuestion;
  return isQuestion ? 'open' : 'send';
}
