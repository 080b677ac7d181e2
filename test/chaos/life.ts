import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type { HandoffEvent, LateMessage } from '../../workflows/contracts.ts';
import type { Outcome } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { insist, RETRY_MS, type DeskSide, type Place } from './places.ts';

export const ENDS = ['user', 'bot', 'operator', 'agent'] as const;
export type End = (typeof ENDS)[number];

export interface Sent {
  id: string;
  text: string;
  outcome: Outcome;
  /** Said at the same moment as another one: neither was first. */
  loose: boolean;
}

/** One handoff, and all that its two sides did. */
export interface Life {
  id: string;
  place: Place;
  question: string;
  startedMs: number;
  said: Sent[];
  replied: Sent[];
  /** Who has ended it; several when the first was not heard. */
  ends: End[];
  /** It ended when nothing was wrong any more. */
  endedInPeace: boolean;
  /** The desk's side; undefined: the desk never had it. */
  side: DeskSide | undefined;
}

export interface Pace {
  random: () => number;
  /** Between two messages of one side, milliseconds. */
  pauseMs: number;
  /** How many messages of each side before the end; fewer when the time is over. */
  length: number;
  /** No more talking: it ends now. */
  isOver(): boolean;
  /** Nothing is wrong any more. */
  isPeace(): boolean;
  began(life: Life): void;
}

const PATIENCE_MS = 300_000;
/** Longer than the silence that ends a handoff, and than what is in its way at a time. */
const LAST_WORD_MS = 30_000;
/** Messages of each side, however short the time is. */
const LEAST = 2;

/** A handoff from its start to its end at this place. Fails when it cannot go on as it must. */
export async function live(place: Place, end: End, pace: Pace): Promise<void> {
  const life = await begin(place);
  pace.began(life);
  const { waitTimeoutSeconds, inactivityTimeoutSeconds } = place.settings;
  const agentComes = !place.isDown && waitTimeoutSeconds === undefined;
  const isClosed = async (): Promise<boolean> => (await stateOf(life)).status === 'closed';
  const talking = [userTalks(life, pace), ...(agentComes ? [agentTalks(life, pace)] : [])];
  await Promise.all(talking);
  if (inactivityTimeoutSeconds !== undefined) await agentHasLastWord(life, isClosed);
  if (waitTimeoutSeconds === undefined && inactivityTimeoutSeconds === undefined && !place.isDown)
    await endIt(life, end, pace);
  await until(isClosed, {
    timeoutMs: PATIENCE_MS,
    everyMs: 250,
    message: `${place.name}: the end of ${life.id} by ${life.ends.join(', ') || 'a timer'}`,
  });
}

async function begin(place: Place): Promise<Life> {
  let conversationId = (await place.userBegins?.()) ?? `conversation-${randomUUID()}`;
  const question = `Who helps ${randomUUID()}?`;
  const body = { botId: place.botId, channel: place.channel, user: { id: 'u-1', name: 'Lea' }, question };
  const startedMs = Date.now();
  const started = await until(
    async () => {
      const { status, json } = await insist(place, 'POST', '/v1/handoffs', { ...body, conversationId });
      if (json?.handoff?.id !== undefined) return json.handoff as { id: string };
      // Nobody told us of the user yet: the desk's webhook is on its way, it is asked later, or he writes once more.
      if (place.userBegins) return void (conversationId = await place.userBegins(conversationId));
      throw new Error(`start: ${status} ${JSON.stringify(json)}`);
    },
    { timeoutMs: RETRY_MS, everyMs: 1_000, message: () => `${place.name}: a start of ${conversationId}` },
  );
  const life = { id: started.id, place, question, startedMs, said: [], replied: [], ends: [], endedInPeace: false };
  return { ...life, side: place.mode === 'native' ? place.side(conversationId) : undefined };
}

async function userTalks(life: Life, { random, pauseMs, length, isOver }: Pace): Promise<void> {
  for (let n = 1; (n <= length && (n <= LEAST || !isOver())) || (await isUnseen(life)); n += 1) {
    await sleep(random() * 2 * pauseMs);
    const message: Sent = { id: `u-${n}`, text: `user ${n} of ${life.id}`, outcome: 'unknown', loose: false };
    life.said.push(message);
    if (life.place.mode === 'native') await life.side!.userWrites(message.text);
    else await say(life, message);
    if (message.outcome === 'closed') return;
  }
}

/** At a desk that takes a request with the user's next word only, one is missing. */
async function isUnseen(life: Life): Promise<boolean> {
  return life.side?.isThere() === false && (await stateOf(life)).status !== 'closed';
}

