import type { Logger } from 'pino';

import { isAlive } from './processes.ts';

const EVERY_MS = 1_000;

interface Child {
  pid: number;
}

/**
 * Starts a child again when it dies under us. It looks at the process id, because a child that we adopted is not ours
 * to wait for. Returns the function that ends the watch.
 */
export function keepRunning(
  name: string,
  child: Child,
  restart: () => Promise<Child>,
  log: Logger,
): () => Promise<void> {
  let current = child;
  let stopped = false;
  let busy: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    if (isAlive(current.pid) || stopped) return;
    log.error({ child: name, pid: current.pid }, 'a child process is gone, starting it again');
    try {
      current = await restart();
      log.info({ child: name, pid: current.pid }, 'the child process runs again');
    } catch (error) {
      log.error({ child: name, err: error }, 'the child process did not start, trying again');
    }
  };
  let timer: NodeJS.Timeout;
  const schedule = (): void => {
    timer = setTimeout(() => {
      busy = look().finally(() => {
        if (!stopped) schedule();
      });
    }, EVERY_MS);
    timer.unref();
  };
  schedule();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await busy;
  };
}
