import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxAgent, SandboxUser } from '../desk-sandbox.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';
import { type Conversation, type Files, isOpen } from './model.ts';
import { type Emit, operatorOf, type Talks } from './talks.ts';
import { appOf, groupOf, newVisitor, operatorCalled, type World } from './world.ts';
import type { Zobot } from './zobot.ts';

export interface People {
  human: SandboxAgent;
  user: SandboxUser;
  /** An operator takes the chat and says nothing yet. */
  picksUp(conversationId: string, operator?: string): Promise<number>;
  /** Nobody has picked up. */
  misses(conversationId: string): Promise<number>;
  visitorCloses(conversationId: string): Promise<number>;
  /** A visitor of the website who has nothing to do with us; no bot is there. */
  foreignChat(text: string): Promise<string>;
  visitorRates(conversationId: string, rating: number): Promise<number>;
}

interface Stage {
  world: World;
  talks: Talks;
  zobot: Zobot;
  scripted(): ScriptedAgent;
  emit: Emit;
  /** Sends what has been emitted since; gives back the answer to the last one. */
  flush(): Promise<number>;
  /** How long a visitor watches for the bot's answer before `writes` resolves. */
  patienceMs: number;
}

export function createPeople({ world, talks, zobot, scripted, emit, flush, patienceMs }: Stage): People {
  function at(conversationId: string): Conversation {
    const found = world.conversations.get(conversationId);
    if (found === undefined) throw new Error(`unknown conversation: ${conversationId}`);
    return found;
  }

  const begin = (question: string, files: Files, of: Conversation | undefined, withBot: boolean): Conversation =>
    talks.begin({
      visitor: of?.visitor ?? newVisitor(world),
      appId: appOf(world).id,
      ...(!withBot && { departmentId: groupOf(world).id }),
      question,
      files,
      withBot,
    });

  const human: SandboxAgent = {
    async reply(conversationId, text, { agent, files = [] } = {}) {
      const conversation = at(conversationId);
      const author = agent === undefined ? operatorOf(world, conversation) : operatorCalled(world, agent);
      talks.operatorSays(conversation, author, text, files);
      return await flush();
    },
    async note(conversationId, text, { files = [] } = {}) {
      talks.note(at(conversationId), text, files);
      return await flush();
    },
    async transfer(conversationId, agent) {
      // Whether an operator can give a chat to a bot is not documented.
      if (agent === '' || agent === world.bot.name) throw new Error('a chat goes to an operator only');
      talks.transfer(at(conversationId), operatorCalled(world, agent));
      return await flush();
    },
    async close(conversationId, { text } = {}) {
      const conversation = at(conversationId);
      if (!isOpen(conversation)) return 0;
      if (text !== undefined) talks.operatorSays(conversation, operatorOf(world, conversation), text);
      talks.complete(conversation, 'agent');
      return await flush();
    },
    async unknownPart(conversationId) {
      emit('conversation.hologram.shown', at(conversationId), { hologram: { scene: 1 } });
      return await flush();
    },
  };

  function tellScript(conversation: Conversation, text: string, isNew: boolean): void {
    if (!talks.isWithHumans(conversation)) return;
    if (isNew) scripted().opened(conversation.id, text);
    else scripted().said(conversation.id, text);
  }

  const user: SandboxUser = {
    async writes(text, { conversationId, files = [] } = {}) {
      const before = conversationId === undefined ? undefined : at(conversationId);
      const isNew = before === undefined || !isOpen(before);
      const withBot = world.bot.attached && !zobot.disabled;
      const conversation = isNew ? begin(text, files, before, withBot) : before;
      if (!isNew) talks.visitorSays(conversation, text, files);
      tellScript(conversation, text, isNew);
      const sent = flush();
      if (conversation.state !== 'bot') {
        await sent;
        return conversation.id;
      }
      const answered = zobot.message(conversation, text, files, { landing: before === undefined, isNew });
      // The bot may wait for somebody who waits for us.
      await Promise.race([Promise.all([sent, answered]), delay(patienceMs, undefined, { ref: false })]);
      return conversation.id;
    },
  };

  return {
    human,
    user,
    async picksUp(conversationId, operator) {
      const conversation = at(conversationId);
      const by = operator === undefined ? operatorOf(world, conversation) : operatorCalled(world, operator);
      if (isOpen(conversation)) talks.pickUp(conversation, by);
      return await flush();
    },
    async misses(conversationId) {
      talks.miss(at(conversationId));
      return await flush();
    },
    async visitorCloses(conversationId) {
      talks.complete(at(conversationId), 'visitor');
      return await flush();
    },
    async foreignChat(text) {
      const conversation = begin(text, [], undefined, false);
      await flush();
      return conversation.id;
    },
    async visitorRates(conversationId, rating) {
      emit('conversation.rated', at(conversationId), { rating: String(rating), feedback: '' });
      return await flush();
    },
  };
}
