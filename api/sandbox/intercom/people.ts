import type { SandboxAgent, SandboxFile, SandboxUser } from '../desk-sandbox.ts';
import type { Actions, Assignee, Change } from './actions.ts';
import {
  adminPerson,
  BOT_ADMIN,
  type Contact,
  type Conversation,
  htmlBody,
  openConversation,
  OPERATOR,
  type Person,
  personOf,
  plainBody,
  seconds,
  type Workspace,
} from './model.ts';
import { escaped } from './html.ts';
import type { Webhooks } from './webhooks.ts';
import type { Outgoing, OutgoingWebhook } from '../outgoing.ts';

/** What happens at Intercom and at no other desk. Numbers are Baton's HTTP status as everywhere, 0 for no answer. */
export interface IntercomPeople {
  /** `until`: Unix seconds, default in an hour. */
  snooze(conversationId: string, until?: number): Promise<number>;
  unsnooze(conversationId: string): Promise<number>;
  /** The text is on the `close` part, and there is no comment. */
  replyAndClose(conversationId: string, text: string): Promise<number>;
  /** The text is on the `assignment` part, and there is no comment. */
  replyAndAssign(conversationId: string, text: string, agent: string): Promise<number>;
  /** Takes the content of a part away; without `partId` that of the first message. */
  redact(conversationId: string, partId?: string): Promise<number>;
  /** The first is merged into the second; both are ids of contacts. */
  mergeContact(contactId: string, intoId: string): Promise<number>;
  archiveContact(contactId: string): Promise<number>;
  /** Fin (`ai`) or a workflow speaks. */
  operatorReply(conversationId: string, text: string, options?: { ai?: boolean }): Promise<number>;
  /** The contact has read the conversation. */
  read(conversationId: string): Promise<number>;
  /** Several parts in one notification. */
  several(conversationId: string, texts: readonly string[], options?: { agent?: string }): Promise<number>;
  /** Gone: the API answers 404 from now on. */
  deleteConversation(conversationId: string): Promise<number>;
  ping(): Promise<number>;
}

interface Stage {
  actions: Actions;
  webhooks: Webhooks;
  outgoing: Outgoing;
  /** The user has written in the Messenger. */
  said(conversation: Conversation, text: string): void;
}

const FIRST_HUMAN = '7001001';

