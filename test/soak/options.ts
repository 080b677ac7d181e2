import { parseArgs } from 'node:util';

export interface Options {
  minutes: number;
  /** Messages a second, both ways together; `auto`: half of what a burst before the soak reaches. */
  rate: number | 'auto';
  seed: number;
  /** Handoffs that are open at the same time, besides the long ones. */
  open: number | undefined;
  /** Where the result goes. */
  out: string | undefined;
}

/** Of the command line. Throws a sentence for what it does not understand. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: 'auto' },
      seed: { type: 'string' },
      open: { type: 'string' },
      out: { type: 'string' },
    },
  });
  return {
    minutes: positive('minutes', values.minutes),
    rate: values.rate === 'auto' ? 'auto' : positive('rate', values.rate),
    seed: values.seed === undefined ? Math.floor(Math.random() * 0x7fff_ffff) : whole('seed', values.seed),
    open: values.open === undefined ? undefined : whole('open', values.open),
    out: values.out,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} must be a number above 0, and not "${text}".`);
  return value;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} must be a whole number, and not "${text}".`);
  return value;
}
