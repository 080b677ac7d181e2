import { signal } from '@preact/signals';
import { offline } from './texts.ts';

/** What the API refused or could not do, in its own words. */
export class ApiFailure extends Error {
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string;
  /** Every wrong field, `path` as `desk.url`. */
  readonly details: { path: string; message: string }[];
  readonly requestId: string | undefined;

  constructor(status: number, error: { code: string; message: string; details?: unknown; requestId?: string }) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = Array.isArray(error.details) ? (error.details as { path: string; message: string }[]) : [];
    this.requestId = error.requestId;
  }
}

/** Whether the operator is signed in; `unknown` until the first answer. */
export const session = signal<'unknown' | 'in' | 'out'>('unknown');

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One call of the API. Throws `ApiFailure`; a 401 also signs the console out. Gives back undefined for an empty answer. */
export async function call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(path, {
    method,
    credentials: 'same-origin',
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiFailure(0, { code: 'offline', message: offline() });
  });
  const text = await answer.text();
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  if (answer.status === 401 && path !== '/v1/session') session.value = 'out';
  throw new ApiFailure(answer.status, errorOf(text, answer.status));
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>('GET', path, undefined, signal);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => call<T>('POST', path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => call<T>('PUT', path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => call<T>('PATCH', path, body);
export const remove = <T>(path: string): Promise<T> => call<T>('DELETE', path);

/** `?a=1&b=2` of what is given. */
export function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** A sandbox says `{ error: "…" }`, the API `{ error: { code, message } }`, a proxy something else. */
function errorOf(
  text: string,
  status: number,
): { code: string; message: string; details?: unknown; requestId?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: string | { code: string; message: string } };
    if (typeof error === 'string') return { code: `http_${status}`, message: error };
    if (error) return error;
  } catch {
    // Not JSON: said below.
  }
  return { code: `http_${status}`, message: `HTTP ${status}` };
}
