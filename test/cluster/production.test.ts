import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { startBalancer, type Balancer } from '../support/balancer.ts';
import { createBots, type Bot } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { followBot } from '../support/follower.ts';
import { createLoad, type Load } from '../support/load.ts';
import { killAll, startRole, type RoleProcess } from '../support/role-process.ts';
import { seededRandom, testSeed } from '../support/seed.ts';
import { install, missing, type Installation } from './installation.ts';

const TALKS = 4;
const TEMPORAL_AWAY_MS = 5_000;
const ROLES = ['api', 'api', 'worker', 'worker'] as const;

let installation: Installation;
let balancer: Balancer;
let desk: WebhookSandbox;
let callback: CallbackReceiver;
let makeBot: (settings?: Record<string, unknown>) => Promise<Bot>;
let processes: RoleProcess[] = [];
const random = seededRandom(testSeed('a cluster'));
if (missing !== undefined) console.log(`SKIPPED, all of them: ${missing}`);

async function launch(role: RoleProcess['role']): Promise<RoleProcess> {
  const started = await startRole(role, { ...installation.env, BATON_LOG_LEVEL: 'warn' });
  if (role === 'api') balancer.add(started.url);
  return started;
}

/** Another process in the place of one that is gone or about to go. */
async function replace(old: RoleProcess): Promise<RoleProcess> {
  const next = await launch(old.role);
  processes = processes.map((one) => (one === old ? next : one));
  return next;
}

beforeAll(async () => {
  if (missing !== undefined) return;
  installation = await install();
  balancer = await startBalancer();
  callback = await startCallbackReceiver();
  desk = createWebhookSandbox();
  const deskUrl = await desk.listen();
  desk.connect({ batonUrl: balancer.url });
  makeBot = createBots({ desk, deskUrl, link: () => ({ url: balancer.url, key: installation.operatorKey }) });
}, 300_000);

afterAll(async () => {
  await killAll(processes);
  await desk?.stop();
  await callback?.stop();
  await balancer?.stop();
  await installation?.stop();
}, 120_000);

/** Handoffs under load, from begin to end; what went wrong is told with what the processes said. */
async function underLoad(play: (load: Load) => Promise<void>): Promise<Record<string, number>> {
  const settings = { callback: { url: callback.url }, inactivityTimeoutSeconds: 86_400, waitTimeoutSeconds: 3_600 };
  const bot = await makeBot(settings);
  const stream = followBot(bot, () => balancer.url);
  const load = createLoad({ bot, desk, callback, stream, random });
  try {
    await Promise.all(Array.from({ length: TALKS }, () => load.begin()));
    await play(load);
    await load.goesOn();
    return await load.finish();
  } catch (error) {
    for (const { role, pid, output } of processes) console.log(role, pid, output().slice(-3_000));
    throw error;
  } finally {
    await stream.stop();
  }
}

describe.sequential('two APIs and two workers on a Temporal cluster with PostgreSQL', () => {
  it(
    'are up before Temporal is, say what is missing, and begin when it comes',
    { timeout: 600_000 },
    async (context) => {
      if (missing !== undefined) return context.skip(missing);
      if (installation.temporal === undefined) await installation.prepareNamespace();
      processes = await Promise.all(ROLES.map(launch));
      for (const one of processes) await one.answers('/livez', 200);
      if (installation.temporal !== undefined) {
        for (const one of processes) await one.answers('/readyz', 503);
        const api = processes[0]!;
        await api.answers('/readyz?without=temporal', 200);
        expect((await api.probe('/readyz')).body.parts).toMatchObject({ postgresql: 'ok', temporal: 'down' });
        await installation.temporal.up();
        await installation.prepareNamespace();
      }
      for (const one of processes) await one.answers('/readyz', 200, 240_000);
      expect(processes.every((one) => one.isAlive())).toBe(true);
      console.log('begun:', await underLoad(async () => undefined));
    },
  );

  it('lose, double and reorder nothing when each is replaced under load', { timeout: 900_000 }, async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const before = balancer.broken();
    const figures = await underLoad(async (load) => {
      for (const old of processes.slice()) {
        const next = await replace(old);
        await next.answers('/readyz', 200);
        old.signal('SIGTERM');
        await load.begin();
        expect(await old.exit()).toBe(0);
        balancer.remove(old.url);
        await load.goesOn();
      }
    });
    console.log('each replaced:', { ...figures, brokenCalls: balancer.broken() - before });
  });

  it('lose, double and reorder nothing when each is killed in turn', { timeout: 900_000 }, async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const figures = await underLoad(async (load) => {
      for (const old of processes.slice()) {
        // A start that is under way meanwhile meets the kill as well.
        const starting = load.begin();
        await delay(random() * 60);
        old.signal('SIGKILL');
        expect(await old.exit()).toBe('SIGKILL');
        await load.goesOn();
        balancer.remove(old.url);
        await (await replace(old)).answers('/readyz', 200);
        await starting;
      }
    });
    console.log('each killed:', figures);
  });

  it('lose, double and reorder nothing when Temporal itself is killed', { timeout: 900_000 }, async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const { temporal } = installation;
    if (temporal === undefined) return context.skip('the Temporal server is not ours to kill');
    const figures = await underLoad(async (load) => {
      await temporal.kill();
      for (const one of processes) await one.answers('/readyz', 503);
      for (const one of processes) expect((await one.probe('/livez')).status).toBe(200);
      await delay(TEMPORAL_AWAY_MS);
      await temporal.up();
      for (const one of processes) await one.answers('/readyz', 200, 240_000);
      await load.begin();
    });
    expect(processes.every((one) => one.isAlive())).toBe(true);
    console.log('Temporal killed:', figures);
  });
});
