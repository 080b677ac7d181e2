import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure, get } from './api.ts';

export interface Resource<T> {
  data: T | undefined;
  /** Of the last try. `data` stays what it was. */
  error: ApiFailure | undefined;
  loading: boolean;
  reload(): void;
}

/** Reads an address, again when it changes, and every `everyMs` while the page is looked at. */
export function useResource<T>(path: string | undefined, everyMs?: number): Resource<T> {
  return useReading<T>(path, (signal) => get<T>(path!, signal), everyMs);
}

/** The same for what takes more than one call. `path` names what is read: `data` is never another name's. */
export function useReading<T>(
  path: string | undefined,
  read: (signal: AbortSignal) => Promise<T>,
  everyMs?: number,
): Resource<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: ApiFailure; loading: boolean }>({
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const shown = useRef<string | undefined>(undefined);

  useEffect(() => {
    if (path === undefined) return undefined;
    const stopping = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shown.current !== path) setState({ loading: true });
    shown.current = path;
    const load = async (): Promise<void> => {
      try {
        const data = await read(stopping.signal);
        if (!stopping.signal.aborted) setState({ path, data, loading: false });
      } catch (error) {
        if (stopping.signal.aborted) return;
        const failure =
          error instanceof ApiFailure ? error : new ApiFailure(0, { code: 'failed', message: String(error) });
        setState((before) => ({ ...before, error: failure, loading: false }));
      }
      if (everyMs !== undefined) timer = setTimeout(() => void whenVisible(load, stopping.signal), everyMs);
    };
    void load();
    return () => {
      stopping.abort();
      clearTimeout(timer);
    };
  }, [path, turn, everyMs]);

  return {
    data: state.path === path ? state.data : undefined,
    error: state.error,
    loading: state.loading,
    reload: () => setTurn((n) => n + 1),
  };
}

/** What was read under a name before stays on the screen while the next is read, and goes when that has failed. */
export function useKept<T>({ data, error }: Resource<T>, name: string): T | undefined {
  const kept = useRef<{ name: string; data: T } | undefined>(undefined);
  if (data !== undefined) kept.current = { name, data };
  return error !== undefined && kept.current?.name !== name ? undefined : kept.current?.data;
}

/** A page in a background tab asks for nothing. */
async function whenVisible(load: () => Promise<void>, signal: AbortSignal): Promise<void> {
  if (document.hidden) {
    await new Promise<void>((resolve) => {
      document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
    });
  }
  if (!signal.aborted) await load();
}
