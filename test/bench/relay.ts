/**
 * The same messages and the same desk and bot on loopback, through Baton and through what a team would build instead,
 * in turn and in one process. Absolute figures are the machine's; the ratios count.
 */
import type { Client } from '@temporalio/client';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { startBaton } from './baton.ts';
import type { Context, Json, Plot } from './context.ts';
import { startDesk, type BenchDesk, type Way } from './desk.ts';
import { startDirect } from './direct.ts';
import { measureBurst, measureLatency, newSubject, noSamples, type Samples, type Subject } from './measure.ts';
import { startMinimal } from './minimal/system.ts';
import { startOthers } from './others.ts';
import { aim, printAims, printRows, summary, type Row } from './report.ts';
import { createDatabase } from './sql.ts';
import type { System } from './system.ts';

interface Size {
  conversations: number;
  /** Of each conversation in a burst. */
  messages: number;
  /** Messages one at a time in one go, and how often that happens in a round: what else the machine does changes. */
  alone: number;
  turns: number;
  rounds: number;
}

const SIZE: Size = { conversations: 50, messages: 20, alone: 20, turns: 2, rounds: 3 };
const SHORT: Size = { conversations: 5, messages: 4, alone: 4, turns: 1, rounds: 1 };

/** No further round begins when it could end after this: on a busy machine there is only one. */
const BUDGET_MS = 8 * 60_000;
const BOTH: Way[] = ['toDesk', 'toBot'];

const AIMS = { latency: 0.7, burst: 3, eventsAlone: 7, eventsInBurst: 2.5 } as const;

interface Lane {
  row: Row;
  subject: Subject;
  ways: Way[];
  /** A sender that does not wait for the acknowledgement. */
  atOnce?: boolean;
}

export async function stage(context: Context): Promise<Json> {
  const { temporalAddress: address, temporalKind, namespace, later, say, short } = context;
  const desk = await startDesk();
  later(() => desk.stop());
  const temporal = connectTemporal({ address, namespace, env: {} });
  later(() => temporal.close());
  const { client } = temporal;
  const size = short ? SHORT : SIZE;
  const { lanes, notes } = await startLanes(context, size, desk, client);
  for (const note of notes) say(note);

  // Connections, caches and compiled code are warm in all of them.
  const warming = noSamples();
  for (const { subject, ways } of lanes) {
    for (const way of ways) {
      await measureLatency(subject, way, desk, client, size.alone / 2, warming);
      await measureBurst(subject, way, desk, client, { each: 2 }, warming);
    }
  }
  say('all are open and warm');
  let rounds = 0;
  for (let longest = 0; rounds < size.rounds && performance.now() + longest < BUDGET_MS; rounds += 1) {
    const begun = performance.now();
    await measureRound(lanes, size, desk, client);
    const bursts = lanes.map(({ row }) => row.toDesk.bursts.at(-1)?.toFixed(1)).join(' / ');
    longest = Math.max(longest, performance.now() - begun);
    say(`round ${rounds + 1}: ${Math.round((performance.now() - begun) / 1_000)} s, bursts to the desk ${bursts} s`);
  }
  const rows = summary(lanes.map(({ row }) => row));
  const aims = aimsOf(rows);
  say('nothing lost, doubled or out of order: at the desk, in the journal, at the callback');
  if (desk.repeats() > 0) say(`${desk.repeats()} calls came again with their key, from senders who were not sure`);
  printRows(rows, say);
  printAims(aims, say);
  return {
    size: { ...size, rounds },
    repeatedCalls: desk.repeats(),
    notes,
    rows,
    aims,
    plots: plotsOf(rows, temporalKind === 'cluster' ? 'cluster' : 'relay'),
  };
}

