import type { HandoffEvent } from '../../workflows/contracts.ts';
import { OPEN_RETRY } from '../../workflows/policies.ts';
import { compare, sequenceProblems } from '../support/audit.ts';
import { eventsOf, stateOf, type End, type Life, type Sent } from './life.ts';

export interface Entry {
  problems: string[];
  reason: string;
  said: number;
  replied: number;
  failed: number;
  late: number;
  /** Words of agents that Baton found by asking the desk. */
  recovered: number;
}

/** What was done to a desk shows for a while: pauses between tries, and Baton's look at it. */
const AFTERMATH_MS = 60_000;
/** Clocks of processes on one machine, and rounding. */
const CLOCK_MS = 50;

/** Holds what both sides of one handoff sent against what each of them, the journal and the callbacks have. */
export async function enter(life: Life): Promise<Entry> {
  const [events, { lateMessages }] = [await eventsOf(life), await stateOf(life)];
  const { place, side } = life;
  const of = (type: HandoffEvent['type']) => events.filter((event) => event.type === type);
  const textsOf = (type: HandoffEvent['type']): string[] => of(type).map(({ data }) => String(data['text']));
  const lateOf = (from: 'user' | 'agent') => lateMessages.filter((one) => one.from === from).map(({ text }) => text);
  const failed = new Set(of('message.failed').map(({ data }) => String(data['messageId'])));
  const inTime = (sent: Sent[], from: 'user' | 'agent'): Sent[] => {
    const late = new Set(lateOf(from));
    return sent.filter(({ text }) => !late.has(text));
  };
  const said = inTime(life.said, 'user');
  const atDesk = said.map((message) =>
    failed.has(message.id) ? { ...message, outcome: 'unknown' as const } : message,
  );
  const mine = (texts: string[]): string[] => texts.filter((text) => text.endsWith(` of ${life.id}`));
  const problems = [
    ...sequenceProblems(events),
    ...ordered('the journal has of the user', said, mine(textsOf('message.user'))),
    ...(side && place.mode === 'external' ? ordered('the desk has', atDesk, mine(side.lines('user'))) : []),
    ...ordered('the journal has of the agent', inTime(life.replied, 'agent'), mine(textsOf('message.agent'))),
    ...repeats(
      'late',
      lateMessages.map(({ text }) => text),
    ),
    ...bothShownAndLate(
      events,
      lateMessages.map(({ id }) => id),
    ),
    ...neverFound(life, 'agent', [...textsOf('message.agent'), ...lateOf('agent')]),
    ...(place.mode === 'native' ? inMessenger(life, textsOf('message.user'), lateOf('user')) : []),
    ...opened(life),
    ...chain(life, events),
    ...told(life, events),
    ...unexplained(life, failed),
  ];
  return {
    problems: problems.map((problem) => `${place.name}, ${life.id}: ${problem}`),
    reason: reasonOf(events),
    said: life.said.length,
    replied: life.replied.length,
    failed: failed.size,
    late: lateMessages.length,
    recovered: of('message.agent').filter(({ data }) => data['recovered'] === true).length,
  };
}

/** What is known of a handoff, for whoever looks for the fault. */
export async function trailOf(life: Life): Promise<string> {
  const { place, side, said, replied, ends, endedInPeace, startedMs } = life;
  const lines = (await eventsOf(life)).map(({ at, type, data }) => `${at} ${type} ${String(data['text'] ?? '')}`);
  const elsewhere = place.stream.events.filter(
    (event) => event.handoffId !== life.id && JSON.stringify(event).includes(life.id),
  );
  return JSON.stringify(
    {
      place: place.name,
      started: new Date(startedMs).toISOString(),
      said,
      replied,
      ends,
      endedInPeace,
      events: lines,
      elsewhere,
      atDesk: side && { user: side.lines('user'), agent: side.lines('agent') },
    },
    null,
    1,
  );
}

/** An answer that says nothing, or two messages at one moment, leave open which was first. */
function ordered(who: string, sent: Sent[], got: string[]): string[] {
  const inOrder = sent.filter(({ outcome, loose }) => outcome === 'accepted' && !loose);
  const texts = new Set(inOrder.map(({ text }) => text));
  const isOrder = (problem: string): boolean => problem.startsWith('out of order');
  return [
    ...compare(who, sent, got).filter((problem) => !isOrder(problem)),
    ...compare(
      who,
      inOrder,
      got.filter((text) => texts.has(text)),
    ).filter(isOrder),
  ];
}

const repeats = (where: string, texts: string[]): string[] =>
  texts.filter((text, index) => texts.indexOf(text) !== index).map((text) => `doubled: ${where} twice "${text}"`);

function bothShownAndLate(events: HandoffEvent[], late: string[]): string[] {
  const shown = new Set(events.filter(({ type }) => type.startsWith('message.')).map(({ data }) => data['messageId']));
  return late.filter((id) => shown.has(id)).map((id) => `doubled: ${id} is shown and late`);
}

/** A webhook that did not arrive is no loss where the desk can be asked: it is, before the end. */
function neverFound({ id, place, side, endedInPeace }: Life, from: 'user' | 'agent', got: string[]): string[] {
  if (!place.looksUp || !side || !endedInPeace) return [];
  const has = new Set(got);
  return side
    .lines(from)
    .filter((text) => !has.has(text) && text.endsWith(` of ${id}`))
    .map((text) => `lost: the desk has of the ${from}, and nobody else, "${text}"`);
}

