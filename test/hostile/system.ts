import { desks } from '../../activities/desks/registry.ts';
import { newDataDir, removeDataDir, startBaton } from '../support/baton-process.ts';
import { until } from '../support/poll.ts';
import { stopProcess } from '../../worker/local/processes.ts';

export interface HostileSystem {
  address: string;
  pid: number;
  operatorKey: string;
  /** Of one bot. */
  botKey: string;
  /** A bot on each desk in each of its modes. */
  botIds: string[];
  hookTokens: string[];
  handoffIds: string[];
  /** Desks whose webhooks prove who has sent them. */
  signedDesks: string[];
  call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }>;
  /** The value of each series of a metric, by its labels as they are printed. */
  metric(name: string): Promise<Map<string, number>>;
  output(): string;
  stop(): Promise<void>;
}

/** Limits that would answer an attack before what is behind them is asked. */
const OPEN_LIMITS = {
  BATON_RATE_LIMIT: '1000000',
  BATON_WRONG_KEYS: '1000000',
  BATON_LOAD_DELAY_MS: '60000',
  BATON_REQUEST_TIMEOUT_SECONDS: '10',
  BATON_LOG_LEVEL: 'error',
  // Garbage is collected before it looks like something that is kept.
  NODE_OPTIONS: '--max-old-space-size=256',
};

/** `npm start` in a folder of its own, with bots on all simulated desks. */
export async function startSystem(): Promise<HostileSystem> {
  const dataDir = await newDataDir();
  const child = startBaton(dataDir, OPEN_LIMITS);
  const stop = async (): Promise<void> => {
    await stopProcess(child.pid, ['SIGTERM', 'SIGKILL'], 30_000);
    await removeDataDir(dataDir);
  };
  try {
    const { address, key } = await child.ready();
    const call = caller(address, key);
    // A start on a busy machine is taken for overload.
    const isReady = async (): Promise<boolean> => (await call('GET', '/readyz')).status === 200;
    await until(isReady, { timeoutMs: 60_000, everyMs: 500, message: 'a process that is ready' });
    const { botIds, hookTokens } = await makeBots(address, call);
    const made = await call('POST', '/v1/bots/demo/keys', {});
    const handoffIds = [];
    for (let index = 0; index < 3; index += 1) {
      const conversation = {
        conversationId: `hostile-${index}`,
        channel: 'api',
        user: { id: 'u' },
        question: 'Hello?',
      };
      const started = await call('POST', '/v1/handoffs', { botId: 'demo', ...conversation });
      handoffIds.push((JSON.parse(started.text) as { handoff: { id: string } }).handoff.id);
    }
    return {
      address,
      pid: child.pid,
      operatorKey: key,
      botKey: (JSON.parse(made.text) as { key: string }).key,
      botIds: ['demo', ...botIds],
      hookTokens,
      handoffIds,
      signedDesks: desks
        .all()
        .filter(({ capabilities }) => capabilities.signsWebhooks !== 'none')
        .map(({ id }) => id),
      call,
      metric: async (name) => series((await call('GET', '/metrics')).text, name),
      output: child.output,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const caller =
  (address: string, key: string): HostileSystem['call'] =>
  async (method, path, body) => {
    const response = await fetch(address + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, text: await response.text() };
  };

async function makeBots(address: string, call: HostileSystem['call']) {
  const botIds: string[] = [];
  const hookTokens: string[] = [];
  for (const desk of desks.all()) {
    for (const mode of desk.capabilities.modes) {
      const settings = await call('GET', `/sandbox/${desk.id}/_control/settings?mode=${mode}`);
      const botId = `hostile-${desk.id}-${mode}`;
      const account =
        settings.status === 200 ? (JSON.parse(settings.text) as object) : { url: `${address}/sandbox/webhook` };
      const saved = await call('PUT', `/v1/bots/${botId}`, {
        enabled: true,
        mode,
        desk: { kind: desk.id, ...account },
      });
      if (saved.status !== 201) throw new Error(`${botId}: ${saved.status} ${saved.text}`);
      const { webhookUrl } = JSON.parse(saved.text) as { webhookUrl: string | null };
      botIds.push(botId);
      if (webhookUrl !== null) hookTokens.push(new URL(webhookUrl).pathname.split('/').at(-1) ?? '');
    }
  }
  return { botIds, hookTokens };
}

function series(text: string, name: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(name.length, at), Number(line.slice(at + 1))];
    }),
  );
}
