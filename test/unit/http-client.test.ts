import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient, HttpError, type HttpRequest, type HttpResponse } from '../../activities/http/client.ts';
import { until } from '../support/poll.ts';

const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const send = (url: string, more: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
  http.request({ method: 'POST', url, body: 'ping', timeoutMs: 5_000, ...more });

async function failure(work: Promise<unknown>): Promise<HttpError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof HttpError) return error;
  throw new Error('expected an HttpError', { cause: error });
}

describe('an answer', () => {
  it('has status, headers in lower case and the body', async () => {
    const url = await serve((request, response) => {
      request.setEncoding('utf8');
      let body = '';
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        response.setHeader('X-Many', ['a', 'b']);
        response.writeHead(201);
        response.end(`${request.method} ${request.headers['x-mine']} ${request.headers['user-agent']} ${body} é`);
      });
    });
    const answer = await send(url, { headers: { 'x-mine': 'yes' }, body: Buffer.from('ünï') });
    expect(answer).toMatchObject({ status: 201, body: 'POST yes Baton ünï é' });
    expect(answer.headers['x-many']).toBe('a, b');
    expect(answer.elapsedMs).toBeGreaterThanOrEqual(0);
  });

  it('is a redirect itself: never followed', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await send(url)).toMatchObject({ status: 302, headers: { location: '/elsewhere' } });
    expect(seen).toEqual(['/']);
  });

  it('comes over a connection that is kept', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume().on('end', () => response.end());
    });
    for (let call = 0; call < 8; call += 1) await send(url);
    // The next call may start before the connection of the last one is back.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it('that is too long is refused, with its status known', async () => {
    const url = await serve((_request, response) => response.end('x'.repeat(5_000)));
    expect((await send(url, { maxResponseBytes: 5_000 })).body).toHaveLength(5_000);
    expect(await failure(send(url, { maxResponseBytes: 4_999 }))).toMatchObject({ kind: 'too_large', status: 200 });
  });
});

describe('no answer', () => {
  it('is unreachable when nobody listens: surely not sent', async () => {
    const probe = createTcpServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    expect(await failure(send(`http://127.0.0.1:${port}/`))).toMatchObject({ kind: 'unreachable', sent: false });
  });

  it('is unreachable when the name does not exist', async () => {
    expect(await failure(send('http://no-such-name.invalid/'))).toMatchObject({ kind: 'unreachable', sent: false });
  });

  it('is unreachable when TLS fails: surely not sent', async () => {
    const url = await serve((_request, response) => response.end());
    expect(await failure(send(url.replace('http:', 'https:')))).toMatchObject({ kind: 'unreachable', sent: false });
  });

  it('in time is unclear once the request has left', async () => {
    const url = await serve(() => undefined);
    const error = await failure(send(url, { timeoutMs: 200 }));
    expect(error).toMatchObject({ kind: 'unclear', sent: true });
  });

  it('in time counts the whole answer, also one that drips', async () => {
    const url = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await failure(send(url, { timeoutMs: 300 }))).toMatchObject({ kind: 'unclear', sent: true });
  });

  it('after a cut connection is unclear', async () => {
    const url = await serve((request) => request.socket.destroy());
    expect(await failure(send(url))).toMatchObject({ kind: 'unclear', sent: true });
  });

  it('after half an answer is unclear', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => request.socket.destroy());
    });
    expect(await failure(send(url))).toMatchObject({ kind: 'unclear', sent: true });
  });

  it('is aborted by the caller, before and after the request has left', async () => {
    let arrived = 0;
    const url = await serve(() => (arrived += 1));
    const before = await failure(send(url, { signal: AbortSignal.abort(new Error('stop')) }));
    expect(before).toMatchObject({ kind: 'aborted', sent: false });
    expect(arrived).toBe(0);
    const abort = new AbortController();
    const running = failure(send(url, { signal: abort.signal }));
    await until(() => arrived === 1, { message: 'the request arrives' });
    abort.abort();
    expect(await running).toMatchObject({ kind: 'aborted', sent: true });
  });

  it('does not say the path or query, which may be secret', async () => {
    const url = await serve((request) => request.socket.destroy());
    const error = await failure(send(`${url}hook/secret-path?token=secret-token`));
    expect(error.message).not.toContain('secret');
  });
});
