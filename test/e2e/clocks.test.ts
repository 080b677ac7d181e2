import { afterAll, beforeAll, expect, it } from 'vitest';
import { reasonOf } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';
import { killAll, startRole, type RoleProcess } from '../support/role-process.ts';

const LONG_MS = 90_000;
/** Longer than a test needs from an agent's word to the user's next, on any machine. */
const SILENCE_SECONDS = 10;

let cluster: Cluster;
let callback: CallbackReceiver;
const started: RoleProcess[] = [];

beforeAll(async () => {
  cluster = await startCluster({ worker: false });
  callback = await startCallbackReceiver();
});
afterAll(async () => {
  await killAll(started);
  await cluster?.stop();
  await callback?.stop();
});

/** For `NODE_OPTIONS`: everything in this process that asks for the time is told another one. */
function shiftedBy(ms: number): string {
  const code = `const { Date: True } = globalThis;
    globalThis.Date = class Date extends True {
      constructor(...given) { given.length > 0 ? super(...given) : super(True.now() + ${ms}); }
      static now() { return True.now() + ${ms}; }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

async function startWorker(env: Record<string, string> = {}): Promise<RoleProcess> {
  const worker = await startRole('worker', { ...cluster.env, ...env });
  started.push(worker);
  await worker.answers('/readyz', 200);
  return worker;
}

it.each([10, -10])(
  'a worker whose clock is wrong by %i minutes keeps deadlines and order, and strict backends get its callbacks later',
  async (minutes) => {
    callback.behave('strict');
    const bot = await cluster.bot({
      callback: { url: callback.url },
      inactivityTimeoutSeconds: SILENCE_SECONDS,
      waitTimeoutSeconds: 600,
    });
    const worker = await startWorker({ NODE_OPTIONS: shiftedBy(minutes * 60_000) });
    const startedMs = Date.now();
    const talk = await bot.start();
    await talk.sees('handoff.connecting', LONG_MS);
    for (const n of [1, 2]) {
      await talk.say(`user ${n}`);
      await until(() => cluster.desk.messages(talk.id).length === n, { timeoutMs: LONG_MS, message: `user ${n}` });
      expect(await talk.reply(`agent ${n}`)).toBe('accepted');
      await until(async () => (await talk.events()).filter(({ type }) => type === 'message.agent').length === n, {
        timeoutMs: LONG_MS,
        message: `agent ${n}`,
      });
    }
    const closed = await talk.sees('handoff.closed', LONG_MS);
    const events = await talk.events();
    expect(reasonOf(events)).toBe('inactivity_timeout');
    const ats = events.map(({ at }) => Date.parse(at));
    expect(ats).toEqual(ats.toSorted((a, b) => a - b));
    expect(ats[0]).toBeGreaterThanOrEqual(startedMs - 1_000);
    expect(ats.at(-1)).toBeLessThanOrEqual(Date.now() + 1_000);
    const said = events.findLast(({ type }) => type === 'message.agent');
    expect(Date.parse(closed.at) - Date.parse(said!.at)).toBeGreaterThanOrEqual(SILENCE_SECONDS * 1_000);
    await until(() => callback.calls.some(({ event }) => event.handoffId === talk.id), { message: 'a callback' });
    expect(callback.taken(talk.id)).toEqual([]);

    worker.signal('SIGTERM');
    expect(await worker.exit()).toBe(0);
    const right = await startWorker();
    await until(() => callback.taken(talk.id).length === events.length, { timeoutMs: LONG_MS, message: 'callbacks' });
    expect(callback.taken(talk.id)).toEqual(events);
    right.signal('SIGTERM');
    expect(await right.exit()).toBe(0);
  },
  300_000,
);
