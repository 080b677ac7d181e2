import { createHash } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Way } from '../desk.ts';
import type { StartOther } from '../others.ts';
import { addressOf, postMessage } from '../post.ts';
import { relayedBy } from '../relayed.ts';

interface Message {
  way: Way;
  conversationId: string;
  text: string;
}

/** Conversations are spread over so many queues. */
const LANES = 16;
/** Workers of a queue, as two processes would run them. */
const WORKERS = 2;
const RETRY_MS = 500;

/**
 * Order within a conversation without the groups of BullMQ Pro: each conversation belongs to one of 16 queues, and a
 * queue has one job under way over all its workers (global concurrency). A delivery that fails is repeated in place,
 * since BullMQ lets the next job pass one that waits for its retry; a job of a worker that died goes back to the front.
 * So one desk that hangs holds up a sixteenth of all conversations. Ended jobs stay for an hour: their ids tell repeats.
 */
export const start: StartOther = async ({ desk, url }) => {
  const connection = { url, maxRetriesPerRequest: null };
  const redis = new Redis(url);
  const removeOnComplete = { age: 3_600 };
  const queues = Array.from({ length: LANES }, (_, lane) => new Queue<Message>(`relay-${lane}`, { connection }));
  await Promise.all(queues.map((queue) => queue.setGlobalConcurrency(1)));
  const deliver = async (id: string, { way, conversationId, text }: Message): Promise<void> => {
    for (;;) {
      try {
        return await postMessage(addressOf(desk, way), conversationId, id, text);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };
  const workers = queues.flatMap((queue) =>
    Array.from(
      { length: WORKERS },
      () =>
        new Worker<Message>(queue.name, (job) => deliver(String(job.id), job.data), { connection, removeOnComplete }),
    ),
  );
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  const laneOf = (id: string): Queue<Message> =>
    queues[createHash('sha256').update(id).digest().readUInt32BE() % LANES]!;

  return await relayedBy(
    desk,
    (way, conversationId, id, text) =>
      laneOf(conversationId).add('message', { way, conversationId, text }, { jobId: id, removeOnComplete }),
    { storedBytes: () => usedMemory(redis) },
    async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(queues.map((queue) => queue.close()));
      redis.disconnect();
    },
  );
};

/** Redis keeps all of it in memory, and the same again in its log on disk. */
async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory_dataset:(\d+)/.exec(await redis.info('memory'))?.[1] ?? NaN);
}