/** The teammates, the contact in the Messenger, and Intercom itself. */
export function createPeople(workspace: Workspace, { actions, webhooks, outgoing, said }: Stage) {
  function found(id: string): Conversation {
    const conversation = workspace.conversations.get(id);
    if (conversation === undefined) throw new Error(`the sandbox has no conversation ${id}`);
    return conversation;
  }
  const contactOf = (id: string): Contact => {
    const contact = workspace.contacts.get(id);
    if (contact === undefined) throw new Error(`the sandbox has no contact ${id}`);
    return contact;
  };
  /** Whoever is named, else who has the conversation, else the first human. */
  function agentOf({ adminAssigneeId }: Conversation, named?: string): Person {
    const current = ['0', BOT_ADMIN].includes(adminAssigneeId) ? FIRST_HUMAN : adminAssigneeId;
    return adminPerson(workspace.admin(named ?? current));
  }
  function targetOf(name: string): Assignee {
    const team = [...workspace.teams.values()].find((one) => one.id === name || one.name === name);
    return team === undefined ? { type: 'admin', id: workspace.admin(name).id } : { type: 'team', id: team.id };
  }
  /** With several topics each goes out; the first one's answer counts. */
  async function tell(notices: OutgoingWebhook[]): Promise<number> {
    return (await Promise.all(notices.map((notice) => outgoing.send(notice))))[0] ?? 0;
  }
  const happened = async (change: Change): Promise<number> => await tell(webhooks.of(change));
  const words = (text: string, files?: SandboxFile[]) => htmlBody(escaped(text).replaceAll('\n', '<br>'), files);

  const human: SandboxAgent = {
    async reply(id, text, { agent, files } = {}) {
      const conversation = found(id);
      const author = agentOf(conversation, agent);
      if (conversation.state !== 'closed')
        return await happened(actions.adminReplies(conversation, author, words(text, files)));
      const change = actions.opens(conversation, author, words(text, files));
      return await happened({ ...change, topics: ['conversation.admin.replied', ...change.topics] });
    },
    note: async (id, text, { files } = {}) =>
      await happened(actions.notes(found(id), agentOf(found(id)), words(text, files))),
    transfer: async (id, agent) => await happened(actions.assigns(found(id), agentOf(found(id)), targetOf(agent))),
    close: async (id, { text } = {}) =>
      await happened(actions.closes(found(id), agentOf(found(id)), text === undefined ? undefined : words(text))),
    async unknownPart(id) {
      const part = {
        partType: 'quantum_entangled',
        author: agentOf(found(id)),
        body: words('Nobody knows this part.'),
      };
      return await happened(actions.adds(found(id), part, ['conversation.admin.replied']));
    },
  };

  let visitors = 0;
  const user: SandboxUser = {
    async writes(text, { conversationId, files } = {}) {
      if (conversationId !== undefined) {
        const conversation = found(conversationId);
        const author = personOf(contactOf(conversation.contactId));
        const notices = webhooks.of(actions.userReplies(conversation, author, plainBody(text, files)));
        said(conversation, text);
        await tell(notices);
        return conversationId;
      }
      visitors += 1;
      const unique = `${workspace.id}-${visitors}`;
      const fields = {
        externalId: `visitor-${unique}`,
        email: `visitor-${unique}@example.com`,
        name: `Visitor ${visitors}`,
      };
      const contact = workspace.addContact(fields, Date.now());
      const conversation = openConversation(workspace, contact, plainBody(text, files));
      await tell([webhooks.conversation('conversation.user.created', { conversation })]);
      return conversation.id;
    },
  };

  const people: IntercomPeople = {
    snooze: async (id, until = seconds() + 3600) =>
      await happened(actions.snoozes(found(id), agentOf(found(id)), until)),
    unsnooze: async (id) => await happened(actions.unsnoozes(found(id), agentOf(found(id)))),
    replyAndClose: async (id, text) => await human.close(id, { text }),
    replyAndAssign: async (id, text, agent) =>
      await happened(actions.assigns(found(id), agentOf(found(id)), targetOf(agent), words(text))),
    redact: async (id, partId) => await happened(actions.redacts(found(id), partId)),
    async mergeContact(contactId, intoId) {
      const [gone, kept] = [contactOf(contactId), contactOf(intoId)];
      gone.mergedInto = kept.id;
      for (const conversation of workspace.conversations.values()) {
        if (conversation.contactId === gone.id) conversation.contactId = kept.id;
      }
      const mergedFrom = { merged_from: { type: 'contact', id: gone.id } };
      return await tell([webhooks.contact('contact.merged', kept, mergedFrom)]);
    },
    async archiveContact(contactId) {
      const contact = contactOf(contactId);
      contact.archived = true;
      return await tell([webhooks.contact('contact.archived', contact, { archived: true })]);
    },
    async operatorReply(id, text, { ai = false } = {}) {
      const part = { partType: 'comment', author: { ...OPERATOR, fromAiAgent: ai }, body: words(text) };
      return await happened(actions.adds(found(id), part, ['conversation.operator.replied']));
    },
    async read(id) {
      const conversation = found(id);
      conversation.read = true;
      return await tell([webhooks.conversation('conversation.read', { conversation })]);
    },
    async several(id, texts, { agent } = {}) {
      const conversation = found(id);
      const author = agentOf(conversation, agent);
      return await tell(webhooks.several(texts.map((text) => actions.adminReplies(conversation, author, words(text)))));
    },
    async deleteConversation(id) {
      workspace.conversations.delete(found(id).id);
      return await tell([webhooks.item('conversation.deleted', { type: 'conversation', id, deleted: true })]);
    },
    ping: async () => await tell([webhooks.item('ping', { type: 'ping' })]),
  };
  return { human, user, people };
}
