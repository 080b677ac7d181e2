import type { Desk } from '../activities/desks/desk.ts';
import { DeskError } from '../activities/errors.ts';
import type { BotSettings } from '../activities/settings.ts';
import type { ApiContext } from './context.ts';

export interface Verification {
  ok: boolean;
  /** What answered, or what is wrong; without secrets. */
  detail: string;
}

/** Milliseconds for a desk to answer: a request waits for it. */
const VERIFY_MS = 8_000;

/** Calls the desk with these credentials, outside any transaction. Never throws. */
export async function verifyDesk(context: ApiContext, settings: BotSettings): Promise<Verification | undefined> {
  if (settings.desk === null) return undefined;
  const { kind, ...config } = settings.desk;
  const desk = context.desks.get(kind);
  if (desk === undefined) return { ok: false, detail: `This version has no desk ${kind}.` };
  try {
    return { ok: true, detail: await withinTime(context, desk, config) };
  } catch (error) {
    if (error instanceof DeskError) return { ok: false, detail: error.message };
    context.log.error({ err: error, desk: kind }, 'verify failed');
    return { ok: false, detail: 'The desk could not be checked.' };
  }
}

async function withinTime(context: ApiContext, desk: Desk, config: unknown): Promise<string> {
  const signal = AbortSignal.timeout(VERIFY_MS);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(tooSlow(desk.id)), { once: true });
  });
  const { http, log } = context;
  const call = desk.verify({ config, http, log, now: Date.now, signal });
  return (await Promise.race([call, late])).detail;
}

const tooSlow = (desk: string): DeskError =>
  new DeskError({ desk, operation: 'verify', kind: 'timeout', reason: `no answer within ${VERIFY_MS} ms` });

/** As the store keeps it. */
export const serviceOf = ({ ok, detail }: Verification) =>
  ok ? { state: 'available' as const } : { state: 'unavailable' as const, why: detail };
