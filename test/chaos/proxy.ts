import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** What becomes of connections: `pass`, `refuse` = reset at once, `hang` = taken, and not a byte goes through. */
export type ProxyMode = 'pass' | 'refuse' | 'hang';

/** A TCP proxy on loopback that can be cut. It stands before one part, so that the part keeps its address when it dies. */
export interface Proxy {
  port: number;
  /** Where it leads to, tried one after the other, each connection from another first. */
  lead(ports: number[]): void;
  /** After a `hang` what waited goes on. */
  mode(mode: ProxyMode): void;
  /** Resets every connection that is open now; new ones are fine. */
  reset(): void;
  stop(): Promise<void>;
}

export async function startProxy(ports: number[] = []): Promise<Proxy> {
  let targets = ports;
  let how: ProxyMode = 'pass';
  let turn = 0;
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();

  const server = createServer({ noDelay: true, pauseOnConnect: true }, (near) => {
    keep(near);
    if (how === 'refuse') near.resetAndDestroy();
    else if (how === 'hang') waiting.add(() => join(near, inTurn()));
    else join(near, inTurn());
  });

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  }

  function inTurn(): number[] {
    turn += 1;
    return targets.map((_, index) => targets[(turn + index) % targets.length]!);
  }

  function join(near: Socket, [port, ...others]: number[]): void {
    if (near.destroyed) return;
    if (port === undefined) return void near.resetAndDestroy();
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    keep(far);
    const onError = (): void => join(near, others);
    far.once('error', onError);
    far.once('connect', () => {
      far.off('error', onError);
      pump(near, far);
      pump(far, near);
      if (how !== 'hang') near.resume();
    });
  }

  function pump(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => how !== 'hang' && from.resume());
    from.once('end', () => to.end());
    from.once('close', () => to.destroy());
    if (how === 'hang') from.pause();
  }

  const reset = (): void => sockets.forEach((socket) => socket.resetAndDestroy());

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    lead: (next) => void (targets = next),
    mode(mode) {
      how = mode;
      if (mode === 'refuse') reset();
      for (const socket of sockets) if (mode === 'hang') socket.pause();
      if (mode === 'hang') return;
      for (const go of waiting) go();
      waiting.clear();
      for (const socket of sockets) socket.resume();
    },
    reset,
    async stop() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
