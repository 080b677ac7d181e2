/** Values of a y axis: evenly apart from 0 up to at least `max`, four to six of them. */
export type TicksOf = (max: number) => number[];

const COUNTS = [1, 2, 5];
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const SECONDS = [1, 2, 5, 10, 15, 30, MINUTE, 120, 300, 600, 900, 1_800, HOUR, 7_200, 14_400, 21_600, 43_200, DAY];
const WANTED = 4;

/** Whole numbers: 1, 2, 5, 10, 20, 50 … apart. */
export const countTicks: TicksOf = (max) => {
  const least = Math.max(max, 1) / WANTED;
  const power = 10 ** Math.max(0, Math.floor(Math.log10(least)));
  const step = COUNTS.map((factor) => factor * power).find((one) => one >= least) ?? 10 * power;
  return upTo(max, step);
};

/** Seconds, minutes, hours and days that a clock has. */
export const secondTicks: TicksOf = (max) => {
  const least = Math.max(max, 1) / WANTED;
  return upTo(max, SECONDS.find((one) => one >= least) ?? Math.ceil(least / DAY) * DAY);
};

function upTo(max: number, step: number): number[] {
  const count = Math.max(1, Math.ceil(max / step));
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}

/** Every how many points an axis of `width` pixels has room for a label. */
export const labelEvery = (points: number, width: number, labelWidth: number): number =>
  Math.max(1, Math.ceil((points * labelWidth) / Math.max(width, 1)));
