import type { Actions, Assignee, Change } from './actions.ts';
import { present } from './contacts.ts';
import {
  adminPerson,
  type Contact,
  type Conversation,
  htmlBody,
  IntercomError,
  openConversation,
  personOf,
  plainBody,
  seconds,
  type Workspace,
} from './model.ts';
import {
  actorOf,
  bodyOf,
  type Fields,
  filesOf,
  oneOf,
  operationOf,
  optionalText,
  textField,
  timeField,
} from './request.ts';
import type { Route, RouteCall } from './routes.ts';
import { searched } from './search.ts';
import type { Webhooks } from './webhooks.ts';
import { conversationJson } from './wire.ts';
import type { Served } from '../shell.ts';

interface ConversationOptions {
  actions: Actions;
  webhooks: Webhooks;
  searchDelayMs(): number;
  /** Whether the answer to a write holds all parts instead of the new one. */
  allParts(): boolean;
  /** After a change through the API, for the scripted human. */
  changed(change: Change): void;
  created(conversation: Conversation): void;
}

/** Intercom's own default. */
const PER_PAGE = 20;

/** The conversations: opened, read, searched, answered, managed. */
export function conversationRoutes(workspace: Workspace, options: ConversationOptions): Route[] {
  const { actions, webhooks } = options;

  function found(id = ''): Conversation {
    const conversation = workspace.conversations.get(id);
    if (conversation === undefined) throw new IntercomError(404, 'not_found', 'Resource Not Found');
    return conversation;
  }

  const shown = (conversation: Conversation, { version, request }: RouteCall, parts = conversation.parts): object => {
    const { display_as } = request.query as { display_as?: string };
    return conversationJson(workspace, conversation, { version, plaintext: display_as === 'plaintext' }, parts);
  };

  function answer(change: Change, call: RouteCall): Served {
    const { conversation, part } = change;
    options.changed(change);
    const parts = options.allParts() ? conversation.parts : part === undefined ? [] : [part];
    return { body: shown(conversation, call, parts), webhooks: webhooks.of(change) };
  }

  function contactOf(fields: Fields): Contact {
    const keys = ['intercom_user_id', 'user_id', 'email'].filter((name) => fields[name] !== undefined);
    const [key] = keys;
    if (key === undefined || keys.length > 1) {
      throw new IntercomError(400, 'parameter_invalid', 'exactly one of intercom_user_id, user_id, email');
    }
    const value = textField(fields, key);
    const all = [...workspace.contacts.values()];
    const name = key === 'user_id' ? 'externalId' : 'email';
    return usable(key === 'intercom_user_id' ? workspace.contacts.get(value) : all.find((one) => one[name] === value));
  }

  function reply(conversation: Conversation, fields: Fields): Change {
    if (oneOf(fields, 'type', ['user', 'admin']) === 'user') {
      oneOf(fields, 'message_type', ['comment']);
      const contact = contactOf(fields);
      if (contact.id !== conversation.contactId) throw new IntercomError(404, 'not_found', 'User Not Found');
      const body = plainBody(wordsOf(fields), filesOf(fields));
      return actions.userReplies(conversation, personOf(contact), body, timeField(fields, 'created_at'));
    }
    const type = oneOf(fields, 'message_type', ['comment', 'note', 'quick_reply']);
    const author = adminPerson(actorOf(workspace, fields));
    if (type === 'quick_reply') {
      return actions.adds(conversation, { partType: 'quick_reply', author }, ['conversation.admin.replied']);
    }
    const body = htmlBody(wordsOf(fields), filesOf(fields));
    return type === 'note'
      ? actions.notes(conversation, author, body)
      : actions.adminReplies(conversation, author, body);
  }

  function assigneeOf(fields: Fields): Assignee {
    const to = { type: oneOf(fields, 'type', ['admin', 'team']), id: textField(fields, 'assignee_id') };
    if (to.id === '0') return to;
    const exists = to.type === 'admin' ? workspace.admins.has(to.id) : workspace.teams.has(to.id);
    if (exists) return to;
    const code = to.type === 'admin' ? 'assignee_not_found' : 'team_not_found';
    throw new IntercomError(404, code, 'Assignee not found');
  }

  function manage(conversation: Conversation, fields: Fields): Change {
    const type = oneOf(fields, 'message_type', ['close', 'open', 'snoozed', 'assignment']);
    const author = adminPerson(actorOf(workspace, fields));
    const text = optionalText(fields, 'body');
    const body = text === undefined ? undefined : htmlBody(text);
    if (type === 'assignment') return actions.assigns(conversation, author, assigneeOf(fields), body);
    if (type === 'open') return actions.opens(conversation, author);
    if (type === 'snoozed') {
      const until = timeField(fields, 'snoozed_until');
      if (until === undefined || until <= seconds()) {
        throw new IntercomError(400, 'parameter_invalid', 'snoozed_until must be in the future');
      }
      return actions.snoozes(conversation, author, until);
    }
    oneOf(fields, 'type', ['admin']);
    return actions.closes(conversation, author, body);
  }

  function create(call: RouteCall): Served {
    const body = bodyOf(call.request);
    const from = (typeof body['from'] === 'object' && body['from'] !== null ? body['from'] : {}) as Fields;
    const type = oneOf(from, 'type', ['user', 'lead', 'contact']);
    const contact = usable(workspace.contacts.get(textField(from, 'id')));
    if (type !== 'contact' && type !== contact.role) throw new IntercomError(404, 'not_found', 'User Not Found');
    const text = wordsOf(body);
    const conversation = openConversation(workspace, contact, plainBody(text, filesOf(body)), {
      searchableAt: Date.now() + options.searchDelayMs(),
      createdAt: timeField(body, 'created_at') ?? seconds(),
      fromApi: true,
    });
    const { id, source } = conversation;
    options.created(conversation);
    return {
      body: {
        type: 'user_message',
        id: source.id,
        created_at: conversation.createdAt,
        body: text,
        message_type: 'inapp',
        conversation_id: id,
      },
      webhooks: [webhooks.conversation('conversation.user.created', { conversation })],
    };
  }

  return [
    { method: 'POST', path: '/conversations', operation: () => 'open', run: create },
    {
      method: 'POST',
      path: '/conversations/search',
      run(call) {
        const visible = [...workspace.conversations.values()].filter((one) => one.searchableAt <= Date.now());
        const {
          found: hits,
          total,
          pages,
        } = searched(visible, bodyOf(call.request), { fields: fieldsOf, perPage: PER_PAGE });
        const look = { version: call.version, plaintext: false };
        const conversations = hits.map((conversation) => conversationJson(workspace, conversation, look));
        return { body: { type: 'conversation.list', conversations, total_count: total, pages } };
      },
    },
    {
      method: 'POST',
      path: '/conversations/redact',
      run(call) {
        const fields = bodyOf(call.request);
        const conversation = found(textField(fields, 'conversation_id'));
        const type = oneOf(fields, 'type', ['conversation_part', 'source']);
        const part = type === 'source' ? undefined : textField(fields, 'conversation_part_id');
        const change = actions.redacts(conversation, part);
        return { body: shown(conversation, call), webhooks: webhooks.of(change) };
      },
    },
    { method: 'GET', path: '/conversations/:id', run: (call) => ({ body: shown(found(call.params['id']), call) }) },
    {
      method: 'PUT',
      path: '/conversations/:id',
      run(call) {
        const conversation = found(call.params['id']);
        const { read, title, custom_attributes: custom } = bodyOf(call.request);
        if (typeof read === 'boolean') conversation.read = read;
        if (typeof title === 'string') conversation.title = title;
        Object.assign(conversation.customAttributes, custom);
        return { body: shown(conversation, call) };
      },
    },
    {
      method: 'POST',
      path: '/conversations/:id/reply',
      operation: (body) => operationOf((body ?? {}) as Fields),
      run: (call) => answer(reply(found(call.params['id']), bodyOf(call.request)), call),
    },
    {
      method: 'POST',
      path: '/conversations/:id/parts',
      operation: (body) => operationOf((body ?? {}) as Fields),
      run: (call) => answer(manage(found(call.params['id']), bodyOf(call.request)), call),
    },
    {
      method: 'POST',
      path: '/conversations/:id/tags',
      run({ params, request }) {
        const conversation = found(params['id']);
        const fields = bodyOf(request);
        actorOf(workspace, fields);
        const id = textField(fields, 'id');
        const name = workspace.tags.get(id);
        if (name === undefined) throw new IntercomError(404, 'tag_not_found', 'Tag not found');
        if (!conversation.tags.some((tag) => tag.id === id)) conversation.tags.push({ id, name });
        return { body: { type: 'tag', id, name } };
      },
    },
    {
      method: 'DELETE',
      path: '/conversations/:id/tags/:tagId',
      run({ params, request }) {
        const conversation = found(params['id']);
        actorOf(workspace, bodyOf(request));
        const tag = conversation.tags.find(({ id }) => id === params['tagId']);
        if (tag === undefined) throw new IntercomError(404, 'tag_not_found', 'Tag not found');
        conversation.tags = conversation.tags.filter((other) => other !== tag);
        return { body: { type: 'tag', ...tag } };
      },
    },
  ];
}

/** Whether Intercom takes an empty body is not known, so it is refused here. */
function wordsOf(fields: Fields): string {
  const body = textField(fields, 'body');
  if (body === '') throw new IntercomError(400, 'parameter_invalid', 'body must not be empty');
  return body;
}

/** Who can speak: here a contact that was merged away is simply not there. */
function usable(contact: Contact | undefined): Contact {
  return present(contact?.mergedInto === undefined ? contact : undefined);
}

const fieldsOf = (conversation: Conversation) => ({
  id: conversation.id,
  created_at: conversation.createdAt,
  updated_at: conversation.updatedAt,
  waiting_since: conversation.waitingSince,
  state: conversation.state,
  open: conversation.state !== 'closed',
  read: conversation.read,
  contact_ids: [conversation.contactId],
  admin_assignee_id: Number(conversation.adminAssigneeId),
  team_assignee_id: Number(conversation.teamAssigneeId),
  tag_ids: conversation.tags.map(({ id }) => id),
  'source.id': conversation.source.id,
  'source.body': conversation.source.html,
  'source.author.id': conversation.source.author.id,
});
