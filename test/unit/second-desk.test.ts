import { describe, expect, it } from 'vitest';
import type { Happening } from '../../workflows/core.ts';
import type { HandoffInput } from '../../workflows/contracts.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { handoffInput, settings } from '../support/input.ts';

const START = Date.UTC(2026, 0, 15, 9);
const WAIT_MS = 60_000;

/** A handoff at the desk `webhook` whose bot has `intercom` besides. */
class Story {
  readonly run: HandoffRun;
  now = START;

  constructor(over: Partial<HandoffInput> = {}) {
    this.run = new HandoffRun(handoffInput({ secondDesk: 'intercom', ...over }), this.now);
  }

  happens(...happenings: Happening[]): this {
    for (const happening of happenings) this.run.apply(happening, this.now);
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this.happens({ kind: 'timePassed' });
  }

  /** The desk has taken what waits for it, as the desk's loop would tell. */
  takes(deskConversationId = 'there'): this {
    for (;;) {
      const [first] = this.run.nextForDesk();
      if (!first) return this;
      if (first.kind === 'open') this.happens({ kind: 'opened', deskConversationId });
      else this.happens({ kind: 'delivered', n: first.n });
      this.run.settled(first.n);
    }
  }

  get types(): string[] {
    return this.run.journal.map(({ type }) => type);
  }

  /** What waits for the desk: openings by kind, messages by id. */
  get waiting(): string[] {
    this.run.nextForDesk();
    return this.run.desk.map((delivery) => (delivery.kind === 'message' ? delivery.messageId : delivery.kind));
  }

  get changed() {
    return this.run.journal.find(({ type }) => type === 'handoff.desk_changed')?.data;
  }
}

const says = (id: string): Happening => ({ kind: 'userMessage', id, text: `message ${id}` });
const reply = (id: string): Happening => ({ kind: 'agentReply', id, text: `reply ${id}`, agent: { name: 'Alex' } });
const closes = (by: 'user' | 'agent', id: string): Happening => ({ kind: 'close', id, by });
const failed = (mayHaveIt = false): Happening => ({ kind: 'openFailed', mayHaveIt });

describe('a second desk', () => {
  it('gets the request when the wait time of the first is over, with its own full wait time', () => {
    const story = new Story().takes('c-1').after(WAIT_MS);
    expect(story.types).toEqual(['handoff.connecting', 'handoff.desk_changed']);
    const why = { from: 'webhook', to: 'intercom', why: 'wait_timeout', text: 'text desk_changed', messages: 0 };
    expect(story.changed).toEqual(why);
    expect(story.run.address).toMatchObject({ desk: 'intercom', deskConversationId: story.run.input.handoffId });
    expect(story.run.withdrawals).toEqual([expect.objectContaining({ desk: 'webhook', deskConversationId: 'c-1' })]);
    expect(story.waiting).toEqual(['open']);
    story.after(30_000).takes('c-2');
    expect(story.types.at(-1)).toBe('handoff.connecting');
    expect(story.run.view().deadline).toEqual({ kind: 'wait', at: new Date(story.now + WAIT_MS).toISOString() });
    expect(story.run.address).toMatchObject({ desk: 'intercom', deskConversationId: 'c-2' });
  });

  it('gets all that the user has said since, in order: what the first one had, and what it never got', () => {
    const story = new Story().happens(says('1')).takes().happens(says('2')).takes().happens(says('3'), says('4'));
    const before = story.run.desk.at(-1)?.n ?? 0;
    story.after(WAIT_MS);
    expect(story.waiting).toEqual(['open', '1', '2', '3', '4']);
    expect(story.changed).toMatchObject({ messages: 4 });
    // The word to the first desk has the number in between, whether it is said or not: see `api/deliveries.ts`.
    expect(story.run.desk[0]?.n).toBe(before + 2);
    expect(story.run.desk.map(({ n }) => n)).toEqual(story.run.desk.map((_, index) => story.run.desk[0]!.n + index));
    story.takes().happens(says('5'));
    expect(story.waiting).toEqual(['5']);
    expect(story.types.filter((type) => type === 'message.user')).toHaveLength(5);
  });

  it('is not troubled by how a call to the first one ends that was under way', () => {
    const story = new Story().takes().happens(says('1'));
    const [old] = story.run.desk;
    story
      .after(WAIT_MS)
      .happens({ kind: 'delivered', n: old!.n }, { kind: 'undeliverable', n: old!.n, why: 'expired' });
    story.run.settled(old!.n);
    expect(story.waiting).toEqual(['open', '1']);
    expect(story.types).not.toContain('message.failed');
  });

  it('is opened at once when the first one cannot be opened; a first one that never had it is told nothing', () => {
    const story = new Story().happens(says('1'), failed());
    expect(story.types).toEqual(['message.user', 'handoff.desk_changed']);
    expect(story.changed).toMatchObject({ why: 'desk_unavailable', messages: 1 });
    expect(story.run.withdrawals).toEqual([]);
    story.run.settled(1);
    expect(story.waiting).toEqual(['open', '1']);
  });

  it('leaves a first one that may hold a conversation with a word', () => {
    const story = new Story().happens(failed(true));
    expect(story.run.withdrawals).toEqual([{ n: 2, timestamp: expect.any(Number), desk: 'webhook' }]);
  });

  it('is the last: then the ordinary rules', () => {
    const asks = new Story().takes().after(WAIT_MS).takes().after(WAIT_MS);
    expect(asks.types.slice(-2)).toEqual(['handoff.connecting', 'handoff.wait_timeout']);
    const closing = new Story({ settings: settings({ onWaitTimeout: 'close' }) }).takes().after(WAIT_MS);
    expect(closing.types.at(-1)).toBe('handoff.desk_changed');
    closing.takes().after(WAIT_MS);
    expect(closing.run.view()).toMatchObject({ status: 'closed', closeReason: 'wait_timeout' });
    const fails = new Story().happens(says('1'), failed(), failed());
    expect(fails.types.slice(-3)).toEqual(['handoff.busy', 'message.failed', 'handoff.closed']);
    expect(fails.run.view().closeReason).toBe('desk_unavailable');
  });

  it('gets no request that somebody has answered, and none whose user has gone', () => {
    const answered = new Story({ settings: settings({ inactivityTimeoutMs: WAIT_MS }) }).takes().happens(reply('1'));
    expect(answered.after(WAIT_MS).run.view().closeReason).toBe('inactivity_timeout');
    expect(answered.changed).toBeUndefined();
    const gone = new Story().happens(closes('user', 'u'), failed());
    expect(gone.types).toEqual(['handoff.closed']);
    expect(gone.run.address.desk).toBe('webhook');
  });

  it('does not get what the first one has refused', () => {
    const story = new Story().takes().happens(says('1'));
    story.happens({ kind: 'undeliverable', n: story.run.desk[0]!.n, why: 'rejected' }, says('2')).after(WAIT_MS);
    expect(story.waiting).toEqual(['open', '2']);
    story.takes().happens({ kind: 'retryMessage', id: 'o', messageId: '1' });
    expect(story.waiting).toEqual(['1']);
  });

  it('the end by the user is told to the desk that has the request then', () => {
    const story = new Story().takes().after(WAIT_MS).takes().happens(closes('user', 'u'));
    expect(story.waiting).toEqual(['close']);
    expect(story.run.withdrawals).toHaveLength(1);
    expect(story.run.finished).toBe(false);
  });

  it('is remembered by the next run, with the talk before as long as a desk may have to be opened', () => {
    const history = [{ role: 'user' as const, text: 'Hello bot' }];
    const story = new Story({ history }).takes().happens(says('1')).takes();
    expect(story.run.history).toEqual(history);
    const next = new HandoffRun({ ...story.run.input, carried: story.run.carry() }, story.now);
    next.apply({ kind: 'timePassed' }, story.now + WAIT_MS);
    expect(next.desk.map(({ kind }) => kind)).toEqual(['open', 'message']);
    expect(next.history).toEqual(history);
    const last = new HandoffRun({ ...next.input, carried: next.carry() }, story.now);
    expect(last.withdrawals).toEqual(next.withdrawals);
    last.apply({ kind: 'opened', deskConversationId: 'c-2' }, story.now);
    last.settled(last.desk[0]!.n);
    expect(last.history).toEqual([]);
  });
});

