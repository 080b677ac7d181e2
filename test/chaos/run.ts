import { parseArgs } from 'node:util';
import { chaos, type ChaosOptions } from './chaos.ts';
import { SHORT } from './seeds.ts';

/**
 * `npm run test:chaos -- --seed N --minutes M --handoffs H`: ends by itself; exit code 1 when the ledger is not even.
 * `--short`: the run that is part of `npm test`.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    handoffs: { type: 'string', default: '300' },
    each: { type: 'string', default: '2' },
    short: { type: 'boolean', default: false },
  },
});
const number = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} is a number above 0.`);
  return value;
};
const seed = values.seed === undefined ? Math.floor(Math.random() * 0x7fff_ffff) : Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number.');
const minutes = number('minutes', values.minutes);
const handoffs = number('handoffs', values.handoffs);
const again = values.short ? '--short' : `--minutes ${minutes} --handoffs ${handoffs}`;
console.log(`chaos: seed ${seed} (npm run test:chaos -- --seed ${seed} ${again} repeats it)`);

const long: Omit<ChaosOptions, 'seed' | 'log'> = {
  seconds: minutes * 60,
  handoffs,
  each: number('each', values.each),
  // About 20 messages a second, however many talk.
  pauseMs: Math.max(300, handoffs * 100),
  length: 10,
  outageMs: 12_000,
  calmMs: 8_000,
};
const { problems, figures } = await chaos({ ...(values.short ? SHORT : long), seed, log: console.log });
for (const problem of problems) console.error(problem);
const count = (word: string): number => problems.filter((problem) => problem.includes(word)).length;
const others = problems.filter((problem) => !/lost|doubled|out of order/.test(problem)).length;
console.log(
  `chaos: seed ${seed}: ${figures['handoffs']} handoffs, lost ${count('lost')}, doubled ${count('doubled')}, ` +
    `out of order ${count('out of order')}, not explained ${others}`,
);
process.exit(problems.length === 0 ? 0 : 1);
