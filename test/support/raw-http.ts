import { connect, type Socket } from 'node:net';
import { until } from './poll.ts';

/** A connection on which a test writes what it likes. */
export interface RawConnection {
  socket: Socket;
  /** All that came back so far, as latin1. */
  received(): string;
  /** The status of each answer so far. */
  statuses(): number[];
  closed(): boolean;
}

const STATUS_LINE = /HTTP\/1\.1 (\d{3}) /g;

/** Opens a connection and writes `bytes`. Its errors are ends: the server may reset what it refuses. */
export function rawConnection(url: string, bytes: string | Buffer): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = '';
  let isClosed = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  socket.once('close', () => (isClosed = true));
  socket.write(bytes);
  return {
    socket,
    received: () => text,
    statuses: () => [...text.matchAll(STATUS_LINE)].map(([, status]) => Number(status)),
    closed: () => isClosed,
  };
}

/** Writes `bytes`, waits until the server has closed the connection, and gives what it has answered. */
export async function refusedRaw(url: string, bytes: string | Buffer): Promise<RawConnection> {
  const connection = rawConnection(url, bytes);
  try {
    await until(() => connection.closed(), {
      timeoutMs: 60_000,
      message: () => `the end of the connection, after: ${connection.received().slice(0, 2_000)}`,
    });
  } finally {
    connection.socket.destroy();
  }
  return connection;
}
