import type { Client } from '@temporalio/client';
import { until } from '../support/poll.ts';
import type { BenchDesk, Way } from './desk.ts';

/** Something that carries messages between the bot and the desk. */
export interface System {
  /** Opens conversations that are ready for messages; ids of their workflows, at the desk and at the bot. */
  open(count: number): Promise<string[]>;
  /** Takes a message of the user (`toDesk`) or a call of the desk (`toBot`). Resolves when it is accepted. */
  send(way: Way, id: string, text: string): Promise<void>;
  /** Resolves when nothing is owed to anybody; rejects when something was lost, doubled or out of order. */
  settle(id: string, sent: Record<Way, number>): Promise<void>;
  /** Bytes that it keeps of all conversations, histories apart; absent: it keeps none. */
  storedBytes?(): Promise<number>;
  /** It has a workflow per conversation. */
  temporal: boolean;
  stop(): Promise<void>;
}

const SAYS: Record<Way, string> = { toDesk: 'where is my parcel, please?', toBot: 'I am looking at your order.' };

/** The n-th message of a conversation in this direction. */
export const textOf = (way: Way, n: number): string => `message ${String(n).padStart(5, '0')}: ${SAYS[way]}`;

/** All of them are there, in order, once; waits for those that are still on their way. */
export async function checkArrived(desk: BenchDesk, id: string, sent: Record<Way, number>): Promise<void> {
  for (const way of ['toDesk', 'toBot'] as const) {
    const texts = (): string[] => desk.texts(way, id).filter((text) => text.startsWith('message '));
    await until(() => texts().length >= sent[way], { timeoutMs: 60_000, message: `all messages ${way} of ${id}` });
    const got = texts();
    const wrong = Array.from({ length: Math.max(sent[way], got.length) }, (_, index) => index).find(
      (index) => got[index] !== (index < sent[way] ? textOf(way, index + 1) : undefined),
    );
    if (wrong !== undefined)
      throw new Error(`${id} ${way}: message ${wrong + 1} of ${sent[way]} came as "${got[wrong]}"`);
  }
}

export interface HistorySize {
  runId: string;
  events: number;
  bytes: number;
}

/** The size of a history once its workflow rests. */
export async function restingHistory(client: Client, id: string): Promise<HistorySize> {
  const handle = client.workflow.getHandle(id);
  return await until(
    async () => {
      const { raw, historyLength, historySize, runId, status } = await handle.describe();
      if (status.name !== 'RUNNING') throw new Error(`${id} is ${status.name}`);
      const busy = raw.pendingWorkflowTask != null || (raw.pendingActivities?.length ?? 0) > 0;
      return busy ? undefined : { runId, events: historyLength, bytes: historySize ?? 0 };
    },
    { timeoutMs: 30_000, message: `rest of ${id}` },
  );
}
