import { access } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { ApiError } from '../errors.ts';
import { sendPage } from '../page.ts';
import type { Routes } from './route.ts';

const YEAR_MS = 365 * 86_400_000;

/** The pages of console and playground. They hold nothing: what they show asks for a session. */
export const consoleRoutes: Routes = (app, context) => {
  const folder = context.consoleFolder;
  void app.register(fastifyStatic, {
    root: folder ?? join(import.meta.dirname, 'no-console'),
    prefix: '/',
    serve: false,
    preCompressed: true,
    // It may be built while we run.
    suppressWarning: true,
    dotfiles: 'deny',
  });

  const page = async (reply: FastifyReply, file: string): Promise<FastifyReply> => {
    void reply.header('x-robots-tag', 'noindex');
    if (folder === undefined || !(await isThere(join(folder, file)))) return notBuilt(reply);
    // Its name stays while its content changes; the names in it have a hash.
    return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false });
  };

  app.get('/', { schema: { hide: true } }, async (_request, reply) => page(reply, 'index.html'));

  app.get('/playground', { schema: { hide: true } }, async (_request, reply) => {
    if (context.playground !== true) {
      throw new ApiError(404, 'not_found', 'The playground is off. BATON_PLAYGROUND=true switches it on.');
    }
    return page(reply, 'playground.html');
  });

  app.get('/assets/:file', { schema: { hide: true } }, async (request, reply) => {
    const { file } = request.params as { file: string };
    if (folder === undefined || !FILE.test(file) || !(await isThere(join(folder, 'assets', file)))) {
      throw new ApiError(404, 'not_found', 'There is nothing here.');
    }
    return reply
      .headers({ 'x-robots-tag': 'noindex', vary: 'accept-encoding' })
      .sendFile(`assets/${file}`, { maxAge: YEAR_MS, immutable: true });
  });
};

/** As the build names them. */
const FILE = /^[\w-]+(\.[\w-]+)+$/;

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const notBuilt = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, 503, {
    title: 'The console is not built',
    lines: [
      'Run "npx vite build" in the folder of Baton, or start it with "npm start", which builds the console and says why when it cannot.',
      'The API works all the same: its description is at /docs.',
    ],
  });
