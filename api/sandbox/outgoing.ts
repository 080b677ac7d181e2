import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookBehaviour } from './desk-sandbox.ts';

/** One webhook of the desk, before it goes out. */
export interface OutgoingWebhook {
  /** Webhooks of one conversation go out in their order; the first tries only, as a retry never holds up the next. */
  conversationId: string;
  /** Default: the connected address. */
  url?: string;
  /** The bytes and headers of try `attempt` (from 1); `wrongSecret`: sign with a secret that is not ours. */
  build(attempt: number, wrongSecret: boolean): { body: string; headers: Record<string, string> };
}

/** One try of one copy. */
export interface Delivery {
  url: string;
  attempt: number;
  body: string;
  /** 0: no answer. */
  status: number;
}

export interface OutgoingOptions {
  /** How long the desk waits for an answer. */
  timeoutMs: number;
  /** How long it waits before the second, the third, ... try; `[]`: it never tries again. */
  retriesMs: readonly number[];
  /** What an answer means (0 = none). Default: 2xx is `done`, all else `retry`. `disable`: nothing goes out any more. */
  verdict?(status: number): 'done' | 'retry' | 'give_up' | 'disable';
  /** Deliveries that are remembered. Default 10,000. */
  keep?: number;
}

export interface Outgoing {
  readonly deliveries: Delivery[];
  /** A desk that disables its webhooks says so here; `connect` enables them. */
  readonly disabled: boolean;
  readonly early: boolean;
  readonly url: string | undefined;
  connect(url: string): void;
  behave(behaviour: WebhookBehaviour): void;
  readonly behaviour: WebhookBehaviour;
  /** Resolves, when all tries are over, with the status of the last one; 0: no answer, or it never went out. */
  send(webhook: OutgoingWebhook): Promise<number>;
  reset(): void;
  stop(): Promise<void>;
}

/** How long an incomplete group of `reverse` waits for the rest. */
const GROUP_WAIT_MS = 1_000;

/** The desk's webhooks on their way to Baton, with the tries of the desk and the misbehaviour that is switched on. */
export function createOutgoing(options: OutgoingOptions): Outgoing {
  const deliveries: Delivery[] = [];
  const turns = new Map<string, Promise<unknown>>();
  const running = new Set<Promise<unknown>>();
  const group: (() => void)[] = [];
  const stopping = new AbortController();
  const verdict = options.verdict ?? ((status) => (status >= 200 && status < 300 ? 'done' : 'retry'));
  let behaviour: WebhookBehaviour = {};
  let connected: string | undefined;
  let disabled = false;
  let groupTimer: NodeJS.Timeout | undefined;

  async function attempt(webhook: OutgoingWebhook, n: number, wrongSecret: boolean): Promise<number> {
    const url = webhook.url ?? connected;
    if (url === undefined || disabled || stopping.signal.aborted) return 0;
    const { body, headers } = webhook.build(n, wrongSecret);
    const status = await post(url, body, headers);
    deliveries.push({ url, attempt: n, body, status });
    if (deliveries.length > (options.keep ?? 10_000)) deliveries.shift();
    if (verdict(status) === 'disable') disabled = true;
    return status;
  }

  async function post(url: string, body: string, headers: Record<string, string>): Promise<number> {
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(options.timeoutMs)]);
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }

  /** The first try waits for its turn in the conversation. */
  async function inTurn<T>(conversationId: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(conversationId) ?? Promise.resolve()).then(work);
    turns.set(conversationId, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(conversationId) === turn) turns.delete(conversationId);
    }
  }

  async function deliver(webhook: OutgoingWebhook, copies: number, wrongSecret: boolean): Promise<number> {
    const first = await inTurn(
      webhook.conversationId,
      async () => await Promise.all(Array.from({ length: copies }, () => attempt(webhook, 1, wrongSecret))),
    );
    const last = await Promise.all(first.map((status) => repeat(webhook, status, wrongSecret)));
    return last[0] ?? 0;
  }

  async function repeat(webhook: OutgoingWebhook, first: number, wrongSecret: boolean): Promise<number> {
    let status = first;
    for (const [index, waitMs] of options.retriesMs.entries()) {
      if (verdict(status) !== 'retry' || (await stoppedDuring(waitMs))) break;
      status = await attempt(webhook, index + 2, wrongSecret);
    }
    return status;
  }

  const stoppedDuring = async (ms: number): Promise<boolean> => {
    await delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
    return stopping.signal.aborted;
  };

  /** Waits until a group of `size` is complete, or until nobody else seems to come. */
  async function reversed(size: number): Promise<void> {
    const turn = new Promise<void>((resolve) => group.push(resolve));
    clearTimeout(groupTimer);
    // Not before the last one waits as well, or he would come last.
    if (group.length >= size) queueMicrotask(release);
    else groupTimer = setTimeout(release, GROUP_WAIT_MS).unref();
    await turn;
  }

  /** The last that came goes first. */
  function release(): void {
    for (const go of group.splice(0).toReversed()) go();
  }

  async function goOut(webhook: OutgoingWebhook): Promise<number> {
    const { drop = false, delayMs = 0, reverse = 1, copies = 1, wrongSecret = false } = behaviour;
    if (drop || (webhook.url ?? connected) === undefined) return 0;
    if (delayMs > 0 && (await stoppedDuring(delayMs))) return 0;
    if (reverse > 1) await reversed(reverse);
    return await deliver(webhook, copies, wrongSecret);
  }

  return {
    deliveries,
    get disabled() {
      return disabled;
    },
    get early() {
      return behaviour.early === true;
    },
    get url() {
      return connected;
    },
    get behaviour() {
      return behaviour;
    },
    connect(url) {
      connected = url;
      disabled = false;
    },
    behave(next) {
      behaviour = next;
    },
    async send(webhook) {
      const work = goOut(webhook);
      running.add(work);
      try {
        return await work;
      } finally {
        running.delete(work);
      }
    },
    reset() {
      deliveries.length = 0;
      behaviour = {};
      disabled = false;
    },
    async stop() {
      stopping.abort();
      release();
      await Promise.all(running);
    },
  };
}

/** Checks a behaviour that came over HTTP; a text says what is wrong with it. */
export function readBehaviour(input: unknown): WebhookBehaviour | string {
  if (typeof input !== 'object' || input === null) return 'the behaviour is an object';
  const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 100;
  const checks: Record<string, (value: unknown) => boolean> = {
    copies: isCount,
    reverse: isCount,
    delayMs: (value) => typeof value === 'number' && value >= 0 && value <= 600_000,
    early: (value) => typeof value === 'boolean',
    drop: (value) => typeof value === 'boolean',
    wrongSecret: (value) => typeof value === 'boolean',
  };
  for (const [name, value] of Object.entries(input)) {
    const check = checks[name];
    if (check === undefined) return `unknown: ${name}; known: ${Object.keys(checks).join(', ')}`;
    if (!check(value)) return `${name} has a wrong value`;
  }
  return input;
}
