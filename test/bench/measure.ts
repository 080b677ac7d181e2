import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { BenchDesk, Way } from './desk.ts';
import { restingHistory, textOf, type HistorySize, type System } from './system.ts';

/** A system with its conversations and what has been sent in each. */
export interface Subject {
  system: System;
  single: string;
  many: string[];
  sent: Map<string, Record<Way, number>>;
}

/** What messages of one kind of load left behind. */
interface Left {
  messages: number;
  /** Of the histories; messages of a conversation that went on in a new run are not counted. */
  events: number;
  historyBytes: number;
  historyMessages: number;
  /** In the stores, histories apart. */
  storedBytes: number;
}

export interface Samples {
  /** Milliseconds from the call that sends a message to its arrival. */
  latencies: number[];
  /** Seconds until the last message of a burst had arrived. */
  bursts: number[];
  alone: Left;
  burst: Left;
}

const nothing = (): Left => ({ messages: 0, events: 0, historyBytes: 0, historyMessages: 0, storedBytes: 0 });

export const noSamples = (): Samples => ({ latencies: [], bursts: [], alone: nothing(), burst: nothing() });

/** Between two messages, so that each finds a workflow at rest. Milliseconds. */
const GAP_MS = 40;

/** `conversations` for bursts and one for single messages. */
export async function newSubject(system: System, conversations: number): Promise<Subject> {
  const [single, ...many] = await system.open(conversations + 1);
  return { system, single: single!, many, sent: new Map() };
}

const sentIn = ({ sent }: Subject, id: string): Record<Way, number> => sent.get(id) ?? { toDesk: 0, toBot: 0 };

function next(subject: Subject, way: Way, id: string): string {
  const sent = sentIn(subject, id);
  subject.sent.set(id, { ...sent, [way]: sent[way] + 1 });
  return textOf(way, sent[way] + 1);
}

/** Runs the load between two looks at what is kept, and adds what it left. */
async function leaving(subject: Subject, client: Client, ids: string[], each: number, into: Left, load: () => unknown) {
  const { system } = subject;
  const histories = async (): Promise<HistorySize[]> => {
    const sizes = [];
    for (const id of system.temporal ? ids : []) sizes.push(await restingHistory(client, id));
    return sizes;
  };
  const before = { histories: await histories(), stored: (await system.storedBytes?.()) ?? 0 };
  await load();
  for (const id of ids) await system.settle(id, sentIn(subject, id));
  for (const [index, after] of (await histories()).entries()) {
    const was = before.histories[index]!;
    if (was.runId !== after.runId) continue;
    into.events += after.events - was.events;
    into.historyBytes += after.bytes - was.bytes;
    into.historyMessages += each;
  }
  into.storedBytes += ((await system.storedBytes?.()) ?? 0) - before.stored;
  into.messages += ids.length * each;
}

/** One message at a time, from the call that sends it to its arrival. */
export async function measureLatency(
  subject: Subject,
  way: Way,
  desk: BenchDesk,
  client: Client,
  count: number,
  into: Samples,
) {
  const { system, single } = subject;
  await leaving(subject, client, [single], count, into.alone, async () => {
    for (let i = 0; i < count; i += 1) {
      const text = next(subject, way, single);
      const arrival = desk.arrival(way, single, text);
      const startedAt = performance.now();
      await system.send(way, single, text);
      into.latencies.push((await arrival) - startedAt);
      await pause(GAP_MS);
    }
  });
}

/** `each` messages in every conversation, each sent when the one before it is acknowledged, or all handed over at once. */
export async function measureBurst(
  subject: Subject,
  way: Way,
  desk: BenchDesk,
  client: Client,
  { each, atOnce = false }: { each: number; atOnce?: boolean },
  into: Samples,
) {
  const { system, many } = subject;
  await leaving(subject, client, many, each, into.burst, async () => {
    const startedAt = performance.now();
    const arrivals = await Promise.all(
      many.map(async (id) => {
        const texts = Array.from({ length: each }, () => next(subject, way, id));
        const arrival = desk.arrival(way, id, texts.at(-1)!);
        if (atOnce) await Promise.all(texts.map((text) => system.send(way, id, text)));
        else for (const text of texts) await system.send(way, id, text);
        return await arrival;
      }),
    );
    into.bursts.push((Math.max(...arrivals) - startedAt) / 1_000);
  });
}
