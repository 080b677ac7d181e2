import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createStore, isUnavailable } from '../../activities/store/store.ts';
import { until } from '../support/poll.ts';
import { newEvent, newHandoff, newKey, openStores, silent, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

function storeAt(databaseUrl: string) {
  const store = createStore({ databaseUrl, secretKeys: newKey('k1'), log: silent });
  onTestFinished(() => store.close());
  return store;
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('connections that the server cut are replaced, and what they failed is told as unavailable', async () => {
  const { store } = fixture;
  await Promise.all(Array.from({ length: 10 }, () => store.ping()));
  await fixture.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const errors: unknown[] = [];
  await until(
    async () => {
      const error = await errorOf(store.ping());
      if (error) errors.push(error);
      return !error;
    },
    { message: 'the pool does not recover' },
  );
  expect(errors.every(isUnavailable), String(errors)).toBe(true);
});

test('a query that is cut in the middle is told as unavailable', async () => {
  const { store } = fixture;
  const handoff = newHandoff();
  await store.handoffs.open(handoff);
  const locker = await fixture.connect();
  await locker.query('begin');
  await locker.query('select 1 from handoffs where id = $1 for update', [handoff.id]);
  const stuck = errorOf(store.handoffs.runStarted(handoff.id));
  const blocked = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => (await fixture.query(blocked)).length > 0, { message: 'the query does not wait' });
  await fixture.query(`select pg_terminate_backend(pid) from (${blocked}) as waiting`);
  expect(isUnavailable(await stuck)).toBe(true);
  await locker.query('rollback');
  await until(() => store.handoffs.runStarted(handoff.id).then(() => true), { message: 'the pool does not recover' });
  expect((await store.handoffs.get(handoff.id))?.runStarted).toBe(true);
});

test('a query that waits too long ends as unavailable', { timeout: 60_000 }, async () => {
  const { store } = fixture;
  const handoff = newHandoff();
  await store.handoffs.open(handoff);
  const locker = await fixture.connect();
  await locker.query('begin');
  await locker.query('select 1 from handoffs where id = $1 for update', [handoff.id]);
  const append = { handoffId: handoff.id, botId: handoff.botId, events: [newEvent(handoff, 1)], late: [] };
  expect(isUnavailable(await errorOf(store.journal.append(append)))).toBe(true);
  await locker.query('rollback');
  await store.journal.append(append);
  expect(await store.journal.read(handoff.id, 0, 10)).toEqual(append.events);
});

test(
  'a server that is not there, or accepts and never answers, is told as unavailable',
  { timeout: 60_000 },
  async () => {
    const port = await listen(() => undefined);
    const dead = storeAt(`postgres://nobody@127.0.0.1:${await closedPort()}/none`);
    const mute = storeAt(`postgres://nobody@127.0.0.1:${port}/none`);
    const handoff = newHandoff();
    const append = { handoffId: handoff.id, botId: handoff.botId, events: [newEvent(handoff, 1)], late: [] };
    const errors = await Promise.all([
      errorOf(dead.ping()),
      errorOf(dead.journal.append(append)),
      errorOf(dead.bots.get('bot')),
      errorOf(dead.handoffs.open(handoff)),
      errorOf(mute.ping()),
    ]);
    for (const error of errors) expect(isUnavailable(error), String(error)).toBe(true);
  },
);

test('a full disk, too little memory, a refused login and a database that is gone are told as unavailable', async () => {
  for (const code of ['disk_full', 'out_of_memory', 'too_many_connections', 'io_error', 'deadlock_detected']) {
    const raised = fixture.query(`do $$ begin raise exception 'no' using errcode = '${code}'; end $$`);
    expect([code, isUnavailable(await errorOf(raised))]).toEqual([code, true]);
  }
  const [locked, gone] = [new URL(fixture.url), new URL(fixture.url)];
  locked.password = 'changed-meanwhile';
  gone.pathname = '/not_restored_yet';
  for (const url of [locked.href, gone.href]) {
    const error = await errorOf(storeAt(url).ping());
    expect(isUnavailable(error), String(error)).toBe(true);
  }
});

test('a mistake in a query is not taken for an outage', async () => {
  expect(isUnavailable(await errorOf(fixture.store.keys.create('no such bot')))).toBe(false);
  expect(isUnavailable(await errorOf(fixture.store.journal.readBot('bot', 'nonsense', 1)))).toBe(false);
  expect(isUnavailable(undefined)).toBe(false);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
