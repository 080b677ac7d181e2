import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** A variable that must pass `check`, which gives what is wrong with it. */
export const checked = (check: (value: string) => string | undefined) =>
  z.string().superRefine((value, context) => {
    const problem = check(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

export const wholeNumber = (min: number, max: number) =>
  checked((value) =>
    /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`,
  ).transform(Number);

/** Networks such as 10.0.0.0/8, separated by commas. */
export const cidrList = checked((value) => {
  const wrong = splitList(value).filter((block) => !ipaddr.isValidCIDR(block));
  return wrong.length > 0
    ? `must be networks such as 10.0.0.0/8, separated by commas; not one: ${wrong.join(', ')}`
    : undefined;
}).transform(splitList);

export const toggle = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
