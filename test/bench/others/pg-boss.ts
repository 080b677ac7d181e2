import { PgBoss } from 'pg-boss';
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
/** Jobs under way at the same moment, each of another conversation. */
const WORKERS = 20;

/**
 * Order within a conversation by the queue policy `key_strict_fifo`: a job that is under way or waits for its retry holds
 * back those with the same key, over all processes. New jobs wake the workers by NOTIFY. Ended jobs stay for an hour:
 * their ids tell repeats.
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
  const polling = { pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
  await boss.work<Message>(QUEUE, { localConcurrency: WORKERS, batchSize: 1, ...polling }, async (jobs) => {
    for (const { id, data } of jobs) await postMessage(addressOf(desk, data.way), data.conversationId, id, data.text);
  });
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
