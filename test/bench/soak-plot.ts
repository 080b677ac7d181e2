import type { Sample } from '../soak/sampler.ts';

interface SoakResult {
  run: { minutes: number; rate: number };
  samples: Sample[];
}

interface Line {
  name: string;
  of: (sample: Sample) => number | null | undefined;
}

const PANELS: { title: string; lines: Line[] }[] = [
  {
    title: 'memory, MiB',
    lines: [
      { name: 'API', of: ({ parts }) => parts.api.memoryMb },
      { name: 'worker', of: ({ parts }) => parts.worker.memoryMb },
      { name: 'Temporal', of: ({ parts }) => parts.temporal.memoryMb },
      { name: 'PostgreSQL', of: ({ parts }) => parts.postgres.memoryMb },
    ],
  },
  {
    title: 'heap, MiB',
    lines: [
      { name: 'API', of: ({ parts }) => parts.api.heapMb },
      { name: 'worker', of: ({ parts }) => parts.worker.heapMb },
    ],
  },
  {
    title: 'open descriptors and database connections',
    lines: [
      { name: 'API', of: ({ parts }) => parts.api.descriptors },
      { name: 'worker', of: ({ parts }) => parts.worker.descriptors },
      { name: 'database connections', of: ({ connections }) => connections },
    ],
  },
  {
    title: 'events in the history of a handoff that never ends, and open handoffs',
    lines: [
      { name: 'events', of: ({ history }) => history.events },
      { name: 'open handoffs', of: ({ open }) => open },
    ],
  },
  {
    title: 'latency p50, ms',
    lines: [
      { name: 'user to desk', of: ({ latency }) => latency.toDesk.p50 },
      { name: 'agent to bot', of: ({ latency }) => latency.toBot.p50 },
    ],
  },
];

/** By name, so that a part has one colour in all panels; readable on light and on dark. */
const COLOURS: Record<string, string> = {
  API: '#3b82c4',
  worker: '#d9822b',
  Temporal: '#8f6fd1',
  PostgreSQL: '#3f9b6c',
  'database connections': '#3f9b6c',
  events: '#8f6fd1',
  'open handoffs': '#3b82c4',
  'user to desk': '#3b82c4',
  'agent to bot': '#d9822b',
};
const INK = '#808080';
const FAINT = '#80808040';
const [TOP, PANEL, GAP] = [46, 120, 62];

/** Pixels of the whole. */
export const SOAK_SIZE = { width: 900, height: TOP + PANELS.length * (PANEL + GAP) };

/** An option of ECharts: a panel per thing that must stay flat, over the minutes of the soak. */
export function soakOption({ run, samples }: SoakResult): Record<string, unknown> {
  const top = (index: number): number => TOP + GAP / 2 + index * (PANEL + GAP);
  const text = `Soak: ${run.rate} messages a second for ${run.minutes} minutes`;
  const font = { color: INK, fontFamily: 'sans-serif' };
  return {
    animation: false,
    backgroundColor: 'transparent',
    title: [
      { text, left: 'center', top: 8, textStyle: { ...font, fontSize: 16 } },
      ...PANELS.map(({ title }, index) => ({
        text: title,
        left: 52,
        top: top(index) - 26,
        textStyle: { ...font, fontSize: 12, fontWeight: 'normal' },
      })),
    ],
    grid: PANELS.map((_, index) => ({ left: 60, right: 150, top: top(index), height: PANEL })),
    xAxis: PANELS.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      max: run.minutes,
      axisLabel: { ...font, formatter: '{value} min' },
      splitLine: { show: false },
      axisLine: { lineStyle: { color: INK } },
    })),
    yAxis: PANELS.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: 0,
      splitNumber: 3,
      axisLabel: font,
      splitLine: { lineStyle: { color: FAINT } },
    })),
    legend: PANELS.map(({ lines }, index) => ({
      orient: 'vertical',
      left: SOAK_SIZE.width - 142,
      top: top(index),
      itemWidth: 14,
      textStyle: font,
      data: lines.map(({ name }) => `${name}${'\u200b'.repeat(index)}`),
    })),
    series: PANELS.flatMap(({ lines }, index) =>
      lines.map(({ name, of }) => ({
        type: 'line',
        // A legend shows what has its very name: the same name in two panels would be one entry.
        name: `${name}${'\u200b'.repeat(index)}`,
        xAxisIndex: index,
        yAxisIndex: index,
        showSymbol: false,
        lineStyle: { width: 1.5 },
        color: COLOURS[name],
        data: samples.map((sample) => [sample.atSeconds / 60, of(sample) ?? null]),
      })),
    ),
  };
}
