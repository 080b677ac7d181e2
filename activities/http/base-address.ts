import { z } from 'zod';

const isBase = (value: string): boolean => {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !/[?#]/.test(value);
};

/** A setting: the address below which a desk's API is called. */
export const baseAddress = z
  .string()
  .max(2048)
  .refine(isBase, 'must be an http(s) address without user name, password, query and fragment');