async function startLanes(context: Context, size: Size, desk: BenchDesk, client: Client) {
  const { temporalAddress: address, namespace, postgresUrl, temporalKind, later } = context;
  const databaseUrl = await createDatabase(postgresUrl, 'relay_baton');
  const minimal = await startMinimal(address, client, desk, 'relay');
  later(() => minimal.stop());
  const floor = await startMinimal(address, client, desk, 'floor');
  later(() => floor.stop());
  const baton = await startBaton({ address, namespace, databaseUrl, desk });
  later(() => baton.intake.stop());
  const lane = async (name: string, role: Row['role'], system: System): Promise<Lane> => ({
    row: { name, role, toDesk: noSamples(), toBot: noSamples() },
    subject: await newSubject(system, size.conversations),
    ways: BOTH,
  });
  const intake = await lane('Baton, intake', 'subject', baton.intake);
  const [single] = await baton.http.open(1);
  const lanes: Lane[] = [
    await lane('minimal Temporal relay', 'base', minimal),
    await lane('local activity alone', 'extra', floor),
    intake,
    // The intake keeps the order of a sender that does not wait and puts what waits into one signal.
    { ...intake, row: oneWay('Baton, intake, not waiting'), ways: ['toDesk'], atOnce: true },
    {
      row: oneWay('Baton, HTTP API'),
      subject: { ...intake.subject, single: single!, system: baton.http },
      ways: ['toDesk'],
    },
  ];
  const notes: string[] = [];
  // The others do without Temporal: they are measured once, beside the embedded servers.
  if (temporalKind !== 'cluster') {
    const others = await startOthers(context, desk);
    notes.push(...others.notes);
    for (const { name, system } of others.systems) lanes.push(await lane(name, 'extra', system));
    const direct = await startDirect(desk);
    later(() => direct.stop());
    lanes.push(await lane('direct HTTP, nothing kept', 'extra', direct));
  }
  return { lanes, notes };
}

const oneWay = (name: string): Row => ({ name, role: 'extra', toDesk: noSamples() });

const into = (row: Row, way: Way): Samples => (way === 'toDesk' ? row.toDesk : row.toBot!);

async function measureRound(lanes: Lane[], size: Size, desk: BenchDesk, client: Client): Promise<void> {
  for (let turn = 1; turn <= size.turns; turn += 1) {
    for (const { subject, row, ways, atOnce } of lanes) {
      if (atOnce) continue;
      for (const way of ways) await measureLatency(subject, way, desk, client, size.alone, into(row, way));
    }
  }
  for (const { subject, row, ways, atOnce = false } of lanes) {
    for (const way of ways)
      await measureBurst(subject, way, desk, client, { each: size.messages, atOnce }, into(row, way));
  }
}

function aimsOf(rows: ReturnType<typeof summary>) {
  const { toDesk } = rows.find(({ role }) => role === 'subject')!;
  return [
    aim('latency beside the minimal relay', toDesk.latencyRatio, AIMS.latency),
    aim('burst rate beside it', toDesk.burstRatio, AIMS.burst, true),
    aim('events per message alone', toDesk.eventsAlone, AIMS.eventsAlone),
    aim('events per message in bursts', toDesk.eventsInBurst, AIMS.eventsInBurst),
  ];
}

function plotsOf(rows: ReturnType<typeof summary>, prefix: string): Plot[] {
  const where = prefix === 'cluster' ? 'Temporal on PostgreSQL' : 'embedded servers';
  const alone = rows.filter(({ toDesk }) => toDesk.latencyMs.count > 0);
  const picture = (
    name: string,
    title: string,
    unit: string,
    of: typeof rows,
    series: [string, (row: (typeof rows)[number]) => number | null | undefined][],
  ): Plot => ({
    name: `${prefix}-${name}`,
    title: `${title}, ${where}`,
    kind: 'bars',
    unit,
    xs: of.map((row) => row.name),
    series: series.map(([label, value]) => ({ name: label, values: of.map((row) => value(row) ?? null) })),
  });
  return [
    picture('latency', 'One message at a time', 'ms', alone, [
      ['user to desk, p50', ({ toDesk }) => toDesk.latencyMs.p50],
      ['user to desk, p99', ({ toDesk }) => toDesk.latencyMs.p99],
      ['agent to bot, p50', ({ toBot }) => toBot?.latencyMs.p50],
      ['agent to bot, p99', ({ toBot }) => toBot?.latencyMs.p99],
    ]),
    picture('burst', 'Bursts in 50 conversations', 'messages a second', rows, [
      ['user to desk', ({ toDesk }) => toDesk.burstPerSecond],
      ['agent to bot', ({ toBot }) => toBot?.burstPerSecond],
    ]),
  ];
}
