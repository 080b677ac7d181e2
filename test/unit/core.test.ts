import { describe, expect, it } from 'vitest';
import { begin, CLOSING_GRACE_MS, nextDeadlineMs, reduce } from '../../workflows/core.ts';
import type { Happening } from '../../workflows/core.ts';
import type {
  ConversationSignal,
  DeskDelivery,
  HandoffEvent,
  HandoffInput,
  HandoffState,
  LateMessage,
} from '../../workflows/contracts.ts';
import { handoffInput, settings } from '../support/input.ts';

const START = Date.UTC(2026, 0, 15, 9);

/** A handoff whose time and happenings the test decides. */
class Story {
  readonly input: HandoffInput;
  now = START;
  state: HandoffState;
  readonly events: HandoffEvent[] = [];
  readonly desk: DeskDelivery[] = [];
  readonly late: LateMessage[] = [];
  readonly handBack: ConversationSignal[] = [];

  constructor(input: HandoffInput = handoffInput()) {
    this.input = input;
    const first = begin(input, this.now);
    this.state = first.state;
    this.events.push(...first.events);
    this.desk.push(...first.desk);
  }

  happens(...happenings: Happening[]): this {
    for (const happening of happenings) {
      const step = reduce(this.input, this.state, happening, this.now);
      this.state = step.state;
      this.events.push(...step.events);
      this.desk.push(...step.desk);
      this.late.push(...step.late);
      this.handBack.push(...step.handBack);
    }
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this.happens({ kind: 'timePassed' });
  }

  get types(): string[] {
    return this.events.map((event) => event.type);
  }

  get last(): HandoffEvent | undefined {
    return this.events.at(-1);
  }
}

const opened: Happening = { kind: 'opened', deskConversationId: 'desk-1' };
const reply = (id: string, name?: string): Happening => ({
  kind: 'agentReply',
  id,
  text: `reply ${id}`,
  ...(name ? { agent: { id: name, name } } : {}),
});
const says = (id: string): Happening => ({ kind: 'userMessage', id, text: `message ${id}` });
const closes = (by: 'user' | 'bot' | 'agent' | 'operator', id: string = by): Happening => ({ kind: 'close', id, by });
const ofKind = (story: Story, kind: DeskDelivery['kind']) => story.desk.filter((delivery) => delivery.kind === kind);

