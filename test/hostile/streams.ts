import { readdir, readFile } from 'node:fs/promises';
import { until } from '../support/poll.ts';
import { rawConnection, type RawConnection } from '../support/raw-http.ts';
import type { HostileSystem } from './system.ts';

const STREAMS = 10_000;
/** At the same time; a key may have 1,000. */
const BATCH = 500;
/** Before the first measurement: what is made once for all is there then. */
const WARM_UP = 2_000;
/** Callers that send one byte of their request now and then. */
const SLOW = 1_000;
/** Beyond what it was after the warm-up. A stream that is kept costs 20 KB and more. */
const MAX_GROWTH_MB = 80;
const MAX_HANDLES = 50;

interface Checked {
  name: string;
  problem: string | undefined;
}

/** Ten thousand streams, opened and dropped; a thousand slow callers beside those who are not. */
export async function dropStreams(system: HostileSystem): Promise<Checked[]> {
  const streams = async (): Promise<number> =>
    [...(await system.metric('baton_streams_open')).values()].reduce((sum, count) => sum + count, 0);
  const paths = [
    '/v1/bots/demo/events',
    `/v1/handoffs/${system.handoffIds[0]}/events`,
    '/v1/bots/demo/events?after=start',
  ];
  const request = (path: string | undefined): string =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${system.botKey}\r\naccept: text/event-stream\r\n\r\n`;
  let before: Cost | undefined;
  for (let opened = 0; opened < STREAMS; opened += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) => rawConnection(system.address, request(paths[index % 3])));
    // A third hangs up before the answer.
    for (const { socket } of batch.slice(0, BATCH / 3)) socket.once('connect', () => socket.destroy());
    const stay = batch.slice(BATCH / 3);
    await until(() => stay.every(({ received }) => received().includes('retry:')), {
      timeoutMs: 60_000,
      message: () => `streams: ${stay.find(({ received }) => !received().includes('retry:'))?.received()}`,
    });
    drop(stay);
    await until(async () => (await streams()) === 0, { timeoutMs: 60_000, message: 'no stream is counted open' });
    if (opened + BATCH === WARM_UP) before = await costOf(system);
  }
  const after = await costOf(system);
  console.log(`${STREAMS} streams: ${say(before)} after ${WARM_UP}, ${say(after)} at the end`);
  return [
    { name: `${STREAMS} streams opened and dropped, none is open`, problem: undefined },
    {
      name: 'their memory is given back',
      problem: over(after.megabytes, (before?.megabytes ?? 0) + MAX_GROWTH_MB, 'MB'),
    },
    {
      name: 'their handles are given back',
      problem: over(after.handles, (before?.handles ?? 0) + MAX_HANDLES, 'handles'),
    },
    { name: `${SLOW} slow callers hold nobody up`, problem: await slowCallers(system) },
  ];
}

async function slowCallers(system: HostileSystem): Promise<string | undefined> {
  const slow = Array.from({ length: SLOW }, () =>
    rawConnection(system.address, 'POST /v1/handoffs HTTP/1.1\r\nhost: x\r\n'),
  );
  const drip = setInterval(() => slow.forEach(({ socket }) => socket.writable && socket.write('x')), 1_000);
  try {
    const answers = await Promise.all(Array.from({ length: 50 }, () => system.call('GET', '/v1/bots/demo')));
    const wrong = answers.filter(({ status }) => status !== 200);
    if (wrong.length > 0) return `${wrong.length} of 50 others were not answered`;
    // Ten seconds for a request, and the look of every five.
    await until(() => slow.every(({ closed }) => closed()), {
      timeoutMs: 60_000,
      message: 'the end of all slow callers',
    });
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    clearInterval(drip);
    drop(slow);
  }
}

const drop = (connections: RawConnection[]): void => connections.forEach(({ socket }) => socket.destroy());

interface Cost {
  /** Undefined where there is no /proc. */
  megabytes: number | undefined;
  handles: number | undefined;
}

async function costOf({ pid }: HostileSystem): Promise<Cost> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
  const handles = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  return {
    megabytes: kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024),
    handles: handles?.length,
  };
}

const say = (cost: Cost | undefined): string => `${cost?.megabytes ?? '?'} MB and ${cost?.handles ?? '?'} handles`;

const over = (found: number | undefined, most: number, unit: string): string | undefined =>
  found === undefined || found <= most ? undefined : `${found} ${unit}, at most ${most}`;
