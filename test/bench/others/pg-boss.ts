import { PgBoss, type Job, type JobResult } from 'pg-boss';
import type { Way } from '../desk.ts';
import type { StartOther } from '../others.ts';
import { addressOf, postMessage } from '../post.ts';
import { relayedBy } from '../relayed.ts';
import { databaseBytes } from '../sql.ts';

interface Message {
  way: Way;
  conversationId: string;
  text: string;
}

const QUEUE = 'relay';
/** Each takes jobs of so many conversations at once. */
const WORKERS = 2;
const BATCH = 25;

/**
 * Order within a conversation by the queue policy `key_strict_fifo`: a job that is under way or waits for its retry holds
 * back those with the same key, over all processes. New jobs wake the workers by NOTIFY, and a worker that has ended a
 * batch looks again at once, since what its jobs held back is ready now; else it would sleep for half a second. Ended
 * jobs stay for an hour: their ids tell repeats.
 */
export const start: StartOther = async ({ desk, url }) => {
  const boss = new PgBoss({ connectionString: url, useListenNotify: true, max: 20 });
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
  await boss.start();
  await boss.createQueue(QUEUE, {
    policy: 'key_strict_fifo',
    notify: true,
    retryLimit: 1_000,
    deleteAfterSeconds: 3_600,
  });
  const deliver = async ({ id, data }: Job<Message>): Promise<JobResult> => {
    try {
      await postMessage(addressOf(desk, data.way), data.conversationId, id, data.text);
      return { id, status: 'completed' };
    } catch {
      return { id, status: 'failed' };
    }
  };
  const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 };
  for (let n = 0; n < WORKERS; n += 1) {
    const worker: string = await boss.work<Message>(
      QUEUE,
      { batchSize: BATCH, perJobResults: true, ...polling },
      async (jobs) => {
        const results = await Promise.all(jobs.map(deliver));
        boss.notifyWorker(worker);
        return results;
      },
    );
  }
  return await relayedBy(
    desk,
    (way, conversationId, id, text) =>
      boss.send(QUEUE, { way, conversationId, text }, { id: uuidOf(id), singletonKey: `${way}/${conversationId}` }),
    { storedBytes: () => databaseBytes(url) },
    () => boss.stop({ graceful: false, close: true }),
  );
};

/** pg-boss wants the form of a UUID. */
const uuidOf = (hex: string): string =>
  hex.padEnd(32, '0').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
