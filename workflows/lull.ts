/** When a run with a long history goes on in a new one. (11) */
import { CancellationScope, patched, sleep, workflowInfo } from '@temporalio/workflow';

/**
 * Temporal refuses to end a run for which something came while its last task was on its way. The worker then repeats the
 * whole history before the next try, and in a talk that never rests that takes longer than its pauses: it would be tried
 * for ever, and all other runs would wait. So a run ends in a task that a timer has begun and no signal has joined: that
 * one is over within milliseconds. Runs that had come so far under older code end as they did.
 */
const LULL = 'lull';

/**
 * Events. Temporal suggests a new run at 4,096: to repeat those takes four seconds of an idle processor, on a busy one
 * longer than the ten that a task may take, and then the run stands still for minutes.
 */
const LONG = 1_500;

/** From one try to the next it is twice as long. Milliseconds. */
const PAUSE_MS = { first: 50, most: 5_000 };

/** Of the length at which it was due; then each timer is a try. Temporal ends histories of 51,200 events. */
const TOO_LONG = 4;

export class Lull {
  readonly #after: number | undefined;
  #pauseMs = PAUSE_MS.first;
  #dueAt: number | undefined;
  /** Length of the history in the task of the last signal. */
  #spokenAt: number | undefined;
  #isSought = false;
  #came = false;

  /** `after`: events, for tests. */
  constructor(after?: number) {
    this.#after = after;
  }

  /** A signal has come. */
  spoken(): void {
    this.#spokenAt = workflowInfo().historyLength;
    this.#came = false;
  }

  get isDue(): boolean {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (this.#after !== undefined) return historyLength >= this.#after;
    return continueAsNewSuggested || (historyLength >= LONG && patched(LULL));
  }

  /** `isNow` has something to say. */
  get isNews(): boolean {
    return this.#came || !this.#isSought;
  }

  /** To be asked when it is due: the run may end in this task. If not, the next lull is waited for. */
  isNow(): boolean {
    const { historyLength } = workflowInfo();
    if (!patched(LULL)) return true;
    const dueAt = (this.#dueAt ??= historyLength);
    if (this.#came) return true;
    if (!this.#isSought) this.#seek(TOO_LONG * dueAt);
    return false;
  }

  #seek(tooLong: number): void {
    this.#isSought = true;
    void CancellationScope.nonCancellable(async () => {
      await sleep(this.#pauseMs, { summary: 'a lull, to go on in a new run' });
      this.#isSought = false;
      const { historyLength } = workflowInfo();
      this.#came = this.#spokenAt !== historyLength || historyLength >= tooLong;
      this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS.most);
    });
  }
}
