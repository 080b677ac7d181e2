import { ChartCard } from './chart.tsx';
import { Empty } from './notes.tsx';

export interface Row {
  key: string;
  name: string;
  value: number;
  /** More about it, beside the value. */
  more?: string;
}

/** Horizontal bars in a table, each with its name and value: chart and figures are one. */
export function RowChart(props: {
  title: string;
  /** Heads of the two columns. */
  what: string;
  count: string;
  rows: Row[];
  format(value: number): string;
  /** Said instead when there is no row. */
  empty: string;
}) {
  const most = Math.max(1, ...props.rows.map(({ value }) => value));
  return (
    <ChartCard title={props.title}>
      {props.rows.length === 0 ? (
        <Empty>{props.empty}</Empty>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{props.what}</th>
              <th scope="col" class="number">
                {props.count}
              </th>
            </tr>
          </thead>
          <tbody>
            {props.rows.map(({ key, name, value, more }) => (
              <tr key={key}>
                <th scope="row">
                  {name}
                  <svg width="100%" height="10" aria-hidden="true">
                    <rect class="track" width="100%" height="10" rx="3" />
                    <rect class="series-0" width={`${(value / most) * 100}%`} height="10" rx="3" />
                  </svg>
                </th>
                <td class="number">
                  <strong>{props.format(value)}</strong>
                  {more ? <span class="hint"> {more}</span> : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </ChartCard>
  );
}
