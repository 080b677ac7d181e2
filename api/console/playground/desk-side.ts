import { batch, signal, type ReadonlySignal } from '@preact/signals';
import { get, post, remove } from '../lib/api.ts';
import { every } from '../lib/every.ts';
import { faultCalls, type Fault, type SandboxState } from './faults.ts';

export interface DeskLine {
  id: string;
  from: 'user' | 'agent' | 'bot' | 'note' | 'system';
  text: string;
  files: { url: string; name: string }[];
}

/** A conversation as the desk shows it to its agents. */
export interface DeskTalk {
  id: string;
  closed: boolean;
  assignee?: string;
  messages: DeskLine[];
}

export type Step = 'reply' | 'note' | 'transfer' | 'close';

export interface DeskSide {
  /** Oldest first. */
  talks: ReadonlySignal<DeskTalk[]>;
  state: ReadonlySignal<SandboxState | undefined>;
  refresh(): Promise<void>;
  /** A step of the agent; gives back what Baton has answered to it, 0 for nothing. */
  act(step: Step, body: { conversationId: string; text?: string; agent?: string; files?: object[] }): Promise<number>;
  /** The user in the desk's messenger; gives back the id of the conversation. */
  writes(body: { text: string; conversationId?: string; files?: object[] }): Promise<string>;
  setFaults(on: ReadonlySet<Fault>): Promise<void>;
  setScript(script: SandboxState['script']): Promise<void>;
  stop(): void;
}

const EVERY_MS = 1_000;
const MOST = 30;

/** The simulated desk, over its `_control`. `onRestart`: it was started again and knows nothing of what was before. */
export function createDeskSide(sandbox: string, onRestart: () => unknown): DeskSide {
  const control = `/sandbox/${sandbox}/_control`;
  const talks = signal<DeskTalk[]>([]);
  const state = signal<SandboxState>();
  let since: string | undefined;
  let stopped = false;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const [found, now] = await Promise.all([
      get<{ since: string; conversations: DeskTalk[] }>(`${control}/conversations?limit=${MOST}`),
      get<SandboxState>(`${control}/state`),
    ]);
    if (stopped) return;
    batch(() => {
      const shown = found.conversations.map(withoutSilence);
      // An unchanged list draws nothing, and a screen reader says nothing.
      if (JSON.stringify(shown) !== JSON.stringify(talks.peek())) talks.value = shown;
      if (JSON.stringify(now) !== JSON.stringify(state.peek())) state.value = now;
    });
    if (since !== undefined && since !== found.since) onRestart();
    since = found.since;
  }

  /** Baton that is away shows in the live mark of the stream: it is asked again. */
  async function refresh(): Promise<void> {
    reading ??= read()
      .catch(() => undefined)
      .finally(() => (reading = undefined));
    await reading;
  }

  const stopReading = every(EVERY_MS, refresh);

  const thenRefresh = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      await reading;
      await refresh();
    }
  };

  return {
    talks,
    state,
    refresh,
    act: async (step, body) => (await thenRefresh(post<{ status: number }>(`${control}/human/${step}`, body))).status,
    writes: async (body) =>
      (await thenRefresh(post<{ conversationId: string }>(`${control}/user/writes`, body))).conversationId,
    async setFaults(on) {
      const { faults, webhooks } = faultCalls(on);
      await remove(`${control}/faults`);
      for (const fault of faults) await post(`${control}/faults`, fault);
      await thenRefresh(post(`${control}/webhooks`, webhooks));
    },
    setScript: async (script) => await thenRefresh(post(`${control}/script`, { script })),
    stop() {
      stopped = true;
      stopReading();
    },
  };
}

/** Steps of the desk itself that have no words. */
const withoutSilence = (talk: DeskTalk): DeskTalk => ({
  ...talk,
  messages: talk.messages.filter(({ text, files }) => text !== '' || files.length > 0),
});
