import { Agent, type Dispatcher } from 'undici';
import { traceHeaders } from '../platform/trace.ts';
import { type AddressGuard, ConnectFailed, createAddressGuard, guardedConnector, type Lookup } from './guard.ts';

export interface HttpRequest {
  method: string;
  url: string | URL;
  headers?: Record<string, string>;
  /** The exact bytes to send; `content-type` is the caller's business. */
  body?: string | Buffer;
  /** For the whole call, milliseconds. */
  timeoutMs: number;
  /** Gives up earlier than `timeoutMs`. */
  signal?: AbortSignal;
  /** Default 1 MiB. */
  maxResponseBytes?: number;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case; repeated headers joined by `, `. */
  headers: Record<string, string>;
  body: string;
  elapsedMs: number;
}

export interface HttpClient {
  /**
   * Any answer is a response, 3xx (never followed) and 5xx too. No retry. Throws only `HttpError`. The call carries the
   * trace of the work at hand.
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

export type HttpErrorKind = 'blocked' | 'unreachable' | 'unclear' | 'aborted' | 'too_large';

/**
 * Why there is no response.
 *
 * - `blocked`: our SSRF guard refuses the address; `unreachable`: surely not processed (DNS, refused, TLS, no connection
 *   in time); `unclear`: the request left and no whole answer came; `aborted`: by the caller's signal, see `sent`;
 *   `too_large`: the answer exceeds `maxResponseBytes`, its `status` is known.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly kind: HttpErrorKind;
  /** Whether the other side may have seen the request. */
  readonly sent: boolean;
  readonly status: number | undefined;

  constructor(kind: HttpErrorKind, message: string, details: { sent: boolean; status?: number; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.sent = details.sent;
    this.status = details.status;
  }
}

interface HttpClientOptions {
  /** CIDR list of private networks that may be called. */
  allowedNetworks: string[];
  /** Exact URL prefixes that may always be called: our own sandbox. */
  allowedPrefixes?: string[];
  userAgent?: string;
  /** Instead of `dns.lookup`. */
  lookup?: Lookup;
}

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECTIONS_PER_ORIGIN = 256;
const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024;

/** The only way out to addresses that a customer gives. The SSRF guard cannot be switched off. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const guard = createAddressGuard(options.allowedNetworks);
  const prefixes = (options.allowedPrefixes ?? []).map(normalizedPrefix);
  const guarded = new Agent({
    connect: guardedConnector({
      guard,
      timeoutMs: CONNECT_TIMEOUT_MS,
      ...(options.lookup && { lookup: options.lookup }),
    }),
    connections: CONNECTIONS_PER_ORIGIN,
  });
  // Connections are pooled per origin: one opened for an allowed prefix must never serve another path of that origin.
  const own = new Agent({
    connect: guardedConnector({ timeoutMs: CONNECT_TIMEOUT_MS }),
    connections: CONNECTIONS_PER_ORIGIN,
  });
  const userAgent = options.userAgent ?? 'Baton';
  return {
    async request(request) {
      const url = checkedUrl(request.url);
      const isOwn = prefixes.some((prefix) => url.href.startsWith(prefix));
      if (!isOwn) checkLiteral(guard, url);
      return await exchange(isOwn ? own : guarded, url, request, userAgent);
    },
    async close() {
      await Promise.all([guarded.destroy(), own.destroy()]);
    },
  };
}

function normalizedPrefix(prefix: string): string {
  const href = new URL(prefix).href;
  return href.endsWith('/') ? href : `${href}/`;
}

function checkedUrl(input: string | URL): URL {
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    throw new HttpError('blocked', 'not a valid address', { sent: false });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new HttpError('blocked', `scheme ${url.protocol} is not allowed`, { sent: false });
  }
  if (url.username !== '' || url.password !== '') {
    throw new HttpError('blocked', 'user name and password are not allowed in the address', { sent: false });
  }
  return url;
}

/** Before a socket is opened: a literal address never reaches the lookup. */
function checkLiteral(guard: AddressGuard, url: URL): void {
  const refused = guard.refuseHost(url.hostname);
  if (refused !== undefined) throw new HttpError('blocked', refused, { sent: false });
}

function exchange(agent: Agent, url: URL, request: HttpRequest, userAgent: string): Promise<HttpResponse> {
  const startedAt = performance.now();
  const maxBytes = request.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES;
  return new Promise<HttpResponse>((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let failure: HttpError | undefined;
    let sent = false;
    let status = 0;
    let headers: Record<string, string> = {};
    let size = 0;
    const chunks: Buffer[] = [];

    const timer = setTimeout(() => {
      const reason = sent ? 'no whole answer' : 'no connection';
      fail(new HttpError(sent ? 'unclear' : 'unreachable', `${reason} within ${request.timeoutMs} ms`, { sent }));
    }, request.timeoutMs);
    const onAbort = (): void =>
      fail(new HttpError('aborted', 'given up by the caller', { sent, cause: request.signal?.reason }));
    const settle = (): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: HttpError): void => {
      if (failure !== undefined) return;
      failure = error;
      settle();
      reject(error);
      controller?.abort(error);
    };
    if (request.signal?.aborted === true) {
      onAbort();
      return;
    }
    request.signal?.addEventListener('abort', onAbort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // Given up while it waited for a connection: it must not be written any more.
        if (failure === undefined) sent = true;
        else started.abort(failure);
      },
      onResponseStart(_controller, statusCode, received) {
        if (statusCode < 200) return;
        status = statusCode;
        headers = flatHeaders(received);
      },
      onResponseData(_controller, chunk) {
        size += chunk.length;
        if (size <= maxBytes) chunks.push(chunk);
        else fail(new HttpError('too_large', `the answer is longer than ${maxBytes} bytes`, { sent: true, status }));
      },
      onResponseEnd() {
        if (failure !== undefined) return;
        settle();
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ status, headers, body, elapsedMs: Math.round(performance.now() - startedAt) });
      },
      onResponseError(_controller, error) {
        fail(asHttpError(error, sent));
      },
    };
    const wait = { headersTimeout: request.timeoutMs, bodyTimeout: request.timeoutMs };
    try {
      agent.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: { 'user-agent': userAgent, ...traceHeaders(), ...request.headers },
          body: request.body ?? null,
          ...wait,
        },
        handler,
      );
    } catch (error) {
      fail(asHttpError(error, sent));
    }
  });
}

function flatHeaders(received: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function asHttpError(error: unknown, sent: boolean): HttpError {
  if (error instanceof ConnectFailed) {
    return new HttpError(error.blocked ? 'blocked' : 'unreachable', error.message, { sent: false, cause: error.cause });
  }
  const code = (error as { code?: unknown } | null)?.code;
  const what = typeof code === 'string' ? code : 'the connection failed';
  return new HttpError(sent ? 'unclear' : 'unreachable', what, { sent, cause: error });
}
