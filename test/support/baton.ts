import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createHttpClient } from '../../activities/http/client.ts';
import type { HttpClient } from '../../activities/http/client.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import type { Metrics } from '../../activities/platform/metrics.ts';
import { desks as ourDesks } from '../../activities/desks/registry.ts';
import type { DeskRegistry } from '../../activities/desks/registry.ts';
import { handoffSettings, parseSettings } from '../../activities/settings.ts';
import { createStore } from '../../activities/store/store.ts';
import type { Store } from '../../activities/store/store.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import type { WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { createRuns } from '../../worker/runs.ts';
import { createBatonWorker } from '../../worker/worker.ts';
import type { BatonWorker } from '../../worker/worker.ts';
import { HANDOFF_SIGNAL } from '../../workflows/contracts.ts';
import type {
  ConversationEvent,
  ConversationSignal,
  HandoffEvent,
  HandoffInput,
  HandoffSignal,
  HandoffView,
} from '../../workflows/contracts.ts';
import { isConversationId, SEARCH_ATTRIBUTES, TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { withCallbackSecret } from './callback.ts';
import type { CallbackReceiver } from './callback.ts';
import { handoffInput } from './input.ts';
import { until } from './poll.ts';
import { createTestDatabase } from './postgres.ts';
import { quietRuntime } from './runtime.ts';
import { testTemporal } from './temporal.ts';

quietRuntime();

type History = temporal.api.history.v1.IHistory;

export interface Handoff {
  id: string;
  input: HandoffInput;
  signal(...signals: HandoffSignal[]): Promise<void>;
  says(id: string, text?: string): Promise<void>;
  replies(id: string, text?: string): Promise<void>;
  closes(by: 'user' | 'bot' | 'agent' | 'operator'): Promise<void>;
  events(): Promise<HandoffEvent[]>;
  types(): Promise<string[]>;
  view(): Promise<HandoffView>;
  /** Waits until the journal has an event of this type. */
  sees(type: HandoffEvent['type'], timeoutMs?: number): Promise<HandoffEvent>;
  /** Waits until the run has ended. */
  ended(timeoutMs?: number): Promise<void>;
}

export interface NativeTalk {
  id: string;
  deskConversationId: string;
  tell(...signals: ConversationSignal[]): Promise<void>;
  userSays(...texts: string[]): Promise<void>;
  botSays(...texts: string[]): Promise<void>;
  /** The bot asks for a human in it. */
  handOff(over?: Partial<HandoffInput>): Promise<Handoff>;
  events(): Promise<ConversationEvent[]>;
  /** What a bot's backend took of it, each event once. */
  called(receiver: CallbackReceiver): ConversationEvent[];
  /** Waits until its run has ended. */
  ended(timeoutMs?: number): Promise<void>;
}

export interface TestBaton {
  client: Client;
  namespace: string;
  address: string | undefined;
  store: Store;
  databaseUrl: string;
  desk: WebhookSandbox;
  deskUrl: string;
  http: HttpClient;
  metrics: Metrics;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  bot(settings?: Record<string, unknown>): Promise<string>;
  start(over?: Partial<HandoffInput>, botSettings?: Record<string, unknown>): Promise<Handoff>;
  handoff(input: HandoffInput): Handoff;
  /** A conversation in the messenger of a bot's desk. */
  conversation(of: {
    botId: string;
    desk: string;
    deskConversationId: string;
    idleTimeoutMs?: number;
    continueAfterEvents?: number;
  }): Promise<NativeTalk>;
  /** The history of every run of a handoff or conversation, oldest first. */
  histories(workflowId: string): Promise<History[]>;
  /** Waits until a handoff or conversation has gone on in a new run so often that it has at least so many. */
  hasRuns(workflowId: string, count: number): Promise<void>;
  /** Replays every run of every handoff started here; gives back what did not replay. */
  replayAll(): Promise<{ workflowId: string; error: string }[]>;
  stop(): Promise<void>;
}

/** Worker, store and a sandbox desk on the real servers of the suite, or on a time-skipping server. */
export async function startTestBaton(
  options: {
    env?: TestWorkflowEnvironment;
    desks?: DeskRegistry;
    retentionDays?: number;
    reconcileAfterMs?: number;
  } = {},
): Promise<TestBaton> {
  const { env, desks = ourDesks, retentionDays = 0, reconcileAfterMs = 0 } = options;
  const database = await createTestDatabase();
  const log = createLogger('silent');
  const secretKeys = `k1:${randomBytes(32).toString('base64')}`;
  const store = createStore({ databaseUrl: database.url, secretKeys, log, desks });
  const target = env ? undefined : await testTemporal();
  const address = target?.address;
  const connection = env ? undefined : await Connection.connect({ address: address! });
  const native = env ? env.nativeConnection : await NativeConnection.connect({ address: address! });
  const namespace = env?.namespace ?? target?.namespace ?? 'default';
  const client = env?.client ?? new Client({ connection: connection!, namespace });
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const metrics = createMetrics();
  const desk = createWebhookSandbox();
  const deskUrl = await desk.listen();
  const bundle = await workflowBundle();
  const started: string[] = [];
  let worker: BatonWorker | undefined;
  let running: Promise<void> | undefined;

  const baton: TestBaton = {
    client,
    namespace,
    address,
    store,
    databaseUrl: database.url,
    desk,
    deskUrl,
    http,
    metrics,

    async startWorker() {
      const runs = createRuns(client);
      const publicUrl = 'https://baton.example.org';
      const clock = { now: () => Date.now() };
      const deps = { store, desks, http, runs, publicUrl, clock, log, metrics, retentionDays, reconcileAfterMs };
      // The time-skipping server goes on sending to the sticky queue of a worker that has left, so it gets none.
      const cache = env ? { maxCachedWorkflows: 0 } : {};
      worker = await createBatonWorker({ connection: native, namespace, deps, bundle, ...cache });
      running = worker.run();
      running.catch(() => undefined);
    },

    async stopWorker() {
      worker?.shutdown();
      await running;
      worker = undefined;
    },

    async bot(settings = {}) {
      const botId = `bot-${randomUUID().slice(0, 8)}`;
      await store.bots.put(
        botId,
        parseSettings(
          { enabled: true, desk: { kind: 'webhook', url: deskUrl }, ...withCallbackSecret(settings) },
          undefined,
          desks,
        ),
      );
      return botId;
    },

    async start(over = {}, botSettings = {}) {
      const botId = over.botId ?? (await baton.bot(botSettings));
      const stored = await store.bots.withSecrets(botId);
      const input = handoffInput({ botId, settings: handoffSettings(stored!, over.user?.locale), ...over });
      const { conversationId, desk: deskId, channel, mode, user, question, kind, opensAtMs } = input;
      const waits = opensAtMs === undefined ? 'opening' : 'scheduled';
      await store.handoffs.open({
        id: input.handoffId,
        botId,
        conversationId,
        desk: deskId,
        channel,
        mode,
        status: input.emailRequired ? 'awaiting_email' : waits,
        ...(kind && { kind }),
        ...(opensAtMs !== undefined && { opensAt: new Date(opensAtMs).toISOString() }),
        user,
        question,
        metadata: null,
        ...(input.deskConversationId === undefined ? {} : { deskConversationId: input.deskConversationId }),
      });
      await client.workflow.start(WORKFLOW.handoff, {
        workflowId: input.handoffId,
        taskQueue: TASK_QUEUE,
        args: [input],
        ...(env
          ? {}
          : {
              typedSearchAttributes: [
                { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.bot, 'KEYWORD'), value: botId },
                { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.desk, 'KEYWORD'), value: deskId },
              ],
            }),
      });
      await store.handoffs.runStarted(input.handoffId);
      started.push(input.handoffId);
      return baton.handoff(input);
    },

    handoff(input) {
      const id = input.handoffId;
      const handle = client.workflow.getHandle(id);
      const handoff: Handoff = {
        id,
        input,
        signal: (...signals) => handle.signal(HANDOFF_SIGNAL, signals),
        says: (messageId, text = `user ${messageId}`) => handoff.signal({ kind: 'userMessage', id: messageId, text }),
        replies: (messageId, text = `agent ${messageId}`) =>
          handoff.signal({ kind: 'agentReply', id: messageId, text }),
        closes: (by) => handoff.signal({ kind: 'close', id: randomUUID(), by }),
        events: () => store.journal.read(id, 0, 100_000),
        types: async () => (await handoff.events()).map((event) => event.type),
        view: () => handle.query<HandoffView>('view'),
        sees: (type, timeoutMs = 40_000) =>
          until(async () => (await handoff.events()).findLast((event) => event.type === type), {
            timeoutMs,
            message: `${type} in the journal of ${id}`,
          }),
        async ended(timeoutMs = 45_000) {
          await until(async () => (await handle.describe()).status.name !== 'RUNNING', {
            timeoutMs,
            message: `the end of run ${id}`,
          });
        },
      };
      return handoff;
    },

    async conversation({ botId, desk: kind, deskConversationId, idleTimeoutMs = 86_400_000, continueAfterEvents }) {
      const { id } = await store.conversations.open({ botId, desk: kind, deskConversationId });
      const input = {
        id,
        botId,
        desk: kind,
        deskConversationId,
        settings: { idleTimeoutMs, callback: (await store.bots.callback(botId)) !== null },
        ...(continueAfterEvents === undefined ? {} : { continueAfterEvents }),
      };
      const tell = (...signals: ConversationSignal[]) => createRuns(client).tellConversation(input, signals);
      const say = (kind: 'userMessage' | 'botMessage', texts: string[]) =>
        tell(...texts.map((text) => ({ kind, id: text, text })));
      started.push(id);
      return {
        id,
        deskConversationId,
        tell,
        userSays: (...texts) => say('userMessage', texts),
        botSays: (...texts) => say('botMessage', texts),
        handOff: (over = {}) =>
          baton.start({
            botId,
            desk: kind,
            mode: 'native',
            channel: kind,
            conversationId: deskConversationId,
            deskConversationId,
            ...over,
          }),
        events: () => store.journal.read<ConversationEvent>(id, 0, 100_000),
        called(receiver) {
          const mine = receiver.calls.map((call) => call.event as unknown as ConversationEvent);
          const ours = mine.filter((event) => event.conversationId === deskConversationId && !('handoffId' in event));
          return [...new Map(ours.map((event) => [event.seq, event])).values()];
        },
        async ended(timeoutMs = 45_000) {
          const gone = async () =>
            (await client.workflow.getHandle(id).describe()).status.name !== 'RUNNING' ? true : undefined;
          await until(gone, { timeoutMs, message: `the end of conversation ${id}` });
        },
      };
    },

    async histories(workflowId) {
      const found: History[] = [];
      let runId: string | undefined = (await client.workflow.getHandle(workflowId).describe()).runId;
      while (runId) {
        const history: History = await client.workflow.getHandle(workflowId, runId).fetchHistory();
        found.unshift(history);
        // Each run names the one that it continues.
        runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
      }
      return found;
    },

    async hasRuns(workflowId, count) {
      await until(async () => (await baton.histories(workflowId)).length >= count, {
        timeoutMs: 60_000,
        message: `run ${count} of ${workflowId}`,
      });
    },

    async replayAll() {
      const failures: { workflowId: string; error: string }[] = [];
      for (const workflowId of started) {
        const histories = await baton.histories(workflowId).catch((error: unknown) => {
          // A conversation that nobody has said a word in.
          if (error instanceof WorkflowNotFoundError && isConversationId(workflowId)) return [];
          throw error;
        });
        for (const history of histories) {
          await Worker.runReplayHistory({ workflowBundle: bundle }, history, workflowId).catch((error: unknown) =>
            failures.push({ workflowId, error: String(error) }),
          );
        }
      }
      return failures;
    },

    async stop() {
      await baton.stopWorker();
      await desk.stop();
      await http.close();
      await store.close();
      if (!env) {
        await connection?.close();
        await native.close();
      }
      await database.drop();
    },
  };
  await baton.startWorker();
  return baton;
}

/** The user's messages that the desk has taken, in order. */
export const textsAtDesk = (baton: TestBaton, handoffId: string): string[] =>
  baton.desk.messages(handoffId).map((message) => message.text);
