import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';

/**
 * A loop that sends one batch after the other. Stopping or pausing it ends the retries of the call under way; its try
 * ends as it ends and counts, and what was not sent stays in its outbox.
 */
export class Lane {
  readonly #hasWork: () => boolean;
  readonly #send: (inARow: number) => Promise<void>;
  readonly #interruptible: boolean;
  readonly #leavable: boolean;
  #halted = false;
  #stopped = false;
  #busy = false;
  #scope: CancellationScope | undefined;
  #leave: (() => void) | undefined;
  readonly #done: Promise<void>;

  /**
   * `send` is told how many batches went out before it without a pause. A lane whose calls are short is not
   * `interruptible`: they end by themselves, and a scope for each would cost more than they do. Only one that is
   * `leavable` can `leave`: to wait for that takes steps that the histories of others do not have.
   */
  constructor(hasWork: () => boolean, send: (inARow: number) => Promise<void>, interruptible = true, leavable = false) {
    this.#hasWork = hasWork;
    this.#send = send;
    this.#interruptible = interruptible;
    this.#leavable = leavable;
    this.#done = this.#loop();
  }

  async #loop(): Promise<void> {
    for (let inARow = 0; ; inARow += 1) {
      if (!this.#hasWork()) inARow = 0;
      await condition(() => this.#stopped || (!this.#halted && this.#hasWork()));
      if (this.#stopped) return;
      this.#busy = true;
      if (this.#interruptible) await this.#sendInScope(inARow);
      else await this.#send(inARow);
      this.#busy = false;
    }
  }

  async #sendInScope(inARow: number): Promise<void> {
    this.#scope = new CancellationScope();
    const sending = this.#scope.run(() => this.#send(inARow));
    try {
      await (this.#leavable ? Promise.race([sending, this.#left()]) : sending);
    } catch (error) {
      if (!isCancellation(error)) throw error;
    } finally {
      this.#scope = undefined;
    }
  }

  #left(): Promise<void> {
    return new Promise((resolve) => (this.#leave = resolve));
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Ends the retries of the call under way; the loop then looks again at what is left to do. */
  interrupt(): void {
    this.#scope?.cancel();
  }

  /** The same, and the loop goes on at once: how the try under way ends concerns nobody any more. */
  leave(): void {
    this.interrupt();
    this.#leave?.();
  }

  /** Resolves when nothing is under way any more. */
  async pause(): Promise<void> {
    this.#halted = true;
    this.interrupt();
    await condition(() => !this.#busy);
  }

  resume(): void {
    this.#halted = false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.interrupt();
    await this.#done;
  }
}
