import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { BenchDesk } from './desk.ts';
import { restingEvents, textOf, type System } from './system.ts';

/** A system with its conversations and what has been sent in each. */
export interface Subject {
  system: System;
  single: string;
  many: string[];
  sent: Map<string, number>;
}

export interface Samples {
  latencies: number[];
  /** Seconds until the last message of a burst had arrived. */
  bursts: number[];
  /** Events and messages of the two kinds of load. */
  alone: { events: number; messages: number };
  burst: { events: number; messages: number };
}

export const noSamples = (): Samples => ({
  latencies: [],
  bursts: [],
  alone: { events: 0, messages: 0 },
  burst: { events: 0, messages: 0 },
});

/** Between two messages, so that each finds a workflow at rest. Milliseconds. */
const GAP_MS = 40;

export async function newSubject(system: System, conversations: number): Promise<Subject> {
  const [single, ...many] = await system.open(conversations + 1);
  return { system, single: single!, many, sent: new Map() };
}

function next(subject: Subject, id: string): string {
  const n = (subject.sent.get(id) ?? 0) + 1;
  subject.sent.set(id, n);
  return textOf(n);
}

const settle = (subject: Subject, id: string): Promise<void> => subject.system.settle(id, subject.sent.get(id) ?? 0);

async function events(client: Client, ids: string[]): Promise<number> {
  let sum = 0;
  for (const id of ids) sum += await restingEvents(client, id);
  return sum;
}

/** One message at a time, from the call that sends it to its arrival at the desk. */
export async function measureLatency(subject: Subject, desk: BenchDesk, client: Client, count: number, into: Samples) {
  const { system, single } = subject;
  const before = await events(client, [single]);
  for (let i = 0; i < count; i += 1) {
    const text = next(subject, single);
    const arrival = desk.arrival(single, text);
    const startedAt = performance.now();
    await system.send(single, text);
    into.latencies.push((await arrival) - startedAt);
    await pause(GAP_MS);
  }
  await settle(subject, single);
  into.alone.events += (await events(client, [single])) - before;
  into.alone.messages += count;
}

/** `each` messages in every conversation, each sent when the one before it is acknowledged, or all handed over at once. */
export async function measureBurst(
  subject: Subject,
  desk: BenchDesk,
  client: Client,
  each: number,
  atOnce: boolean,
  into: Samples,
) {
  const { system, many } = subject;
  const before = await events(client, many);
  const startedAt = performance.now();
  const arrivals = await Promise.all(
    many.map(async (id) => {
      const texts = Array.from({ length: each }, () => next(subject, id));
      const arrival = desk.arrival(id, texts.at(-1)!);
      if (atOnce) await Promise.all(texts.map((text) => system.send(id, text)));
      else for (const text of texts) await system.send(id, text);
      return await arrival;
    }),
  );
  into.bursts.push((Math.max(...arrivals) - startedAt) / 1_000);
  for (const id of many) await settle(subject, id);
  into.burst.events += (await events(client, many)) - before;
  into.burst.messages += many.length * each;
}
