/** Times as long as the shorter text. A square would be 64 times the work. */
const LONGER = 8;
const MOST = 24;
/** Below this nothing can be measured, milliseconds. */
const LEAST_MS = 25;
const TRIES = 3;

/**
 * How the work for a text grows with its length, told by the processor's time of this process and not by the clock, which
 * other processes slow down. `unit` is repeated to `length` characters, and to eight times as many. Gives `linear`, or what was measured.
 */
export function growth(unit: string, length: number, work: (text: string) => unknown): string {
  const cpuMs = (characters: number): number => {
    const text = unit.repeat(Math.ceil(characters / unit.length));
    const start = process.cpuUsage();
    work(text);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  };
  // To warm up, so that what is compiled on the way is not counted.
  cpuMs(length);
  let seen = '';
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [short, long] = [cpuMs(length), cpuMs(length * LONGER)];
    if (long < Math.max(short, LEAST_MS) * MOST) return 'linear';
    seen = `${short} ms for ${length} characters, ${long} ms for ${LONGER} times as many`;
  }
  return seen;
}
