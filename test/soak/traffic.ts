import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../support/bots.ts';
import { CALLBACK_SECRET } from '../support/callback.ts';
import { followBot, type Follower } from '../support/follower.ts';
import type { Backend } from './backend.ts';
import type { Ledger } from './ledger.ts';
import { ENDS, Talk, type End, type SoakBot } from './talk.ts';

/** Messages of an ordinary handoff, both ways together. */
const SHORTEST = 10;
const LONGEST = 30;
/** Handoffs that stay open to the end, and their share of all messages: their histories must stay bounded. */
const LONG_TALKS = 2;
const LONG_SHARE = 0.2;
/** Ordinary ones that have a live stream of their own. */
const STREAM_SHARE = 0.3;
/** Of ends, in the order of `ENDS`. */
const END_SHARES = [0.4, 0.35, 0.15, 0.1];
/** So long is the user silent until Baton ends the handoff; nobody else is silent for so long. Seconds. */
const SILENCE_SECONDS = 30;
const DAY_SECONDS = 86_400;

export interface TrafficOptions {
  url: string;
  operatorKey: string;
  backend: Backend;
  ledger: Ledger;
  random: () => number;
}

export interface Traffic {
  /** Handoffs that stay open to the end. */
  longTalks: Talk[];
  open(): number;
  /** Keeps so many handoffs open from now on. */
  populate(count: number): Promise<void>;
  /** Everybody speaks as soon as he has been heard: the most that comes through. */
  rush(milliseconds: number): Promise<void>;
  /** So many messages a second, at times and by people that chance picks. */
  flow(perSecond: number, milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Ends all that is open. */
  finish(): Promise<void>;
  /** Why it cannot go on; a soak with an error has failed. */
  error(): Error | undefined;
}

interface Running {
  talk: Talk;
  /** Messages after which it ends. */
  goal: number;
}

export async function createTraffic(options: TrafficOptions): Promise<Traffic> {
  const { url, ledger, random } = options;
  const [usual, quick] = [await makeBot(options, DAY_SECONDS), await makeBot(options, SILENCE_SECONDS)];
  const streams: Follower[] = [usual, quick].map((bot) =>
    followBot(
      bot,
      () => url,
      (event) => ledger.onStream(event),
    ),
  );
  const running: Running[] = [];
  const longTalks: Talk[] = [];
  const busy = new Set<Promise<void>>();
  let wanted = 0;
  let beginning = 0;
  let rushing = false;
  let failure: Error | undefined;

  /** Goes on beside the traffic. */
  function beside(work: Promise<void>): void {
    const one = work
      .catch((error: unknown) => void (failure ??= error instanceof Error ? error : new Error(String(error))))
      .finally(() => busy.delete(one));
    busy.add(one);
  }

  async function beginOne(): Promise<void> {
    const how = pickEnd(random());
    const goal = SHORTEST + Math.floor(random() * (LONGEST - SHORTEST));
    const hasStream = random() < STREAM_SHARE;
    beginning += 1;
    const bot = how === 'silence' ? quick : usual;
    const talk = await Talk.begin({ bot, url, ledger }).finally(() => (beginning -= 1));
    running.push({ talk, goal });
    const stopping = new AbortController();
    if (hasStream) void talk.follow(stopping.signal);
    if (rushing) rush(talk);
    while (talk.messages < goal && !talk.isOver && wanted > 0 && failure === undefined) await pause(50);
    running.splice(
      running.findIndex((one) => one.talk === talk),
      1,
    );
    // A reader who goes before the end, and one who is told of it.
    if (random() < 0.5) stopping.abort();
    if (running.length + beginning < wanted) beside(beginOne());
    await talk.end(how);
    stopping.abort();
  }

  /** Both sides speak until it has all its messages. */
  function rush(talk: Talk): void {
    for (const who of ['user', 'agent'] as const) beside(rushSide(talk, who));
  }

  async function rushSide(talk: Talk, who: 'user' | 'agent'): Promise<void> {
    const one = running.find((each) => each.talk === talk);
    while (rushing && one && talk.messages < one.goal && failure === undefined) {
      await talk.speak(who, performance.now());
    }
  }

  function speakAtRandom(at: number): void {
    const long = longTalks.length > 0 && random() < LONG_SHARE;
    // One that has all its messages is about to end.
    const from = long ? longTalks : running.filter(({ talk, goal }) => talk.messages < goal).map(({ talk }) => talk);
    const talk = from[Math.floor(random() * from.length)];
    if (talk) beside(talk.speak(random() < 0.5 ? 'user' : 'agent', at));
  }

  return {
    longTalks,
    open: () => running.length + longTalks.length,
    error: () => failure,
    async populate(count) {
      while (longTalks.length < LONG_TALKS) longTalks.push(await Talk.begin({ bot: usual, url, ledger }));
      wanted = count;
      while (running.length + beginning < count) {
        beside(beginOne());
        await pause(20);
      }
      while (running.length < count && failure === undefined) await pause(50);
    },
    async rush(milliseconds) {
      rushing = true;
      for (const { talk } of running) rush(talk);
      await pause(milliseconds);
      rushing = false;
      // What waits is no part of what comes after.
      await Promise.all(running.flatMap(({ talk }) => [talk.user.idle(), talk.agent.idle()]));
    },
    async flow(perSecond, milliseconds, signal) {
      const end = performance.now() + milliseconds;
      let due = performance.now();
      while (due < end && !signal.aborted && failure === undefined) {
        due += (-Math.log(1 - random()) / perSecond) * 1_000;
        const waitMs = due - performance.now();
        if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => undefined);
        speakAtRandom(Math.min(due, performance.now()));
      }
    },
    async finish() {
      wanted = 0;
      for (const talk of longTalks.splice(0)) beside(talk.end('user'));
      while (busy.size > 0) await Promise.all(busy);
      await Promise.all(streams.map((stream) => stream.stop()));
    },
  };
}

function pickEnd(chance: number): End {
  let rest = chance;
  for (const [index, share] of END_SHARES.entries()) {
    if (rest < share) return ENDS[index]!;
    rest -= share;
  }
  return 'user';
}

async function makeBot(
  { url, operatorKey, backend }: TrafficOptions,
  inactivityTimeoutSeconds: number,
): Promise<SoakBot> {
  const id = `soak-${randomBytes(4).toString('hex')}`;
  const asOperator = () => ({ url, key: operatorKey });
  const saved = await call(asOperator, 'PUT', `/v1/bots/${id}`, {
    enabled: true,
    desk: { kind: 'webhook', url: backend.deskUrl },
    callback: { url: backend.callbackUrl, secret: CALLBACK_SECRET },
    waitTimeoutSeconds: 600,
    inactivityTimeoutSeconds,
  });
  if (saved.status !== 201) throw new Error(`PUT bot: ${saved.status} ${JSON.stringify(saved.json)}`);
  const made = await call(asOperator, 'POST', `/v1/bots/${id}/keys`, {});
  return { id, key: String(made.json.key), inactivityMs: inactivityTimeoutSeconds * 1_000 };
}
