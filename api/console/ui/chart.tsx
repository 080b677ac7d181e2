import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { translator } from '../lib/i18n.ts';
import { Lines, Patterns, StackedBars, Swatch, xOf, type Plot } from './chart-marks.tsx';
import { labelEvery, type TicksOf } from './chart-scale.ts';

const t = translator({
  en: { table: 'Figures as a table', table_of: 'Figures: {title}', point: 'Time', all: 'Whole time', nothing: 'none' },
  fr: {
    table: 'Chiffres en tableau',
    table_of: 'Chiffres : {title}',
    point: 'Moment',
    all: 'Toute la période',
    nothing: 'aucun',
  },
});

export interface Series {
  name: string;
  /** One for each point; null: there is none. */
  values: (number | null)[];
  /** Over the whole time, shown while no point is chosen. */
  whole: number | null;
}

export interface TimeChartProps {
  title: string;
  /** Bars stand on each other. At most three series. */
  kind: 'bars' | 'lines';
  /** `short` for the axis, `full` for the value that is read out. */
  points: { short: string; full: string }[];
  series: Series[];
  format(value: number): string;
  ticksOf: TicksOf;
}

const HEIGHT = 190;
const MARGIN = { top: 8, right: 8, bottom: 24, left: 52 };
const LABEL_WIDTH = 58;

/** Values over time. The arrow keys and the pointer choose a point, whose values the legend then shows. */
export function TimeChart(props: TimeChartProps) {
  const id = useId();
  const [chosen, setChosen] = useState<number>();
  const at = chosen === undefined || chosen >= props.points.length ? undefined : chosen;
  return (
    <ChartCard title={props.title}>
      <Legend {...props} id={id} at={at} />
      <Chooser {...props} at={at} onChoose={setChosen}>
        {(width) => <Drawing {...props} id={id} at={at} width={width} />}
      </Chooser>
      <Figures {...props} />
    </ChartCard>
  );
}

export function ChartCard({ title, children }: { title: string; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card chart" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

type Chosen = TimeChartProps & { at: number | undefined };

const valueOf = (one: Series, at: number | undefined, format: (value: number) => string): string => {
  const value = at === undefined ? one.whole : (one.values[at] ?? null);
  return value === null ? t('nothing') : format(value);
};

function Legend({ id, kind, points, series, format, at }: Chosen & { id: string }) {
  return (
    <div class="legend">
      <span class="hint">{at === undefined ? t('all') : points[at]!.full}</span>
      {series.map((one, n) => (
        <span key={one.name}>
          <Swatch id={id} kind={kind} n={n} /> {one.name} <strong>{valueOf(one, at, format)}</strong>
        </span>
      ))}
    </div>
  );
}

/** To assistive technology it is a slider over the points: the one pattern whose arrows every screen reader passes on. */
function Chooser({
  title,
  points,
  series,
  format,
  at,
  onChoose,
  children,
}: Chosen & { onChoose(at: number | undefined): void; children: (width: number) => ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const last = points.length - 1;
  const current = at ?? last;
  const values = series.map((one) => `${one.name} ${valueOf(one, current, format)}`).join(', ');
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    const edges: Record<string, number> = { Home: 0, End: last };
    const step = steps[event.key];
    const next = step === undefined ? edges[event.key] : current + step;
    if (next === undefined) return;
    event.preventDefault();
    onChoose(Math.min(last, Math.max(0, next)));
  };
  const onPointer = (event: PointerEvent): void => {
    const x = event.clientX - box.current!.getBoundingClientRect().left - MARGIN.left;
    const share = x / (width - MARGIN.left - MARGIN.right);
    onChoose(share < 0 || share >= 1 ? undefined : Math.floor(share * points.length));
  };
  return (
    <div
      class="plot"
      ref={box}
      role="slider"
      tabIndex={0}
      aria-label={title}
      aria-valuemin={0}
      aria-valuemax={Math.max(last, 0)}
      aria-valuenow={current}
      aria-valuetext={`${points[current]?.full ?? ''}: ${values}`}
      onKeyDown={onKeyDown}
      onFocus={() => onChoose(current)}
      onBlur={() => onChoose(undefined)}
      onPointerMove={onPointer}
      onPointerDown={onPointer}
      onPointerLeave={() => onChoose(undefined)}
    >
      {width === 0 ? null : children(width)}
    </div>
  );
}

function useWidth(box: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return width;
}

function Drawing({ id, kind, points, series, format, ticksOf, at, width }: Chosen & { id: string; width: number }) {
  const values = series.map((one) => one.values);
  const ticks = ticksOf(highest(kind, values));
  const plot: Plot = {
    width: Math.max(1, width - MARGIN.left - MARGIN.right),
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
    top: ticks.at(-1)!,
  };
  const every = labelEvery(points.length, plot.width, LABEL_WIDTH);
  const band = plot.width / points.length;
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true" class="drawing">
      {kind === 'bars' ? <Patterns id={id} /> : null}
      <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
        {at === undefined ? null : <rect class="chosen" x={at * band} width={band} height={plot.height} />}
        {ticks.map((tick) => {
          const y = plot.height - (tick / plot.top) * plot.height;
          return (
            <g key={tick}>
              <path class="grid" d={`M0 ${y}H${plot.width}`} />
              <text x={-8} y={y + 4} text-anchor="end">
                {format(tick)}
              </text>
            </g>
          );
        })}
        {points.map(({ short }, n) =>
          n % every === 0 ? (
            <text key={n} x={xOf(plot, n, points.length)} y={plot.height + 18} text-anchor="middle">
              {short}
            </text>
          ) : null,
        )}
        {kind === 'bars' ? <StackedBars id={id} plot={plot} series={values} /> : <Lines plot={plot} series={values} />}
      </g>
    </svg>
  );
}

function highest(kind: 'bars' | 'lines', series: (number | null)[][]): number {
  if (kind === 'lines') return Math.max(0, ...series.flat().map((value) => value ?? 0));
  const sums = (series[0] ?? []).map((_, at) => series.reduce((sum, values) => sum + (values[at] ?? 0), 0));
  return Math.max(0, ...sums);
}

function Figures({ title, points, series, format }: TimeChartProps) {
  return (
    <details>
      <summary>{t('table')}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('table_of', { title })}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('point')}</th>
              {series.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.map(({ full }, at) => (
              <tr key={at}>
                <th scope="row">{full}</th>
                {series.map((one) => (
                  <td key={one.name} class="number">
                    {valueOf(one, at, format)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
