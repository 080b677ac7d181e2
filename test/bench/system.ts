import type { Client } from '@temporalio/client';
import { until } from '../support/poll.ts';
import type { BenchDesk } from './desk.ts';

/** Something that carries messages to the desk. */
export interface System {
  /** Opens conversations that are ready for messages; ids of their workflows and at the desk. */
  open(count: number): Promise<string[]>;
  /** Resolves when the message is accepted. */
  send(id: string, text: string): Promise<void>;
  /** Resolves when nothing is owed to anybody; rejects when something was lost, doubled or out of order. */
  settle(id: string, sent: number): Promise<void>;
  stop(): Promise<void>;
}

export const textOf = (n: number): string => `message ${String(n).padStart(5, '0')}: where is my parcel, please?`;

/** What the desk has of a conversation must be what was sent, in order. */
export function checkDesk(desk: BenchDesk, id: string, sent: number): void {
  const got = desk.texts(id);
  const wrong = Array.from({ length: Math.max(sent, got.length) }, (_, index) => index).find(
    (index) => got[index] !== (index < sent ? textOf(index + 1) : undefined),
  );
  if (wrong !== undefined) throw new Error(`${id}: message ${wrong + 1} of ${sent} came as "${got[wrong]}"`);
}

/** The length of a history once its workflow rests. */
export async function restingEvents(client: Client, id: string): Promise<number> {
  const handle = client.workflow.getHandle(id);
  return await until(
    async () => {
      const { raw, historyLength, status } = await handle.describe();
      if (status.name !== 'RUNNING') throw new Error(`${id} is ${status.name}`);
      const busy = raw.pendingWorkflowTask != null || (raw.pendingActivities?.length ?? 0) > 0;
      return busy ? undefined : historyLength;
    },
    { timeoutMs: 30_000, message: `rest of ${id}` },
  );
}
