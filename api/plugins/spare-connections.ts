import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

/** Browsers connect in advance. Node counts a connection on which nothing was asked yet as busy, and would not close. */
export const spareConnections = fp(async (app) => {
  const spare = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    spare.add(socket);
    socket.once('close', () => spare.delete(socket));
  });
  app.server.on('request', ({ socket }) => spare.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of spare) if (socket.bytesRead === 0) socket.destroy();
  });
});
