import { setTimeout as sleep } from 'node:timers/promises';
import type { CountedFault, SandboxOperation, WebhookBehaviour } from '../../api/sandbox/desk-sandbox.ts';
import { SERVERS, WAYS, type Parts, type ServerName } from './parts.ts';
import type { Place } from './places.ts';

/** What goes wrong in one lane: one thing after the other, each undone before the next. */
export interface Lane {
  name: string;
  /** One thing by chance. Resolves when it is undone. */
  strike(): Promise<void>;
}

export interface Chance {
  random: () => number;
  /** How long something stays away, milliseconds at most. */
  outageMs: number;
  /** How many APIs, and how many workers. */
  each: number;
  log(line: string): void;
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** Each name once before any comes again. */
function bag<T>(random: () => number, from: readonly T[]): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...from];
    return left.splice(Math.floor(random() * left.length), 1)[0]!;
  };
}

/** SIGKILL of a process, and its start again after a while. */
export function killing(parts: Parts, { random, outageMs, each, log }: Chance, names: readonly ServerName[]): Lane {
  const next = bag(random, names);
  return {
    name: `kill ${names.join(', ')}`,
    async strike() {
      const name = next();
      const which = name === 'api' || name === 'worker' ? Math.floor(random() * each) : 0;
      const ms = random() * outageMs;
      log(`SIGKILL ${name} ${which}, back after ${Math.round(ms)} ms`);
      await parts.kill(name, which);
      await sleep(ms);
      await parts.revive(name, which);
    },
  };
}

export const allKills = (parts: Parts, chance: Chance): Lane => killing(parts, chance, SERVERS);

/** Ways between our parts: cut, silent, or all connections reset. */
export function cutting(parts: Parts, { random, outageMs, log }: Chance): Lane {
  const next = bag(random, WAYS);
  return {
    name: 'ways',
    async strike() {
      const way = next();
      const how = pick(random, ['refuse', 'hang', 'reset'] as const);
      const ms = random() * outageMs;
      log(`${way}: ${how} ${how === 'reset' ? '' : `for ${Math.round(ms)} ms`}`);
      if (how === 'reset') return parts.ways[way].reset();
      parts.ways[way].mode(how);
      await sleep(ms);
      parts.ways[way].mode('pass');
    },
  };
}

/** The bot's backend: away, silent, or it answers with an error. */
export function backends(places: Place[], { random, outageMs, log }: Chance): Lane {
  return {
    name: 'backends',
    async strike() {
      const place = pick(random, places);
      const how = pick(random, ['refuse', 'hang', 500, 503, 'never answers'] as const);
      const ms = random() * outageMs;
      log(`backend of ${place.name}: ${how} for ${Math.round(ms)} ms`);
      if (how === 'refuse' || how === 'hang') place.ways.backend.mode(how);
      else place.callback.behave(how === 'never answers' ? 'hang' : how);
      await sleep(ms);
      place.ways.backend.mode('pass');
      place.callback.behave('well');
    },
  };
}

const OPERATIONS: SandboxOperation[] = ['open', 'send', 'send', 'close'];

const faultBy = (random: () => number, outageMs: number): CountedFault =>
  pick<() => CountedFault>(random, [
    () => ({ kind: 'status', status: pick(random, [429, 500, 502, 503]), retryAfter: 1 }),
    () => ({ kind: 'rate_limit', resetInMs: Math.round(random() * 1_500) }),
    () => ({ kind: 'slow', ms: Math.round(random() * 3_000) }),
    () => ({ kind: 'slow', ms: outageMs * 2 }),
    () => ({ kind: 'drop_before' }),
    () => ({ kind: 'drop_after' }),
    () => ({ kind: 'error_after' }),
    () => ({ kind: 'garbage' }),
  ])();

const behaviourBy = (random: () => number): WebhookBehaviour =>
  pick<() => WebhookBehaviour>(random, [
    () => ({ copies: 2 + Math.floor(random() * 3) }),
    () => ({ delayMs: Math.round(random() * 1_500) }),
    () => ({ early: true, copies: 2 }),
    () => ({ reverse: 2 + Math.floor(random() * 2) }),
    () => ({ drop: true }),
    () => ({ delayMs: Math.round(random() * 500), copies: 2 }),
  ])();

/** One desk: away, silent, faulty answers, webhooks that misbehave, old tokens. */
export function desks(places: Place[], { random, outageMs, log }: Chance): Lane {
  const next = bag(random, places);
  return {
    name: 'desks',
    async strike() {
      const place = next();
      const ms = random() * outageMs;
      const trouble = { what: '', fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY };
      place.troubles.push(trouble);
      trouble.what = disturb(place, random, outageMs);
      log(`desk of ${place.name}: ${trouble.what} for ${Math.round(ms)} ms`);
      await sleep(ms);
      place.ways.desk.mode('pass');
      place.heal();
      trouble.untilMs = Date.now();
    },
  };
}

function disturb(place: Place, random: () => number, outageMs: number): string {
  const how = pick(random, ['refuse', 'hang', 'faults', 'faults', 'faults', 'webhooks', 'webhooks', 'tokens'] as const);
  if (how === 'refuse' || how === 'hang') {
    place.ways.desk.mode(how);
    return how;
  }
  if (how === 'webhooks') {
    const behaviour = behaviourBy(random);
    place.webhooks(behaviour);
    return `webhooks ${JSON.stringify(behaviour)}`;
  }
  if (how === 'tokens' && place.expireTokens) {
    place.expireTokens();
    return 'tokens expire';
  }
  const faults = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const [operation, fault] = [pick(random, OPERATIONS), faultBy(random, outageMs)];
    const counted = { ...fault, times: 1 + Math.floor(random() * 2) };
    place.fault(operation, counted);
    return `${operation} ${JSON.stringify(counted)}`;
  });
  return faults.join('; ');
}
