import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { createBots } from '../support/bots.ts';
import { followBot } from '../support/follower.ts';
import { until } from '../support/poll.ts';
import { killAll, runCommand, startRole, type RoleProcess } from '../support/role-process.ts';
import { temporalCliPath } from '../support/temporal.ts';

const OPERATOR_KEY = 'operator-key-of-the-tests';

let folder: string;
let env: Record<string, string>;
let upPostgres: () => Promise<void>;
let upTemporal: () => Promise<void>;
const stops: (() => Promise<unknown>)[] = [];
const started: RoleProcess[] = [];
let desk: WebhookSandbox;

const launch = async (role: RoleProcess['role'], more: Record<string, string> = {}): Promise<RoleProcess> => {
  const one = await startRole(role, { ...env, ...more });
  started.push(one);
  return one;
};

/** Both servers have run once, so that their addresses are known, and are away now. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-processes-'));
  const postgres = () => startPostgres({ folder, settings: ['fsync=off', 'full_page_writes=off'], detached: false });
  const binary = () => Promise.resolve(temporalCliPath());
  const temporal = () => startTemporal({ folder, binary, ui: false, detached: false });
  const [database, server] = await Promise.all([postgres(), temporal()]);
  await Promise.all([database.stop(), server.stop()]);
  upPostgres = async () => {
    const { url, stop } = await postgres();
    stops.push(stop);
    expect(url).toBe(database.url);
  };
  upTemporal = async () => {
    const { address, stop } = await temporal();
    stops.push(stop);
    expect(address).toBe(server.address);
  };
  env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: server.namespace,
    BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    BATON_OPERATOR_KEY: OPERATOR_KEY,
    BATON_PUBLIC_URL: 'http://baton.test',
    BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
    BATON_DRAIN_SECONDS: '4',
  };
  desk = createWebhookSandbox();
});

afterAll(async () => {
  await killAll(started);
  for (const stop of stops) await stop();
  await desk?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const partsOf = async (one: RoleProcess): Promise<Record<string, string>> =>
  (await one.probe('/readyz')).body.parts ?? {};

describe.sequential('API and worker as processes of their own', () => {
  let api: RoleProcess;
  let worker: RoleProcess;

  it('are up while PostgreSQL and Temporal are away, and say so', async () => {
    [api, worker] = await Promise.all([launch('api', { BATON_MIGRATE: 'false' }), launch('worker')]);
    await Promise.all([api.answers('/livez', 200), worker.answers('/livez', 200)]);
    await Promise.all([api.answers('/readyz', 503), worker.answers('/readyz', 503)]);
    expect(await partsOf(api)).toMatchObject({ postgresql: 'down', migrations: 'down', temporal: 'down' });
    expect(await partsOf(worker)).toMatchObject({ postgresql: 'down', temporal: 'down', worker: 'down' });
    const call = await fetch(`${api.url}/v1/bots`, { headers: { authorization: `Bearer ${OPERATOR_KEY}` } });
    expect([call.status, call.headers.get('retry-after')]).toEqual([503, '2']);
    const metrics = await fetch(`${worker.url}/metrics`);
    expect([metrics.status, (await metrics.text()).includes('baton_dependency_up{dependency="postgresql"} 0')]).toEqual(
      [200, true],
    );
  });

  it('end as told although nothing is there', async () => {
    const waiting = await launch('worker');
    await waiting.answers('/livez', 200);
    waiting.signal('SIGTERM');
    expect(await waiting.exit()).toBe(0);
  });

  it('begin by themselves when both come', async () => {
    await upPostgres();
    // The worker migrates; an API that may not waits for it.
    await until(async () => (await partsOf(api))['migrations'] === 'ok', {
      timeoutMs: 60_000,
      message: () => `tables: ${worker.output()}`,
    });
    expect(await partsOf(api)).toMatchObject({ postgresql: 'ok', temporal: 'down' });
    await api.answers('/readyz?without=temporal', 200);
    await upTemporal();
    await Promise.all([api.answers('/readyz', 200), worker.answers('/readyz', 200)]);
  });

  it('migrate as a job, which may come again', async () => {
    const { code, output } = await runCommand('migrate', env);
    expect([code, output]).toEqual([0, 'The database has its newest form.\n']);
    const wrong = await runCommand('migrate', { ...env, DATABASE_URL: '' });
    expect([wrong.code, wrong.output]).toEqual([78, 'baton: "migrate" needs DATABASE_URL.\n']);
  });

  it('are not ready before they stop, still answer meanwhile, and lose no handoff to the next ones', async () => {
    const deskUrl = await desk.listen();
    let link = { url: api.url, key: OPERATOR_KEY };
    desk.connect({ batonUrl: api.url });
    const bot = await createBots({ desk, deskUrl, link: () => link })();
    const stream = followBot(bot, () => link.url);
    const talk = await bot.start({}, 30_000);
    await talk.sees('handoff.connecting', 60_000);

    api.signal('SIGTERM');
    worker.signal('SIGTERM');
    await until(async () => (await api.probe('/readyz')).body.status === 'draining', {
      everyMs: 20,
      message: () => api.output(),
    });
    expect((await talk.say('during the pause')).outcome).toBe('accepted');
    expect(await api.exit()).toBe(0);
    expect(await worker.exit()).toBe(0);

    [api, worker] = await Promise.all([launch('api'), launch('worker')]);
    await Promise.all([api.answers('/readyz', 200), worker.answers('/readyz', 200)]);
    link = { url: api.url, key: OPERATOR_KEY };
    desk.connect({ batonUrl: api.url });
    await until(() => desk.messages(talk.id).some(({ text }) => text === 'during the pause'), {
      timeoutMs: 60_000,
      message: 'the message at the desk',
    });
    await talk.end('user', 30_000);
    await talk.sees('handoff.closed', 60_000);
    const events = await talk.events();
    await until(() => stream.events.length >= events.length, { timeoutMs: 60_000, message: 'the stream' });
    expect(stream.events).toEqual(events);
    await stream.stop();
  });
});
