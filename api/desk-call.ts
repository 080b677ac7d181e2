import type { Desk, DeskContext } from '../activities/desks/desk.ts';
import { DeskError } from '../activities/errors.ts';
import type { ApiContext } from './context.ts';

/** Milliseconds for a desk to answer: a request waits for it. */
const DESK_MS = 8_000;

export interface DeskCall {
  botId: string;
  desk: Desk;
  /** Of the desk's own schema, secrets in clear. */
  config: unknown;
  operation: string;
  /** 8 seconds by default. */
  timeoutMs?: number;
}

/** Calls a desk on behalf of a waiting request. Throws `DeskError`, also when the desk takes too long. */
export async function callDesk<T>(
  context: ApiContext,
  { botId, desk, config, operation, timeoutMs = DESK_MS }: DeskCall,
  work: (ctx: DeskContext<unknown>) => Promise<T>,
): Promise<T> {
  const { http, log, store } = context;
  const signal = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(tooSlow(desk.id, operation, timeoutMs)), { once: true });
  });
  const ctx: DeskContext<unknown> = {
    config,
    http,
    log,
    memory: store.memory(botId, desk.id, config),
    publicUrl: context.config.publicUrl,
    now: Date.now,
    signal,
  };
  return await Promise.race([work(ctx), late]);
}

const tooSlow = (desk: string, operation: string, ms: number): DeskError =>
  new DeskError({ desk, operation, kind: 'timeout', reason: `no answer within ${ms} ms` });
