import type { Verified } from '../activities/desks/desk.ts';
import { DeskError } from '../activities/errors.ts';
import type { BotSettings } from '../activities/settings.ts';
import type { ApiContext } from './context.ts';
import { callDesk } from './desk-call.ts';

export interface Verification extends Verified {
  ok: boolean;
  /** The field of the desk's config that is to blame. */
  field?: string;
}

/** Calls the desk with these credentials, outside any transaction. `detail` has no secrets. Never throws. */
export async function verifyDesk(
  context: ApiContext,
  botId: string,
  settings: BotSettings,
): Promise<Verification | undefined> {
  if (settings.desk === null) return undefined;
  const { kind, ...config } = settings.desk;
  const desk = context.desks.get(kind);
  if (desk === undefined) return { ok: false, detail: `This version has no desk ${kind}.` };
  try {
    const call = { botId, desk, config, operation: 'verify' };
    const { detail, warnings } = await callDesk(context, call, (ctx) => desk.verify(ctx, settings.mode));
    return { ok: true, detail, ...(warnings !== undefined && warnings.length > 0 && { warnings }) };
  } catch (error) {
    return { ok: false, ...failureOf(context, kind, error, 'The desk could not be checked.') };
  }
}

/** What went wrong at the desk, for the operator. */
export function failureOf(
  { log }: ApiContext,
  desk: string,
  error: unknown,
  otherwise: string,
): { detail: string; field?: string } {
  if (error instanceof DeskError) {
    return { detail: error.message, ...(error.field !== undefined && { field: error.field }) };
  }
  log.error({ err: error, desk }, 'a call to the desk failed');
  return { detail: otherwise };
}

/** As the store keeps it. */
export const serviceOf = ({ ok, detail }: Verification) =>
  ok ? { state: 'available' as const } : { state: 'unavailable' as const, why: detail };
