import { serializeError } from '../../activities/platform/log.ts';

/** npm passes Ctrl-C on to us although the terminal has done so already: one key press arrives twice. */
const SAME_KEY_PRESS_MS = 2_000;
/** Beside what the steps themselves say that they wait for. */
/** Together with the worker's own 20 s below the 90 s that Compose and Kubernetes give. */
const LIMIT_MS = 60_000;

type Step = { name: string; close: () => Promise<unknown> | void };

/**
 * What was started, to be stopped in reverse order: on a signal, on an error that nobody caught, or when the start
 * itself fails. Exit code 0 after a signal.
 */
export class Shutdown {
  readonly #steps: Step[] = [];
  #starting: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  readonly #asked = new AbortController();
  #askedAt = 0;
  #waitMs = 0;

  /** Aborts when a stop is asked for, before its first step. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  get asked(): boolean {
    return this.#askedAt > 0;
  }

  add(name: string, close: Step['close']): void {
    this.#steps.push({ name, close });
  }

  /** Steps may take this much longer, milliseconds, before the process gives up. */
  allow(ms: number): void {
    this.#waitMs += ms;
  }

  /** Stops because of something that does not pass: exit code 1, one sentence. */
  fail(sentence: string): void {
    if (this.asked) return;
    console.error(`baton: ${sentence}`);
    this.#ask();
    void this.#exit(1);
  }

  #ask(): void {
    this.#askedAt ||= Date.now();
    this.#asked.abort();
  }

  /** A signal that comes while this runs waits for it, so that no half-started child is left behind. */
  during<T>(starting: Promise<T>): Promise<T> {
    this.#starting = starting.catch(() => undefined);
    return starting;
  }

  install(say: (line: string) => void): void {
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = Date.now();
      if (this.#askedAt > 0) {
        if (now - this.#askedAt < SAME_KEY_PRESS_MS) return;
        say('Stopping at once. What still runs is taken over by the next start.');
        process.exit(130);
      }
      this.#ask();
      say(`\nStopping (${signal}) …`);
      void this.#exit(0);
    };
    // Whoever read our output has gone, for example `npm start | head`: that is no reason to stop, and telling it would
    // only fail again.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        console.error(`baton: an error that nobody caught: ${JSON.stringify(serializeError(error))}`);
        this.#ask();
        void this.#exit(1);
      });
    }
  }

  async #exit(code: number): Promise<void> {
    const timer = setTimeout(() => process.exit(1), LIMIT_MS + this.#waitMs);
    await this.#starting;
    const clean = await this.run();
    clearTimeout(timer);
    process.exit(clean ? code : 1);
  }

  /** Stops everything, last started first; a step that fails does not keep the others from being stopped. */
  async run(): Promise<boolean> {
    let clean = true;
    this.#stopping ??= (async () => {
      for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
        try {
          await step.close();
        } catch (error) {
          clean = false;
          console.error(`baton: ${step.name} did not stop well: ${(error as Error).message}`);
        }
      }
    })();
    await this.#stopping;
    return clean;
  }
}
