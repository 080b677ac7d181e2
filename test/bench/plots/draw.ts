/**
 * `npm run bench:plots`: draws the plots of `results/*.json` beside them, and writes the tables of README's performance
 * section from the same files.
 */
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Plot } from '../context.ts';
import { writeFigures } from './tables.ts';

const RESULTS = new URL('../results/', import.meta.url);
// Middle tones: readable on a light page and on a dark one.
const INK = '#808080';
const COLOURS = ['#3b82c4', '#d9822b', '#3f9b6c', '#8f6fd1', '#c4567a', '#8fb8dd'];
/** Two figures of two ways. */
const PAIRS = ['#3b82c4', '#8fb8dd', '#d9822b', '#e8b98a'];

ensurePackages();
const { init } = await import('echarts');
for (const file of await readdir(RESULTS)) {
  if (!file.endsWith('.json') || file.endsWith('.short.json')) continue;
  const result = JSON.parse(await readFile(new URL(file, RESULTS), 'utf8')) as { plots?: Plot[] };
  for (const plot of result.plots ?? []) await draw(plot.name, optionOf(plot), sizeOf(plot));
  if (file === 'soak.json') await drawSoak(result);
}
await writeFigures();

interface Size {
  width: number;
  height: number;
}

type Option = Record<string, unknown>;

async function draw(name: string, option: Option, { width, height }: Size): Promise<void> {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  await writeFile(new URL(`${name}.svg`, RESULTS), `${svg}\n`);
  console.log(`drawn ${name}.svg`);
}

async function drawSoak(result: object): Promise<void> {
  const { soakOption, SOAK_SIZE } = (await import(new URL('../soak-plot.ts', import.meta.url).href)) as {
    soakOption(result: object): Option;
    SOAK_SIZE: Size;
  };
  await draw('soak', soakOption(result), SOAK_SIZE);
}

function sizeOf({ kind, xs, series }: Plot): Size {
  return kind === 'bars'
    ? { width: 860, height: 110 + xs.length * (14 + 15 * series.length) }
    : { width: 860, height: 380 };
}

function optionOf(plot: Plot): Option {
  const text = { color: INK, fontFamily: 'sans-serif' };
  const line = { lineStyle: { color: '#80808055' } };
  const bars = plot.kind === 'bars';
  const values = {
    type: plot.log ? 'log' : 'value',
    name: plot.unit,
    nameLocation: 'middle',
    nameGap: bars ? 28 : 50,
    nameTextStyle: text,
    axisLabel: text,
    splitLine: line,
  };
  const along = {
    type: bars ? 'category' : 'value',
    ...(bars ? { data: plot.xs, inverse: true } : { name: plot.x ?? '', nameLocation: 'middle', nameGap: 28 }),
    nameTextStyle: text,
    axisLabel: text,
    axisLine: line,
    axisTick: { show: false },
    splitLine: { show: false },
  };
  return {
    animation: false,
    backgroundColor: 'transparent',
    color: plot.series.length === 4 ? PAIRS : COLOURS,
    title: { text: plot.title, left: 12, top: 8, textStyle: { ...text, fontSize: 15, fontWeight: 'normal' } },
    legend: { top: 34, left: 12, textStyle: text, itemWidth: 14, itemHeight: 10, icon: 'roundRect' },
    grid: { left: bars ? 12 : 64, right: 48, top: 64, bottom: 40, containLabel: bars },
    [bars ? 'yAxis' : 'xAxis']: along,
    [bars ? 'xAxis' : 'yAxis']: values,
    series: plot.series.map(({ name, values: own }) =>
      bars
        ? {
            name,
            type: 'bar',
            data: own,
            barMaxWidth: 14,
            label: { show: true, position: 'right', ...text, fontSize: 10 },
          }
        : { name, type: 'line', symbolSize: 5, data: own.map((value, at) => [plot.xs[at], value]) },
    ),
  };
}

function ensurePackages(): void {
  try {
    import.meta.resolve('echarts');
  } catch {
    const folder = fileURLToPath(new URL('..', import.meta.url));
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder];
    if (spawnSync('npm', args, { cwd: folder, stdio: 'inherit' }).status !== 0) process.exit(1);
  }
}
