import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../support/seed.ts';
import { until } from '../support/poll.ts';
import { allKills, backends, cutting, desks, pick, type Chance, type Lane } from './lanes.ts';
import { enter, sum, trailOf, type Entry, type Ledger } from './ledger.ts';
import { ENDS, live, type Life } from './life.ts';
import { startParts, type Parts } from './parts.ts';
import { deskPlace, testedDesks, webhookPlace, type Place } from './places.ts';

export interface ChaosOptions {
  seed: number;
  /** How long things go wrong, seconds. */
  seconds: number;
  /** Handoffs at the same time. */
  handoffs: number;
  /** How many APIs, and how many workers. */
  each: number;
  /** Between two messages of one side, milliseconds. */
  pauseMs: number;
  /** Messages of each side, at most. */
  length: number;
  /** Nothing stays away longer, milliseconds. */
  outageMs: number;
  /** Pause between two strikes of one lane, milliseconds at most. */
  calmMs: number;
  log(line: string): void;
}

/** How long everything that is missing may take to arrive, once nothing is wrong any more. */
const SETTLE_MS = 150_000;

/** The places of a run: every desk in both modes, and bots whose handoffs end by themselves. */
async function openPlaces(parts: Parts): Promise<Place[]> {
  const timers = { onWaitTimeout: 'close' };
  const long = { waitTimeoutSeconds: 3_600, inactivityTimeoutSeconds: 56_400 };
  const webhook = await webhookPlace(parts, 'webhook', long);
  webhook.settings = {};
  const waiting = await webhookPlace(parts, 'webhook, nobody answers', { waitTimeoutSeconds: 5, ...timers });
  const idle = await webhookPlace(parts, 'webhook, silence', { inactivityTimeoutSeconds: 5, waitTimeoutSeconds: 600 });
  idle.settings = { inactivityTimeoutSeconds: 5 };
  const down = await webhookPlace(parts, 'webhook, never there', { waitTimeoutSeconds: 5, ...timers }, true);
  const places = [webhook, waiting, idle, down];
  for (const desk of testedDesks()) places.push(await deskPlace(parts, desk));
  down.ways.desk.mode('refuse');
  return places;
}

/** Every part dies or is cut off by chance while people talk. Resolves with what the ledger says at the end. */
export async function chaos(options: ChaosOptions): Promise<Ledger> {
  const startedMs = Date.now();
  const log = (line: string): void => options.log(`${((Date.now() - startedMs) / 1_000).toFixed(1)} s  ${line}`);
  const parts = await startParts(options.each);
  const places: Place[] = [];
  try {
    places.push(...(await openPlaces(parts)));
    log(`${options.each} of API and worker, ${places.length} bots, ${options.handoffs} handoffs at once`);
    const ledger = await play({ ...options, log }, parts, places);
    log(`ledger: ${JSON.stringify(ledger.figures)}`);
    return ledger;
  } catch (error) {
    log(parts.output());
    throw error;
  } finally {
    await parts.stop();
    await Promise.all(places.map((place) => place.stop()));
  }
}

async function play(options: ChaosOptions, parts: Parts, places: Place[]): Promise<Ledger> {
  const { seed, seconds, handoffs, pauseMs, length, log } = options;
  const lives: Life[] = [];
  const stopping = new AbortController();
  let isPeace = false;
  /** Every chance comes from the seed, and none depends on how many numbers another one has taken. */
  const chanceOf = (stream: number): (() => number) => seededRandom((seed ^ Math.imul(stream + 1, 0x9e37_79b1)) >>> 0);

  async function seat(n: number): Promise<void> {
    const random = chanceOf(1_000 + n);
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      const place = places[(n + round) % places.length]!;
      await live(place, pick(random, ENDS), {
        random,
        pauseMs,
        length: 1 + Math.floor(random() * length),
        isOver: () => stopping.signal.aborted,
        isPeace: () => isPeace,
        began: (life) => void lives.push(life),
      });
    }
  }

  const seats = Array.from({ length: handoffs }, (_, n) => seat(n));
  const broken = new Promise<never>((_, reject) => seats.forEach((one) => void one.catch(reject)));
  broken.catch(() => undefined);
  const lanes = lanesOf(options, parts, places, chanceOf).map((lane, n) =>
    run(lane, chanceOf(n), options.calmMs, stopping.signal),
  );
  const time = sleep(seconds * 1_000, undefined, { signal: stopping.signal }).catch(() => undefined);
  try {
    await Promise.race([time, broken, Promise.all(lanes)]);
  } finally {
    stopping.abort();
  }
  await Promise.all(lanes);
  await Promise.race([parts.allReady(), broken]);
  isPeace = true;
  log('nothing is wrong any more');
  await Promise.all(seats);
  return await settled(lives, log);
}

function lanesOf(options: ChaosOptions, parts: Parts, places: Place[], chanceOf: (n: number) => () => number): Lane[] {
  const chance = (n: number): Chance => ({
    random: chanceOf(100 + n),
    outageMs: options.outageMs,
    each: options.each,
    log: options.log,
  });
  const up = places.filter(({ isDown }) => !isDown);
  return [allKills(parts, chance(1)), cutting(parts, chance(2)), backends(up, chance(3)), desks(up, chance(4))];
}

async function run(lane: Lane, random: () => number, calmMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(random() * calmMs, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await lane.strike();
  }
}

/** Asks again until nothing is missing or the time is over. */
async function settled(lives: Life[], log: (line: string) => void): Promise<Ledger> {
  const done = new Map<Life, Entry>();
  const round = async (): Promise<boolean> => {
    const open = lives.filter((life) => (done.get(life)?.problems.length ?? 1) > 0);
    for (let at = 0; at < open.length; at += 20) {
      const some = open.slice(at, at + 20);
      const entries = await Promise.all(some.map(enter));
      some.forEach((life, index) => done.set(life, entries[index]!));
    }
    return [...done.values()].every(({ problems }) => problems.length === 0);
  };
  await until(round, { timeoutMs: SETTLE_MS, everyMs: 1_000, message: 'an empty list' }).catch(async (error: Error) => {
    if (done.size < lives.length) throw error;
    const troubled = [...done].flatMap(([life, { problems }]) => (problems.length > 0 ? [life] : []));
    log(`problems are left: ${(await Promise.all(troubled.slice(0, 10).map(trailOf))).join('\n')}`);
  });
  return sum([...done.values()]);
}