describe('the first desk, once the request has left it', () => {
  const left = () => new Story().takes().after(WAIT_MS).takes();

  it('an answer of its agents is kept as late and marked; nobody hears it', () => {
    const story = left().happens(reply('webhook:1'), reply('webhook:1'));
    expect(story.types).not.toContain('message.agent');
    expect(story.run.late).toEqual([
      expect.objectContaining({ id: 'webhook:1', from: 'agent', text: 'reply webhook:1', desk: 'webhook' }),
    ]);
    expect(story.run.view()).toMatchObject({ status: 'connecting', counts: { late: 1, agent: 0, duplicates: 1 } });
  });

  it('can neither end, nor park, nor name an agent', () => {
    const story = left().happens(
      closes('agent', 'webhook:2'),
      { kind: 'snooze', id: 'webhook:3' },
      { kind: 'agentJoined', id: 'webhook:4', agent: { name: 'Zoe' } },
      { kind: 'read', id: 'webhook:5' },
    );
    expect(story.types.at(-1)).toBe('handoff.connecting');
    expect(story.run.view().closing).toBe(false);
    story.happens({ kind: 'agentReply', id: 'intercom:1', text: 'hello' });
    expect(story.run.journal.at(-1)?.data).toMatchObject({ agent: null });
  });

  it("a user's message whose id looks like the desk's is a user's message", () => {
    const story = left().happens(says('webhook:9'), closes('user', 'webhook:10'));
    expect(story.types).toContain('message.user');
    expect(story.run.view().closing).toBe(true);
  });

  it('what it said before the request left it has counted', () => {
    const story = new Story().takes().happens(reply('webhook:1')).after(WAIT_MS);
    expect(story.types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent']);
  });
});

it('without a second desk a handoff has nothing of all this', () => {
  const { run } = new Story({ secondDesk: undefined as never });
  const plain = new HandoffRun(handoffInput({ history: [{ role: 'user', text: 'x' }] }), START);
  plain.apply({ kind: 'opened', deskConversationId: 'c' }, START);
  plain.settled(1);
  expect(plain.history).toEqual([]);
  expect(Object.keys(plain.carry())).toEqual(['state', 'journal', 'late', 'desk', 'callback']);
  run.apply({ kind: 'openFailed', mayHaveIt: false }, START);
  expect(run.journal.map(({ type }) => type)).toEqual(['handoff.busy', 'handoff.closed']);
});
