import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { call, type Link } from '../support/bots.ts';
import {
  releaseOf,
  serving,
  startRole,
  thisRelease,
  working,
  type Release,
  type RoleProcess,
} from '../support/release.ts';
import { createStage, type Stage } from '../support/upgrade-stage.ts';

/** The version that open handoffs come from. */
const EARLIER = '487aed926bc5da1372385150cf6bdf185ff8f2c4';

let earlier: Release | string;

beforeAll(async () => {
  earlier = await releaseOf(EARLIER);
});
afterAll(async () => {
  if (typeof earlier !== 'string') await earlier?.remove();
});

interface Scene {
  stage: Stage;
  earlier: Release;
  start(release: Release, role: Parameters<typeof startRole>[1]): Promise<RoleProcess>;
}

/** With a stage of its own, and nothing left of it afterwards. */
const on = (play: (scene: Scene, expect: TestContext['expect']) => Promise<void>) => async (context: TestContext) => {
  if (typeof earlier === 'string') return context.skip(earlier);
  const stage = await createStage();
  const processes: RoleProcess[] = [];
  const start: Scene['start'] = async (release, role) => {
    const started = await startRole(release, role, stage.env);
    processes.push(started);
    return started;
  };
  try {
    await play({ stage, earlier, start }, context.expect);
  } finally {
    await Promise.all(processes.map((it) => it.stop('SIGKILL')));
    await stage.close();
  }
};

/** What an API answers to everything that it can be asked. */
async function readsOf(link: Link, botId: string, handoffId: string): Promise<Record<string, number>> {
  const handoff = `/v1/handoffs/${handoffId}`;
  const paths = [
    `/v1/bots`,
    `/v1/bots/${botId}`,
    `/v1/bots/${botId}/status`,
    `/v1/handoffs?botId=${botId}&status=connecting`,
    `/v1/overview?botId=${botId}`,
    handoff,
    `${handoff}/events`,
    `${handoff}/deliveries`,
    `${handoff}/transcript?format=json`,
  ];
  const answers = paths.map(async (path) => [path, (await call(link, 'GET', path)).status] as const);
  return Object.fromEntries(await Promise.all(answers));
}

const ROOM = { timeout: 600_000 };

describe.concurrent('open handoffs of an earlier version', () => {
  it(
    'go on when this version takes its place, process by process, while people talk',
    ROOM,
    on(async ({ stage, earlier: before, start }, expect) => {
      const [oldApi, oldWorker] = await Promise.all([start(before, 'api'), start(before, 'worker')]);
      await Promise.all([serving(oldApi), working(oldWorker)]);
      await stage.front(oldApi);
      const open = await stage.open();
      const { bot } = open.active;
      const busy = [await bot.start(), await bot.start()];
      for (const talk of busy) await talk.sees('handoff.connecting', 60_000);
      const talking = stage.talkOn(busy);
      await talking.more(6);

      // The first of the new ones migrates the database. Both versions work side by side.
      await working(await start(thisRelease, 'worker'));
      await talking.more(10);
      const fresh = await bot.start();
      const oldLink = () => ({ url: oldApi.url, key: stage.operatorKey });
      const reads = await readsOf(oldLink, bot.id, open.active.id);
      expect(reads).toEqual(Object.fromEntries(Object.keys(reads).map((path) => [path, 200])));
      expect(await oldWorker.stop('SIGKILL')).toBe('SIGKILL');
      stage.callback.behave('well');
      await talking.more(10);

      const newApi = await start(thisRelease, 'api');
      await serving(newApi);
      await stage.front(newApi);
      await talking.more(10);
      stage.balancer.remove(oldApi.url);
      expect(await oldApi.stop('SIGTERM')).toBe(0);
      await talking.more(6);
      const spoken = await talking.stop();

      expect(await stage.seeThrough(open, [...busy, fresh])).toEqual([]);
      console.log(`upgraded in place: ${spoken} messages meanwhile, callbacks tried ${stage.callback.calls.length}`);
    }),
  );

  it(
    'go on under this version when the earlier one was killed in the middle of everything',
    ROOM,
    on(async ({ stage, earlier: before, start }, expect) => {
      const old = await Promise.all([start(before, 'api'), start(before, 'worker')]);
      await Promise.all([serving(old[0]), working(old[1])]);
      await stage.front(old[0]);
      const open = await stage.open();
      const busy = [await open.active.bot.start()];
      for (const talk of busy) await talk.sees('handoff.connecting', 60_000);
      const talking = stage.talkOn(busy);
      await talking.more(6);
      await Promise.all(old.map((it) => it.stop('SIGKILL')));
      stage.callback.behave('well');

      // As an operator does it before.
      const replay = await start(thisRelease, 'replay');
      expect([await replay.exit(), replay.output()]).toEqual([
        0,
        expect.stringMatching(/Replayed [1-9]\d* open runs: 0 cannot/),
      ]);
      const [api] = await Promise.all([start(thisRelease, 'api'), start(thisRelease, 'worker')]);
      await serving(api);
      stage.balancer.remove(old[0].url);
      await stage.front(api);
      await talking.more(6);
      await talking.stop();
      expect(await stage.seeThrough(open, busy)).toEqual([]);
    }),
  );
});
