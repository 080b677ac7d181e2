import { describe, expect, it } from 'vitest';
import type {
  ConversationEvent,
  ConversationInput,
  ConversationState,
  DeskDelivery,
} from '../../workflows/contracts.ts';
import { beginConversation, reduceConversation } from '../../workflows/conversation-core.ts';
import type { ConversationHappening } from '../../workflows/conversation-core.ts';

const START = Date.UTC(2026, 0, 15, 9);
const IDLE_MS = 86_400_000;

const input: ConversationInput = {
  id: 'co_1',
  botId: 'bot-1',
  desk: 'intercom',
  deskConversationId: '2154',
  settings: { idleTimeoutMs: IDLE_MS, callback: true },
};

class Story {
  now = START;
  state: ConversationState;
  readonly events: ConversationEvent[] = [];
  readonly desk: DeskDelivery[] = [];

  constructor(progress = { lastSeq: 0, lastDeskN: 0 }) {
    this.state = beginConversation(input, progress, this.now);
  }

  happens(...happenings: ConversationHappening[]): this {
    for (const happening of happenings) {
      const step = reduceConversation(input, this.state, happening, this.now);
      this.state = step.state;
      this.events.push(...step.events);
      this.desk.push(...step.desk);
    }
    return this;
  }

  get types(): string[] {
    return this.events.map((event) => event.type);
  }
}

const says = (id: string, more = {}): ConversationHappening => ({
  kind: 'userMessage',
  id,
  text: `user ${id}`,
  ...more,
});
const answers = (id: string): ConversationHappening => ({ kind: 'botMessage', id, text: `bot ${id}` });
const human = (id: string): ConversationHappening => ({ kind: 'agentReply', id, text: `agent ${id}` });

describe('a native conversation', () => {
  it('starts with the first message, and counts on from an earlier run', () => {
    const story = new Story({ lastSeq: 7, lastDeskN: 3 }).happens(says('1', { user: { id: 'u', name: 'Ana' } }));
    expect(story.events.map(({ type, seq }) => [type, seq])).toEqual([
      ['conversation.started', 8],
      ['conversation.message', 9],
    ]);
    expect(story.events[0]?.data).toEqual({ desk: 'intercom', user: { id: 'u', name: 'Ana' } });
    expect(story.events[1]?.data).toMatchObject({ messageId: '1', from: 'user', text: 'user 1', botSilent: false });
    expect(story.events[1]).not.toHaveProperty('handoffId');
    expect(story.happens(answers('a')).desk[0]?.n).toBe(4);
  });

  it('drops repeats of either side, and tells a user from a bot with the same id', () => {
    const story = new Story().happens(says('1'), says('1'), answers('1'), answers('1'));
    expect(story.types).toEqual(['conversation.started', 'conversation.message']);
    expect(story.desk).toHaveLength(1);
    expect(story.state.counts.duplicates).toBe(2);
  });

  it('brings what the bot says to the desk in order, with strictly increasing times', () => {
    const { desk } = new Story().happens(says('1'), answers('a'), answers('b'), answers('c'));
    expect(desk.map((delivery) => delivery.kind === 'message' && delivery.text)).toEqual(['bot a', 'bot b', 'bot c']);
    expect(new Set(desk.map(({ timestamp }) => timestamp)).size).toBe(3);
  });

  it('tells the bot what the desk did not take', () => {
    const story = new Story().happens(says('1'), answers('a'), { kind: 'undeliverable', n: 1, why: 'rejected' });
    expect(story.events.at(-1)).toMatchObject({ type: 'message.failed', data: { messageId: 'a', reason: 'rejected' } });
    expect(story.state.pending).toEqual([]);
  });

  it('is silent while a human has it, until he closes', () => {
    const story = new Story().happens(says('1'), human('h'), answers('a'));
    expect(story.events.at(-1)).toMatchObject({ type: 'message.failed', data: { reason: 'human_has_it' } });
    expect(story.desk).toEqual([]);
    story.happens({ kind: 'close', id: 'c', by: 'agent' }, says('2'), answers('b'));
    expect(story.types.slice(-3)).toEqual(['conversation.ended', 'conversation.started', 'conversation.message']);
    expect(story.desk).toHaveLength(1);
  });

  it('believes the desk about a conversation that it has never seen, and only then', () => {
    expect(new Story().happens(says('1', { human: true })).state.human).toBe(true);
    expect(new Story({ lastSeq: 9, lastDeskN: 0 }).happens(says('1', { human: true })).state.human).toBe(false);
  });

  it("is the bot's again after a handoff, whoever took it before", () => {
    const story = new Story().happens(
      says('1'),
      human('h'),
      { kind: 'handoffEnded', id: 'ho_1' },
      says('2'),
      answers('b'),
    );
    expect(story.desk).toHaveLength(1);
    const untouched = new Story().happens(says('1'), { kind: 'handoffEnded', id: 'ho_1' });
    expect(untouched.types).toEqual(['conversation.started', 'conversation.message']);
  });

  it('ends after 24 hours without a message, and every message starts them again', () => {
    const story = new Story().happens(says('1'));
    story.now += IDLE_MS - 1;
    story.happens({ kind: 'timePassed' }, answers('a'));
    story.now += IDLE_MS - 1;
    expect(story.happens({ kind: 'timePassed' }).state.status).toBe('open');
    story.now += 1;
    expect(story.happens({ kind: 'timePassed' }).types.at(-1)).toBe('conversation.ended');
  });
});
