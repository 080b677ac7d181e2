/** What can be made to go wrong at the simulated desk, by the name of its button. */
export const FAULTS = ['down', 'slow', 'twice', 'early'] as const;
export type Fault = (typeof FAULTS)[number];

/** What a sandbox says of itself under `_control/state`. */
export interface SandboxState {
  script: 'silent' | 'agent';
  faults: { operation: string; kind: string; ms?: number }[];
  webhooks: { copies?: number; early?: boolean };
}

export interface FaultCalls {
  faults: { operation: 'open' | 'send' | 'close'; kind: 'status' | 'slow'; status?: number; ms?: number }[];
  webhooks: { copies?: number; early?: true };
}

/** Longer than the first try, so that a second one is seen; shorter than a try may take. */
const SLOW_MS = 4_000;
/** Long enough for an agent who is quick. */
const EARLY_MS = 3_000;

/** What the sandbox has to be told so that these are switched on and nothing else is. */
export function faultCalls(on: ReadonlySet<Fault>): FaultCalls {
  const operations = ['open', 'send', 'close'] as const;
  const webhooks = { ...(on.has('twice') && { copies: 2 }), ...(on.has('early') && { early: true as const }) };
  if (on.has('down')) {
    return { faults: operations.map((operation) => ({ operation, kind: 'status', status: 503 })), webhooks };
  }
  if (on.has('slow')) {
    return { faults: operations.map((operation) => ({ operation, kind: 'slow', ms: SLOW_MS })), webhooks };
  }
  // The desk takes its time to say that it has the conversation, and its agent does not wait for that.
  return { faults: on.has('early') ? [{ operation: 'open', kind: 'slow', ms: EARLY_MS }] : [], webhooks };
}

/** Which buttons are pressed, after a reload or when another tab has pressed them. */
export function faultsOn({ faults, webhooks }: SandboxState): Set<Fault> {
  const on = new Set<Fault>();
  if (faults.some(({ kind }) => kind === 'status')) on.add('down');
  if (faults.some(({ operation, kind }) => operation === 'send' && kind === 'slow')) on.add('slow');
  if ((webhooks.copies ?? 1) > 1) on.add('twice');
  if (webhooks.early === true) on.add('early');
  return on;
}

/** A press; a desk that is down is not slow as well. */
export function pressed(on: ReadonlySet<Fault>, fault: Fault): Set<Fault> {
  const next = new Set(on);
  if (!next.delete(fault)) next.add(fault);
  if (next.has(fault) && fault === 'down') next.delete('slow');
  if (next.has(fault) && fault === 'slow') next.delete('down');
  return next;
}