async function say(life: Life, message: Sent): Promise<void> {
  let retries = 0;
  const body = { id: message.id, text: message.text };
  const path = `/v1/handoffs/${life.id}/messages`;
  const { status, json } = await insist(life.place, 'POST', path, body, () => (retries += 1));
  if (status === 202) message.outcome = 'accepted';
  // A try before this one may have been stored without our being told.
  else if (status === 409) message.outcome = retries > 0 ? 'unknown' : 'closed';
  else if (status !== 0 && status < 500) throw new Error(`say: ${status} ${JSON.stringify(json)}`);
}

async function agentTalks(life: Life, { random, pauseMs, length, isOver }: Pace): Promise<void> {
  const side = await sideOf(life, isOver);
  for (let n = 1; n <= length && side && (n <= LEAST || !isOver()); n += 1) {
    await sleep(random() * 2 * pauseMs);
    const together = random() < 0.15 ? 2 : 1;
    const messages = Array.from({ length: together }, (_, index): Sent => {
      const id = `a-${n}${'ab'[index]}`;
      return { id, text: `agent ${id} of ${life.id}`, outcome: 'unknown', loose: together > 1 };
    });
    life.replied.push(...messages);
    await Promise.all(messages.map(async (message) => (message.outcome = await side.reply(message.text))));
    if (messages.some(({ outcome }) => outcome === 'closed')) return;
  }
}

/** Only a user who owes an answer is silent. A word that nobody has heard is said again. */
async function agentHasLastWord(life: Life, isClosed: () => Promise<boolean>): Promise<void> {
  for (let n = 1; life.side && !(await isClosed()); n += 1) {
    const message: Sent = {
      id: `a-last-${n}`,
      text: `agent last ${n} of ${life.id}`,
      outcome: 'unknown',
      loose: false,
    };
    life.replied.push(message);
    message.outcome = await life.side.reply(message.text);
    await until(isClosed, { timeoutMs: LAST_WORD_MS, everyMs: 250, message: 'closed' }).catch(() => undefined);
  }
}

/** The desk's side, as soon as the desk has it; undefined: it has ended before. */
async function sideOf(life: Life, isOver: () => boolean): Promise<DeskSide | undefined> {
  const look = async (): Promise<boolean> => {
    const { status, deskConversationId } = await stateOf(life);
    const known = life.place.knows(life.id);
    if (known) life.side ??= life.place.side(life.id);
    else if (known === undefined && deskConversationId) life.side ??= life.place.side(deskConversationId);
    return life.side?.isThere() === true || status === 'closed';
  };
  const timeoutMs = PATIENCE_MS;
  const message = () => `${life.place.name}: ${life.id} at the desk${isOver() ? ', in peace' : ''}`;
  await until(look, { timeoutMs, everyMs: 250, message });
  return life.side?.isThere() ? life.side : undefined;
}

async function endIt(life: Life, by: End, { isPeace, random }: Pace): Promise<void> {
  life.endedInPeace = isPeace();
  const who = by === 'agent' && life.side?.isThere() !== true ? 'user' : by;
  life.ends.push(who);
  if (who !== 'agent') return await close(life, who);
  if (await life.side!.close()) return;
  // Nobody heard of it. Baton asks the desk, or the user goes as well.
  if (random() < 0.5) await sleep(20_000);
  life.endedInPeace = isPeace();
  life.ends.push('user');
  await close(life, 'user');
}

async function close(life: Life, by: Exclude<End, 'agent'>): Promise<void> {
  const { status, json } = await insist(life.place, 'POST', `/v1/handoffs/${life.id}/close`, { by });
  if (status !== 200) throw new Error(`${life.place.name}: close by ${by}: ${status} ${JSON.stringify(json)}`);
}

export interface State {
  status: string;
  deskConversationId?: string;
  lateMessages: LateMessage[];
}

export async function stateOf({ place, id }: Life): Promise<State> {
  const { status, json } = await insist(place, 'GET', `/v1/handoffs/${id}`);
  if (status !== 200) throw new Error(`state of ${id}: ${status}`);
  return json as State;
}

export async function eventsOf({ place, id }: Life): Promise<HandoffEvent[]> {
  const events: HandoffEvent[] = [];
  for (;;) {
    const { status, json } = await insist(place, 'GET', `/v1/handoffs/${id}/events?after=${events.length}&limit=500`);
    if (status !== 200) throw new Error(`events of ${id}: ${status}`);
    events.push(...(json.events as HandoffEvent[]));
    if (json.events.length < 500) return events;
  }
}
