/** What one series looks like: the pattern and the shape say the same as the colour. */
export interface Plot {
  /** Pixels of the drawing area. */
  width: number;
  height: number;
  /** Value at the upper edge. */
  top: number;
}

type Values = readonly (number | null)[];

const BAR_SHARE = 0.72;
const WIDEST_BAR = 48;

const yOf = ({ height, top }: Plot, value: number): number => height - (value / top) * height;

/** The middle of a point's band. */
export const xOf = ({ width }: Plot, at: number, count: number): number => ((at + 0.5) * width) / count;

/** Fills of bars: full, stripes, dots. To be referred to as `url(#<id>-<n>)`. */
export function Patterns({ id }: { id: string }) {
  return (
    <defs>
      <pattern id={`${id}-1`} patternUnits="userSpaceOnUse" width="6" height="6" patternTransform="rotate(45)">
        <rect width="6" height="6" class="pale-1" />
        <rect width="3" height="6" class="fill-1" />
      </pattern>
      <pattern id={`${id}-2`} patternUnits="userSpaceOnUse" width="5" height="5">
        <rect width="5" height="5" class="pale-2" />
        <circle cx="2.5" cy="2.5" r="1.25" class="fill-2" />
      </pattern>
    </defs>
  );
}

/** `undefined`: the class alone fills it. */
const fillOf = (id: string, n: number): string | undefined => (n === 0 ? undefined : `url(#${id}-${n})`);

export function StackedBars({ id, plot, series }: { id: string; plot: Plot; series: readonly Values[] }) {
  const count = series[0]?.length ?? 0;
  const width = Math.min(WIDEST_BAR, (plot.width / count) * BAR_SHARE);
  return (
    <g>
      {Array.from({ length: count }, (_, at) => {
        let below = 0;
        return series.map((values, n) => {
          const value = values[at] ?? 0;
          if (value === 0) return null;
          below += value;
          return (
            <rect
              key={`${at}-${n}`}
              class={`bar series-${n}`}
              fill={fillOf(id, n)}
              x={xOf(plot, at, count) - width / 2}
              y={yOf(plot, below)}
              width={width}
              height={(value / plot.top) * plot.height}
            />
          );
        });
      })}
    </g>
  );
}

/** A point without a value interrupts the line. */
export function Lines({ plot, series }: { plot: Plot; series: readonly Values[] }) {
  return (
    <g>
      {series.map((values, n) => (
        <g key={n} class={`line-${n}`}>
          <path d={pathOf(plot, values)} />
          {values.map((value, at) =>
            value === null ? null : <Marker key={at} n={n} x={xOf(plot, at, values.length)} y={yOf(plot, value)} />,
          )}
        </g>
      ))}
    </g>
  );
}

function pathOf(plot: Plot, values: Values): string {
  let drawing = false;
  return values
    .map((value, at) => {
      if (value === null) {
        drawing = false;
        return '';
      }
      const step = `${drawing ? 'L' : 'M'}${xOf(plot, at, values.length).toFixed(1)} ${yOf(plot, value).toFixed(1)}`;
      drawing = true;
      return step;
    })
    .join('');
}

const Marker = ({ n, x, y }: { n: number; x: number; y: number }) =>
  n === 0 ? <circle cx={x} cy={y} r="3.5" /> : <rect x={x - 3.5} y={y - 3.5} width="7" height="7" />;

/** The sample in a legend. */
export function Swatch({ id, kind, n }: { id: string; kind: 'bars' | 'lines'; n: number }) {
  return (
    <svg class="swatch" width="24" height="14" aria-hidden="true">
      {kind === 'bars' ? (
        <rect class={`bar series-${n}`} fill={fillOf(id, n)} x="5" width="14" height="14" />
      ) : (
        <g class={`line-${n}`}>
          <path d="M0 7L24 7" />
          <Marker n={n} x={12} y={7} />
        </g>
      )}
    </svg>
  );
}