/** What the user writes in a messenger reaches the handoff, or the bot when that has ended, and never both. */
function inMessenger(life: Life, shown: string[], late: string[]): string[] {
  const toBot = life.place.stream.events
    .filter(({ handoffId }) => handoffId === undefined)
    .map(({ data }) => String(data['text'] ?? ''));
  const both = shown.filter((text) => toBot.includes(text));
  return [
    ...neverFound(life, 'user', [...shown, ...late, ...toBot]),
    ...both.map((text) => `doubled: told as the handoff's and as the bot's "${text}"`),
  ];
}

function opened({ place, question }: Life): string[] {
  if (place.mode === 'native') return [];
  const count = place.conversationsWith(question);
  return count > 1 ? [`doubled: ${count} conversations at the desk`] : [];
}

const closedOf = (events: HandoffEvent[]): HandoffEvent | undefined =>
  events.find(({ type }) => type === 'handoff.closed');
const reasonOf = (events: HandoffEvent[]): string => String(closedOf(events)?.data['reason'] ?? 'none');

/** The session starts before its first message, nothing is behind the end, and the end has a cause. */
function chain(life: Life, events: HandoffEvent[]): string[] {
  const closes = events.filter(({ type }) => type === 'handoff.closed');
  if (closes.length !== 1) return [`closed ${closes.length} times`];
  const first = events.find(({ type }) => ['handoff.active', 'message.agent'].includes(type));
  const early = first?.type === 'message.agent' ? ['the agent speaks before the session starts'] : [];
  const why = causeMissing(life, events);
  return why === undefined
    ? early
    : [...early, `${reasonOf(events)}: ${why}: ${events.map(({ type }) => type).join(' ')}`];
}

const ASKED: Record<string, End> = {
  user_closed: 'user',
  bot_closed: 'bot',
  operator_closed: 'operator',
  agent_closed: 'agent',
};

function causeMissing({ ends, place, startedMs }: Life, events: HandoffEvent[]): string | undefined {
  const reason = reasonOf(events);
  const endMs = Date.parse(closedOf(events)!.at);
  // What was said behind a decided end no longer moves it.
  const tooLate = new Set(
    events.filter(({ data }) => data['reason'] === 'handoff_closed').map(({ data }) => data['messageId']),
  );
  const counts = ({ data }: HandoffEvent): boolean => data['recovered'] !== true && !tooLate.has(data['messageId']);
  const sinceMs = (types: string[]): number => {
    const last = events.findLast((event) => types.includes(event.type) && counts(event));
    return endMs - (last === undefined ? startedMs : Date.parse(last.at)) + CLOCK_MS;
  };
  const asker = ASKED[reason];
  if (asker !== undefined) return ends.includes(asker) ? undefined : `nobody asked for it, but ${ends.join(', ')}`;
  const { waitTimeoutSeconds: wait, inactivityTimeoutSeconds: idle } = place.settings;
  if (reason === 'wait_timeout') {
    if (wait === undefined) return 'the wait is an hour';
    if (events.some(({ type }) => type === 'handoff.active')) return 'an agent was there';
    return sinceMs(['handoff.connecting']) >= wait * 1_000 ? undefined : 'too early';
  }
  if (reason === 'inactivity_timeout') {
    if (idle === undefined) return 'the silence is a day';
    return sinceMs(['message.user', 'message.agent', 'handoff.active']) >= idle * 1_000 ? undefined : 'too early';
  }
  if (reason === 'desk_unavailable') {
    // Nobody waits longer for us either: a short wait may be over while a part of ours is away. No try begins whose pause
    // would pass its end.
    if (wait !== undefined && endMs - startedMs + OPEN_RETRY.maximumInterval >= wait * 1_000) return undefined;
    return isTroubled(place, startedMs, endMs) ? undefined : 'the desk was fine';
  }
  return 'an end that nothing in this run can have';
}

const isTroubled = ({ isDown, troubles }: Life['place'], fromMs: number, untilMs: number): boolean =>
  isDown || troubles.some((one) => one.fromMs <= untilMs && one.untilMs + AFTERMATH_MS >= fromMs);

/** A message fails when its desk had trouble, or when the handoff ended while it was on its way. */
function unexplained({ place, startedMs, ends, id }: Life, failed: Set<string>): string[] {
  if (failed.size === 0 || ends.length > 0 || isTroubled(place, startedMs, Date.now())) return [];
  const { inactivityTimeoutSeconds: idle, waitTimeoutSeconds: wait } = place.settings;
  return idle !== undefined || wait !== undefined ? [] : [`${failed.size} failed in ${id} and the desk was fine`];
}

/** What the bot's backend took, each event once, and what its live stream showed, is what the journal has. */
function told({ place, id }: Life, events: HandoffEvent[]): string[] {
  const short = (list: HandoffEvent[]): string => list.map(({ seq, type }) => `${seq} ${type}`).join(', ');
  const journal = short(events);
  const streamed = place.stream.events.filter(({ handoffId }) => handoffId === id);
  return Object.entries({ backend: place.callback.taken(id), stream: streamed })
    .filter(([, list]) => short(list) !== journal)
    .map(([who, list]) => `lost, doubled or out of order: the ${who} has ${short(list)}, the journal ${journal}`);
}

export interface Ledger {
  problems: string[];
  figures: Record<string, number>;
}

export function sum(entries: Entry[]): Ledger {
  const figures: Record<string, number> = { handoffs: entries.length };
  for (const { reason, ...entry } of entries) {
    for (const key of ['said', 'replied', 'failed', 'late', 'recovered'] as const) {
      figures[key] = (figures[key] ?? 0) + entry[key];
    }
    figures[reason] = (figures[reason] ?? 0) + 1;
  }
  return { problems: entries.flatMap(({ problems }) => problems), figures };
}
