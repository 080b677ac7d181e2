import {
  type Body,
  type Conversation,
  IntercomError,
  NO_BODY,
  type Part,
  type Person,
  seconds,
  type Workspace,
} from './model.ts';

/** What happened in a conversation: the new part, and the topics that tell of it. */
export interface Change {
  conversation: Conversation;
  /** Absent when nothing changed. */
  part?: Part;
  topics: readonly string[];
}

export type Assignee = { type: 'admin' | 'team'; id: string };

interface NewPart {
  partType: string;
  author: Person;
  body?: Body;
  assignedTo?: Assignee | null;
  createdAt?: number;
}

/** What people and programs do in a conversation, wherever it comes from: the API, the inbox, or the Messenger. */
export function createActions(workspace: Workspace, options: { teamClearsAdmin(): boolean }) {
  function add(
    conversation: Conversation,
    { partType, author, body = NO_BODY, assignedTo = null, createdAt }: NewPart,
  ) {
    const at = createdAt ?? seconds();
    const part: Part = {
      ...body,
      id: workspace.nextId('part'),
      partType,
      author,
      createdAt: at,
      assignedTo,
      state: conversation.state,
      redacted: false,
    };
    conversation.parts.push(part);
    conversation.updatedAt = at;
    return part;
  }

  function wake(conversation: Conversation): void {
    conversation.state = 'open';
    conversation.snoozedUntil = null;
  }

  return {
    /** Opens a closed conversation: the words are then on a part of the type `open`. */
    userReplies(conversation: Conversation, author: Person, body: Body, createdAt?: number): Change {
      const partType = conversation.state === 'closed' ? 'open' : 'comment';
      wake(conversation);
      const part = add(conversation, { partType, author, body, ...(createdAt !== undefined && { createdAt }) });
      conversation.waitingSince ??= part.createdAt;
      return { conversation, part, topics: ['conversation.user.replied'] };
    },
    adminReplies(conversation: Conversation, author: Person, body: Body): Change {
      conversation.waitingSince = null;
      const part = add(conversation, { partType: 'comment', author, body });
      return { conversation, part, topics: ['conversation.admin.replied'] };
    },
    notes(conversation: Conversation, author: Person, body: Body): Change {
      const part = add(conversation, { partType: 'note', author, body });
      return { conversation, part, topics: ['conversation.admin.noted'] };
    },
    closes(conversation: Conversation, author: Person, body: Body = NO_BODY): Change {
      if (conversation.state === 'closed') return { conversation, topics: [] };
      conversation.state = 'closed';
      conversation.snoozedUntil = null;
      conversation.waitingSince = null;
      const part = add(conversation, { partType: 'close', author, body });
      return { conversation, part, topics: ['conversation.admin.closed'] };
    },
    opens(conversation: Conversation, author: Person, body: Body = NO_BODY): Change {
      wake(conversation);
      const part = add(conversation, { partType: 'open', author, body });
      return { conversation, part, topics: ['conversation.admin.opened'] };
    },
    snoozes(conversation: Conversation, author: Person, until: number): Change {
      conversation.state = 'snoozed';
      conversation.snoozedUntil = until;
      const part = add(conversation, { partType: 'snoozed', author });
      return { conversation, part, topics: ['conversation.admin.snoozed'] };
    },
    unsnoozes(conversation: Conversation, author: Person): Change {
      wake(conversation);
      const part = add(conversation, { partType: 'unsnoozed', author });
      return { conversation, part, topics: ['conversation.admin.unsnoozed'] };
    },
    /** `id` '0' takes the assignee away. A closed conversation is opened by it. */
    assigns(conversation: Conversation, author: Person, to: Assignee, body: Body = NO_BODY): Change {
      const current = to.type === 'admin' ? conversation.adminAssigneeId : conversation.teamAssigneeId;
      if (current === to.id) {
        throw new IntercomError(
          422,
          'unprocessable_entity',
          'Conversation is already assigned to the specified assignee',
        );
      }
      const partType = { open: 'assignment', closed: 'assign_and_reopen', snoozed: 'assign_and_unsnooze' } as const;
      const type = partType[conversation.state];
      wake(conversation);
      if (to.type === 'admin') conversation.adminAssigneeId = to.id;
      else conversation.teamAssigneeId = to.id;
      if (to.type === 'team' && to.id !== '0' && options.teamClearsAdmin()) conversation.adminAssigneeId = '0';
      const part = add(conversation, { partType: type, author, body, assignedTo: to.id === '0' ? null : to });
      return { conversation, part, topics: ['conversation.admin.assigned', 'conversation.admin.open.assigned'] };
    },
    /** A part of any type, said by whom you like. */
    adds: (conversation: Conversation, part: NewPart, topics: readonly string[]): Change => ({
      conversation,
      part: add(conversation, part),
      topics,
    }),
    redacts(conversation: Conversation, partId: string | undefined): Change {
      const found = partId === undefined ? conversation.source : conversation.parts.find((part) => part.id === partId);
      if (found === undefined)
        throw new IntercomError(404, 'conversation_part_not_found', 'Conversation part not found');
      if (found.html === null) {
        throw new IntercomError(400, 'conversation_part_not_redactable', 'The part has no body');
      }
      Object.assign(found, { html: null, text: '', files: [], redacted: true });
      conversation.updatedAt = seconds();
      const part = 'partType' in found ? { part: found } : {};
      return { conversation, ...part, topics: ['conversation_part.redacted'] };
    },
  };
}

export type Actions = ReturnType<typeof createActions>;
