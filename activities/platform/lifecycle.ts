/** Where a process stands between its start and its end, as its probes and the API see it. */
export interface Lifecycle {
  /** The database has the form that this code needs. Before that no call is taken. */
  readonly migrated: boolean;
  /** The process is about to stop: load balancers should send calls elsewhere. */
  readonly draining: boolean;
}

/** A process that has a migrated database and is not about to stop. */
export const RUNNING: Lifecycle = { migrated: true, draining: false };
