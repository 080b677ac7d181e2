/** What a stage gives back: written as it is to `results/<stage>.json`, below what `machine.ts` knows. */
export type Json = { [key: string]: JsonValue };
type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** What a stage works with. Each stage has a process and servers of its own, so that none slows the next one down. */
export interface Context {
  /** A PostgreSQL with real fsync, its database empty. */
  postgresUrl: string;
  /** host:port of a Temporal server that has Baton's search attributes. */
  temporalAddress: string;
  namespace: string;
  /** `dev server` or `cluster`. */
  temporalKind: string;
  /** Empty; gone after the stage. */
  folder: string;
  /** A quick look while something is built: fewer rounds, figures that say little. */
  short: boolean;
  /** What a stage started is ended in reverse order, also when it fails. */
  later(close: () => Promise<unknown>): void;
  say(line: string): void;
}

/** A file of a stage exports this as `stage`. It throws when a message was lost, doubled or out of order. */
export type Stage = (context: Context) => Promise<Json>;

/**
 * A picture of a stage's figures, as data: those in `plots` of its JSON are drawn to `results/<name>.svg`. `bars` has
 * words along the axis, `lines` numbers.
 */
export type Plot = {
  name: string;
  title: string;
  kind: 'bars' | 'lines';
  /** Of the values, for example `ms`. */
  unit: string;
  /** What `xs` are; above all for lines. */
  x?: string;
  xs: (string | number)[];
  /** The values' axis counts in powers of ten. */
  log?: boolean;
  series: { name: string; values: (number | null)[] }[];
};