describe('opening', () => {
  it('opens at the desk first and connects when it accepts', () => {
    const story = new Story().happens(opened);
    expect(story.desk.map((delivery) => delivery.kind)).toEqual(['open']);
    expect(story.types).toEqual(['handoff.connecting']);
    expect(story.events[0]?.data.text).toBe('text connecting');
  });

  it('rule 3: keeps what the user writes before the acceptance, in order, behind the opening', () => {
    const story = new Story().happens(says('1'), says('2'), opened, says('3'));
    expect(story.desk.map((delivery) => (delivery.kind === 'message' ? delivery.messageId : delivery.kind))).toEqual([
      'open',
      '1',
      '2',
      '3',
    ]);
  });

  it('a user who leaves while the desk cannot be opened: what he wrote fails, and no message goes to that desk', () => {
    const story = new Story().happens(says('1'), closes('user'), { kind: 'openFailed', mayHaveIt: false });
    expect(story.state.pending).toEqual([]);
    expect(story.types).toEqual(['message.user', 'message.failed', 'handoff.closed']);
    expect(story.events[1]?.data.reason).toBe('handoff_closed');
    expect(ofKind(story, 'close')).toEqual([]);
  });

  it('an agent without id and name is no other agent', () => {
    const story = new Story().happens(opened, reply('1', 'Nora'), {
      kind: 'agentReply',
      id: '2',
      text: 'again',
      agent: {},
    });
    expect(story.types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent', 'message.agent']);
    expect(story.last?.data.agent).toEqual({ id: 'Nora', name: 'Nora' });
  });

  it('rule 13: a desk that cannot be opened makes the user see busy, then closed', () => {
    const story = new Story().happens(says('1'), { kind: 'openFailed', mayHaveIt: false });
    expect(story.types).toEqual(['message.user', 'handoff.busy', 'message.failed', 'handoff.closed']);
    expect(story.last?.data).toMatchObject({ reason: 'desk_unavailable', text: 'text closed_desk_unavailable' });
    expect(ofKind(story, 'close')).toEqual([]);
  });

  it('tells a desk of the end that may have opened although its answer was lost', () => {
    const story = new Story().happens({ kind: 'openFailed', mayHaveIt: true });
    expect(ofKind(story, 'close')).toHaveLength(1);
  });

  it('asks for the e-mail before anything goes to the desk, and lapses without it', () => {
    const story = new Story(handoffInput({ emailRequired: true }));
    expect(story.types).toEqual(['handoff.email_required']);
    story.happens(says('1')).after(300_000);
    expect(story.types).toEqual(['handoff.email_required', 'message.user', 'message.failed', 'handoff.closed']);
    expect(story.last?.data.reason).toBe('email_not_given');
    expect(ofKind(story, 'close')).toEqual([]);
  });

  it('goes on with the e-mail that the user gives', () => {
    const story = new Story(handoffInput({ emailRequired: true })).happens({
      kind: 'emailGiven',
      id: 'e',
      email: 'lea@example.org',
    });
    expect(story.state).toMatchObject({ status: 'opening', email: 'lea@example.org' });
    expect(nextDeadlineMs(story.state)).toBeUndefined();
  });
});

describe('waiting for a human', () => {
  it('rule 2: the first reply starts the session', () => {
    const story = new Story().happens(opened, reply('1', 'Mia'));
    expect(story.types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent']);
    expect(story.events[1]?.data.agent).toEqual({ id: 'Mia', name: 'Mia' });
  });

  it('rule 2: an agent who joins does not start it', () => {
    const story = new Story().happens(opened, { kind: 'agentJoined', id: 'j', agent: { id: 'Mia' } });
    expect(story.state.status).toBe('connecting');
    expect(story.types).toEqual(['handoff.connecting']);
    story.happens({ kind: 'agentReply', id: 'r', text: 'Hello' });
    expect(story.events[1]).toMatchObject({ type: 'handoff.active', data: { agent: { id: 'Mia' } } });
  });

  it('nobody is told whom the desk chooses before anybody has spoken, and his name is kept', () => {
    const story = new Story().happens(
      opened,
      { kind: 'agentJoined', id: 'j', agent: { id: 'mia@desk', name: 'Mia' } },
      { kind: 'agentChanged', id: 'k', agent: { id: 'noor@desk', name: 'Noor' } },
      { kind: 'agentReply', id: 'r', text: 'Hello', agent: { id: 'noor@desk' } },
    );
    expect(story.types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent']);
    expect(story.events[2]?.data.agent).toEqual({ id: 'noor@desk', name: 'Noor' });
  });

  it('rule 2: a reply that was recorded before the timer beats the timer', () => {
    const story = new Story().happens(opened);
    story.now += 60_000;
    story.happens(reply('1'), { kind: 'timePassed' });
    expect(story.state.status).toBe('active');
    expect(story.types).not.toContain('handoff.wait_timeout');
  });

  it('a reply that overtakes the acceptance starts the session, and the acceptance says nothing more', () => {
    const story = new Story().happens(reply('1'), opened);
    expect(story.types).toEqual(['handoff.active', 'message.agent']);
  });

  it('asks after the wait time, waits again in full, and ends when nobody answers the question', () => {
    const story = new Story().happens(opened).after(59_999);
    expect(story.state.status).toBe('connecting');
    story.after(1);
    expect(story.state.status).toBe('asking');
    expect(story.last?.data).toMatchObject({
      text: 'text wait_timeout',
      choices: [
        { choice: 'wait', text: 'text wait_choice_wait' },
        { choice: 'end', text: 'text wait_choice_end' },
      ],
    });
    story.now += 30_000;
    story.happens({ kind: 'waitChoice', id: 'c1', choice: 'wait' }).after(59_999);
    expect(story.state.status).toBe('connecting');
    story.after(1).after(60_000);
    expect(story.last?.data.reason).toBe('wait_timeout');
    expect(ofKind(story, 'close')).toMatchObject([{ reason: 'wait_timeout' }]);
  });

  it('a reply withdraws the question', () => {
    const story = new Story().happens(opened).after(60_000).happens(reply('1'));
    expect(story.state.status).toBe('active');
    story.happens({ kind: 'waitChoice', id: 'c', choice: 'end' });
    expect(story.state.status).toBe('active');
  });

  it('the user may answer that he does not want to wait', () => {
    const story = new Story().happens(opened).after(60_000).happens({ kind: 'waitChoice', id: 'c', choice: 'end' });
    expect(story.last?.data.reason).toBe('user_closed');
  });

  it('closes at once when the bot is set so', () => {
    const story = new Story(handoffInput({ settings: settings({ onWaitTimeout: 'close' }) }))
      .happens(opened)
      .after(60_000);
    expect(story.types).toEqual(['handoff.connecting', 'handoff.closed']);
  });

  it('what the user writes while he waits moves no timer', () => {
    const story = new Story().happens(opened);
    const before = nextDeadlineMs(story.state);
    story.now += 30_000;
    story.happens(says('1'));
    expect(nextDeadlineMs(story.state)).toBe(before);
  });
});

describe('rule 12: the active session and its deadlines', () => {
  it('expires from the last agent message while the user has not answered since', () => {
    const story = new Story().happens(opened, reply('1')).after(100_000).happens(reply('2')).after(179_999);
    expect(story.state.status).toBe('active');
    story.after(1);
    expect(story.last?.data).toMatchObject({ reason: 'inactivity_timeout', detail: 'user_silent' });
    expect(ofKind(story, 'close')).toMatchObject([{ reason: 'inactivity_timeout' }]);
  });

  it('a user message stops the clock', () => {
    const story = new Story().happens(opened, reply('1')).after(179_999).happens(says('1')).after(1_000_000);
    expect(story.state.status).toBe('active');
    expect(nextDeadlineMs(story.state)).toBeUndefined();
  });

  it('guards against an agent who stays silent, when switched on', () => {
    const story = new Story(handoffInput({ settings: settings({ agentSilenceTimeoutMs: 90_000 }) }))
      .happens(opened, reply('1'), says('1'), { kind: 'delivered', n: 2 })
      .after(90_000);
    expect(story.last?.data).toMatchObject({ reason: 'inactivity_timeout', detail: 'agent_silent' });
  });

  it('a read receipt is told and moves nothing', () => {
    const story = new Story().happens(opened, reply('1', 'Mia'));
    const before = nextDeadlineMs(story.state);
    story.now += 1_000;
    story.happens({ kind: 'read', id: 'r' });
    expect(story.types.at(-1)).toBe('message.read');
    expect(nextDeadlineMs(story.state)).toBe(before);
  });

  it('another agent is told, and the silence that was under way counts from him', () => {
    const story = new Story().happens(opened, reply('1', 'Mia'));
    story.now += 100_000;
    story.happens({ kind: 'agentChanged', id: 'a', agent: { id: 'Noor', name: 'Noor' } });
    expect(story.types.at(-1)).toBe('handoff.agent_changed');
    expect(nextDeadlineMs(story.state)).toBe(story.now + story.input.settings.inactivityTimeoutMs);
  });

  describe('snooze', () => {
    const until = '2026-03-30T09:00:00Z'; // over the night in which Europe's clocks change
    const snoozed = (more = {}): Story =>
      new Story(handoffInput({ settings: settings(more) })).happens(opened, reply('1', 'Mia'), {
        kind: 'snooze',
        id: 's',
        until,
      });

    it('stands still until its time, then the silence counts anew', () => {
      const story = snoozed();
      expect(story.last).toMatchObject({ type: 'handoff.snoozed', data: { until } });
      expect(nextDeadlineMs(story.state)).toBe(Date.parse(until));
      story.now = Date.parse(until);
      story.happens({ kind: 'timePassed' });
      expect(story.state.status).toBe('active');
      expect(nextDeadlineMs(story.state)).toBe(Date.parse(until) + story.input.settings.inactivityTimeoutMs);
    });

    it('without a time it stands still until somebody speaks', () => {
      const story = new Story().happens(opened, reply('1', 'Mia'), { kind: 'snooze', id: 's' });
      expect(nextDeadlineMs(story.state)).toBeUndefined();
      story.after(90 * 86_400_000).happens(reply('2', 'Mia'));
      expect(nextDeadlineMs(story.state)).toBe(story.now + story.input.settings.inactivityTimeoutMs);
    });

    it('the user wakes it', () => {
      const story = snoozed().happens(says('1'));
      expect(nextDeadlineMs(story.state)).toBeUndefined();
      expect(story.state.snoozed).toBeUndefined();
    });

    it('the agent wakes it by hand, also after a second snooze', () => {
      const story = snoozed();
      story.now += 5_000;
      story.happens({ kind: 'snooze', id: 's2' }, { kind: 'unsnooze', id: 'u' });
      expect(nextDeadlineMs(story.state)).toBe(story.now + story.input.settings.inactivityTimeoutMs);
    });

    it("the agent's own silence goes on as well when the user had spoken last", () => {
      const story = new Story(handoffInput({ settings: settings({ agentSilenceTimeoutMs: 30_000 }) })).happens(
        opened,
        reply('1', 'Mia'),
        says('1'),
        { kind: 'snooze', id: 's', until },
        { kind: 'unsnooze', id: 'u' },
      );
      expect(nextDeadlineMs(story.state)).toBe(story.now + 30_000);
    });

    it('while nobody has answered, the user waits no longer for it', () => {
      const story = new Story().happens(opened, { kind: 'snooze', id: 's', until });
      expect(nextDeadlineMs(story.state)).toBe(START + story.input.settings.waitTimeoutMs);
    });
  });

  it('names a new agent before his first message', () => {
    const story = new Story().happens(opened, reply('1', 'Mia'), reply('2', 'Mia'), reply('3', 'Noor'));
    expect(story.types.slice(1)).toEqual([
      'handoff.active',
      'message.agent',
      'message.agent',
      'handoff.agent_changed',
      'message.agent',
    ]);
  });
});

it('a clock that is far ahead dates nothing, and one that is behind does not turn the order round', () => {
  const said = (id: string, offMs: number): Happening => ({ kind: 'userMessage', id, text: id, atMs: START + offMs });
  const day = 86_400_000;
  const story = new Story().happens(opened, said('ahead', day), said('behind', -day), said('a little', 1_000));
  const ats = story.events.slice(-3).map(({ at }) => Date.parse(at) - START);
  expect(ats).toEqual([0, 0, 1_000]);
  const sent = ofKind(story, 'message').map(({ timestamp }) => timestamp - START);
  expect(sent).toEqual([1, 2, 1_000]);
});

describe('the end', () => {
  it.each([
    ['user', 'user_closed', 'text closed_by_user', 1],
    ['bot', 'bot_closed', 'text closed_by_bot', 1],
    ['operator', 'operator_closed', 'text closed_by_operator', 1],
    ['agent', 'agent_closed', 'text closed_by_agent', 0],
  ] as const)('rule 6: closed by the %s', (by, reason, text, callsToDesk) => {
    const story = new Story().happens(opened, reply('1'), closes(by));
    expect(story.last).toMatchObject({ type: 'handoff.closed', data: { reason, text } });
    expect(ofKind(story, 'close')).toHaveLength(callsToDesk);
  });

  it('the first reason wins and a repeat changes nothing', () => {
    const story = new Story().happens(opened, closes('agent'), closes('user'), closes('agent', 'again'));
    expect(story.types.filter((type) => type === 'handoff.closed')).toHaveLength(1);
    expect(story.state.closeReason).toBe('agent_closed');
    expect(ofKind(story, 'close')).toEqual([]);
  });

  it('waits with closed for messages on their way, and then with the close for the desk behind them', () => {
    const story = new Story().happens(opened, says('1'), closes('user'));
    expect(story.state.status).toBe('connecting');
    story.happens({ kind: 'delivered', n: 2 });
    expect(story.types).toEqual(['handoff.connecting', 'message.user', 'handoff.closed']);
    expect(story.desk.map((delivery) => delivery.kind)).toEqual(['open', 'message', 'close']);
  });

  it('rule 10: what does not get through in the grace has failed before closed', () => {
    const story = new Story().happens(opened, says('1'), closes('user'));
    expect(nextDeadlineMs(story.state)).toBe(story.now + CLOSING_GRACE_MS);
    story.happens({ kind: 'graceOver' });
    expect(story.events.slice(-2).map(({ type, data }) => [type, data.reason])).toEqual([
      ['message.failed', 'handoff_closed'],
      ['handoff.closed', 'user_closed'],
    ]);
  });

  it('rule 10: a message that cannot be delivered fails and the handoff goes on', () => {
    const story = new Story().happens(opened, reply('1'), says('1'), { kind: 'undeliverable', n: 2, why: 'expired' });
    expect(story.last).toMatchObject({ type: 'message.failed', data: { messageId: '1', reason: 'expired' } });
    expect(story.state.status).toBe('active');
  });

  it('rule 15: what the desk could not carry is told to the sender', () => {
    const attachment = { url: 'https://files.example.org/a.pdf' };
    const story = new Story().happens(
      opened,
      { kind: 'userMessage', id: '1', text: 'see here', attachments: [attachment] },
      { kind: 'delivered', n: 2, dropped: [attachment] },
    );
    expect(story.last).toMatchObject({
      type: 'message.failed',
      data: { messageId: '1', reason: 'attachment_not_supported', attachments: [attachment] },
    });
  });

  it('rule 7: what comes after closed is kept beside the journal', () => {
    const story = new Story().happens(opened, reply('1'), closes('agent'), reply('2'), says('9'));
    expect(story.last?.type).toBe('handoff.closed');
    expect(story.late.map((message) => [message.from, message.id])).toEqual([
      ['agent', '2'],
      ['user', '9'],
    ]);
  });

  it('a message that crosses the decided end is answered as failed, before closed', () => {
    const story = new Story().happens(opened, says('1'), closes('user'), says('2'), { kind: 'delivered', n: 2 });
    expect(story.types.slice(-4)).toEqual(['message.user', 'message.user', 'message.failed', 'handoff.closed']);
    expect(story.events.at(-2)?.data).toMatchObject({ messageId: '2', reason: 'handoff_closed' });
  });

  it('rule 16: an operator may close in every state', () => {
    for (const prepare of [
      (story: Story) => story,
      (story: Story) => story.happens(opened),
      (story: Story) => story.happens(opened).after(60_000),
      (story: Story) => story.happens(opened, reply('1')),
    ]) {
      const story = prepare(new Story()).happens(closes('operator'));
      expect(story.state).toMatchObject({ status: 'closed', closeReason: 'operator_closed' });
    }
  });

  it('closing while the desk is being opened tells the desk as soon as it has accepted', () => {
    const story = new Story().happens(closes('user'));
    expect(story.state.status).toBe('closed');
    expect(ofKind(story, 'close')).toEqual([]);
    story.happens(opened);
    expect(ofKind(story, 'close')).toMatchObject([{ reason: 'user_closed' }]);
    expect(story.types).toEqual(['handoff.closed']);
  });
});

describe('rule 8: repeats', () => {
  it.each([
    says('1'),
    reply('1'),
    closes('user', 'c'),
    { kind: 'read', id: 'r' },
    { kind: 'snooze', id: 's' },
  ] as Happening[])('a second $kind with the same id changes nothing', (happening) => {
    const story = new Story().happens(opened, happening);
    const { state, events, desk } = structuredClone({ state: story.state, events: story.events, desk: story.desk });
    story.happens(happening, happening);
    expect(story.events).toEqual(events);
    expect(story.desk).toEqual(desk);
    expect(story.state).toEqual({ ...state, counts: { ...state.counts, duplicates: 2 } });
  });

  it('the same id from the user and from the agent are two messages', () => {
    const story = new Story().happens(opened, says('1'), reply('1'));
    expect(story.types).toContain('message.user');
    expect(story.types).toContain('message.agent');
  });
});

it('rule 5: timestamps for the desk are strictly increasing, also within one millisecond and around attachments', () => {
  const attachments = [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }];
  const story = new Story().happens(
    opened,
    { kind: 'userMessage', id: '1', text: 'a', attachments },
    says('2'),
    says('3'),
    closes('user'),
  );
  const stamps = story.desk.map((delivery) => delivery.timestamp);
  expect(stamps).toEqual([START, START + 1, START + 4, START + 5, START + 6]);
});

it('never changes the state it was given', () => {
  const story = new Story().happens(opened, says('1'));
  const frozen = Object.freeze(structuredClone(story.state));
  for (const happening of [says('2'), reply('1'), closes('user'), { kind: 'delivered', n: 2 } as const]) {
    const before = structuredClone(frozen);
    reduce(story.input, frozen, happening, story.now);
    expect(frozen).toEqual(before);
  }
});

describe('native mode', () => {
  const native = (): Story =>
    new Story(handoffInput({ mode: 'native', conversationId: 'd-1', deskConversationId: 'd-1' })).happens({
      kind: 'opened',
      deskConversationId: 'd-1',
    });

  it('journals what the user says in the messenger, and sends nothing', () => {
    const story = native().happens(reply('1'), says('1'));
    expect(story.types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent', 'message.user']);
    expect(story.desk.map(({ kind }) => kind)).toEqual(['open']);
    expect(story.state.pending).toEqual([]);
  });

  it('gives back to the bot what the user says once the end is decided, and says that it is over', () => {
    const story = native().happens(reply('1'), closes('agent'), says('1'), reply('2'), says('2'));
    expect(story.types.at(-1)).toBe('handoff.closed');
    expect(story.handBack.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      `handoffEnded ${story.input.handoffId}`,
      'userMessage 1',
      'userMessage 2',
    ]);
    expect(story.late.map(({ id }) => id)).toEqual(['2']);
  });

  it('tells the desk at a time-out, so that the bot has it back there', () => {
    const story = native().after(60_000).after(60_000);
    expect(story.last).toMatchObject({ type: 'handoff.closed', data: { reason: 'wait_timeout' } });
    expect(ofKind(story, 'close')).toHaveLength(1);
  });
});
