import { CancellationScope, sleep } from '@temporalio/workflow';

/**
 * One durable timer for all deadlines of a handoff. A deadline that moves later costs nothing: the timer fires at its
 * old time, finds nothing due and is armed again. Only a deadline that moves earlier replaces it. (12)
 */
export class Watchdog {
  #armed: { atMs: number; scope: CancellationScope } | undefined;
  #fired = false;

  get fired(): boolean {
    return this.#fired;
  }

  takeFired(): boolean {
    const fired = this.#fired;
    this.#fired = false;
    return fired;
  }

  /** Nothing would wake us in time for this. */
  misses(atMs: number | undefined): boolean {
    return atMs !== undefined && (this.#armed === undefined || this.#armed.atMs > atMs);
  }

  watch(atMs: number | undefined, summary: string): void {
    if (atMs === undefined) return;
    if (!this.misses(atMs)) return;
    this.stop();
    const scope = new CancellationScope();
    const armed = { atMs, scope };
    this.#armed = armed;
    scope
      .run(() => sleep(Math.max(1, atMs - Date.now()), { summary }))
      .then(
        () => {
          if (this.#armed !== armed) return;
          this.#armed = undefined;
          this.#fired = true;
        },
        () => undefined,
      );
  }

  stop(): void {
    const armed = this.#armed;
    this.#armed = undefined;
    armed?.scope.cancel();
  }
}
