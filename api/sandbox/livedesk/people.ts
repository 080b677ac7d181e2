import type { SandboxAgent, SandboxFile, SandboxUser } from '../desk-sandbox.ts';
import type { Outgoing, OutgoingWebhook } from '../outgoing.ts';
import { type Actions, isWidget } from './actions.ts';
import { addContact } from './contacts.ts';
import { addConversation } from './conversations.ts';
import { AI_AGENT, type Conversation, type Named, type World } from './model.ts';

/** What happens at LiveDesk and at no other desk. Numbers are Baton's HTTP status, 0 for no answer. */
export interface LivedeskPeople {
  /** `until`: Unix seconds; without it, without end. */
  snooze(conversationId: string, until?: number): Promise<number>;
  /** A snoozed or closed conversation is opened by an agent. */
  reopen(conversationId: string): Promise<number>;
  /** From resolved to closed, as LiveDesk does it after its survey. */
  archive(conversationId: string): Promise<number>;
  /** Another AI Agent speaks. */
  botReply(conversationId: string, text: string): Promise<number>;
  /** The channel's greeting. */
  greeting(conversationId: string, text: string): Promise<number>;
}

interface Stage {
  actions: Actions;
  outgoing: Outgoing;
  /** The channel in which a visitor writes. */
  inboxId(): number;
  /** The user has written to humans. */
  said(conversation: Conversation, text: string): void;
}

/** The agents, the visitor, and LiveDesk itself. */
export function createPeople(world: World, { actions, outgoing, inboxId, said }: Stage) {
  function found(id: string): Conversation {
    const conversation = world.conversations.get(Number(id));
    if (conversation === undefined) throw new Error(`the sandbox has no conversation ${id}`);
    return conversation;
  }
  /** Whoever is named, else who has the conversation, else the first agent. */
  function agentOf({ assigneeId }: Conversation, named?: string): Named {
    return world.agent(named ?? (assigneeId === null ? (world.agents[0]?.name ?? '3') : String(assigneeId)));
  }
  /** What is told about the thing itself comes first. */
  async function tell(webhooks: OutgoingWebhook[]): Promise<number> {
    return (await Promise.all(webhooks.map((webhook) => outgoing.send(webhook))))[0] ?? 0;
  }
  const withIds = (files: SandboxFile[] = []) => files.map((file) => ({ ...file, id: world.nextId() }));

  function agentSays(id: string, text: string, more: { agent?: string; files?: SandboxFile[]; private?: boolean }) {
    const conversation = found(id);
    const agentId = agentOf(conversation, more.agent).id;
    const { webhooks } = actions.says(conversation, {
      type: 'outgoing',
      author: 'agent',
      agentId,
      content: text,
      private: more.private === true,
      files: withIds(more.files),
    });
    return webhooks;
  }

  const human: SandboxAgent = {
    reply: async (id, text, options = {}) => await tell(agentSays(id, text, options)),
    note: async (id, text, options = {}) => await tell(agentSays(id, text, { ...options, private: true })),
    async transfer(id, agent) {
      const conversation = found(id);
      const who = agentOf(conversation).name;
      if (agent === AI_AGENT.name || agent === String(AI_AGENT.id)) {
        return await tell(actions.moves(conversation, 'pending', who));
      }
      const team = world.teams.find((one) => one.name === agent || String(one.id) === agent);
      const opened = conversation.status === 'pending' ? actions.moves(conversation, 'open', who) : [];
      const assigned = actions.assigns(
        conversation,
        team === undefined ? 'assignee_id' : 'team_id',
        team ?? world.agent(agent),
        who,
      );
      return await tell([...assigned, ...opened]);
    },
    async close(id, { text } = {}) {
      const conversation = found(id);
      const said = text === undefined ? [] : agentSays(id, text, {});
      const { status } = conversation;
      const isOver = status === 'resolved' || status === 'closed';
      const closed = isOver ? [] : actions.moves(conversation, 'resolved', agentOf(conversation).name);
      const [first] = await Promise.all([tell(said), tell(closed)].toReversed());
      return first ?? 0;
    },
    async unknownPart(id) {
      const content = 'Nobody knows this part.';
      return await tell(actions.says(found(id), { type: 'quantum_entangled', author: 'agent', content }).webhooks);
    },
  };

  let visitors = 0;
  function newConversation(): { conversation: Conversation; begun: OutgoingWebhook[] } {
    visitors += 1;
    const unique = `${visitors}-${world.nextId()}`;
    const fields = { identifier: null, email: `visitor-${unique}@example.com`, name: `Visitor ${visitors}` };
    const conversation = addConversation(world, addContact(world, fields, inboxId()), inboxId());
    return { conversation, begun: actions.created(conversation) };
  }
  const user: SandboxUser = {
    async writes(text, { conversationId, files } = {}) {
      const { conversation, begun } =
        conversationId === undefined ? newConversation() : { conversation: found(conversationId), begun: [] };
      const { webhooks } = actions.says(conversation, {
        type: 'incoming',
        author: 'contact',
        content: text,
        files: withIds(files),
      });
      if (conversation.status === 'open' && isWidget(conversation)) said(conversation, text);
      await tell([...begun, ...webhooks]);
      return String(conversation.id);
    },
  };

  const people: LivedeskPeople = {
    snooze: async (id, until) => await tell(actions.moves(found(id), 'snoozed', agentOf(found(id)).name, until)),
    reopen: async (id) => await tell(actions.moves(found(id), 'open', agentOf(found(id)).name)),
    archive: async (id) => await tell(actions.moves(found(id), 'closed', 'the system')),
    botReply: async (id, text) =>
      await tell(actions.says(found(id), { type: 'outgoing', author: 'bot', content: text }).webhooks),
    greeting: async (id, text) =>
      await tell(actions.says(found(id), { type: 'template', author: 'system', content: text }).webhooks),
  };
  return { human, user, people };
}
