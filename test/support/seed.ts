import { createHash } from 'node:crypto';

/**
 * The seed of a test with chance in it. Printed, and set again with BATON_TEST_SEED. A gate judges a change, not luck: with
 * `CI` each test has one of its own, always the same; a new one is for whoever can look into what it finds.
 */
export function testSeed(name: string): number {
  const given = process.env['BATON_TEST_SEED'];
  const seed = given ? Number(given) : process.env['CI'] === undefined ? newSeed() : seedOf(name);
  if (!Number.isSafeInteger(seed)) throw new Error(`BATON_TEST_SEED is not a whole number: ${given}`);
  console.log(`${name}: seed ${seed} (BATON_TEST_SEED=${seed} repeats it)`);
  return seed;
}

const newSeed = (): number => Math.floor(Math.random() * 0x7fff_ffff);
const seedOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32BE() >>> 1;

/** A small generator of numbers in [0, 1) (mulberry32): the same seed gives the same numbers. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
