import { z } from 'zod';

/**
 * An e-mail address as mail servers take it (RFC 5321, 4.5.3.1): 64 characters before the `@`, 63 in each part of the
 * domain, 254 in all.
 */
export const emailAddress = z
  .email({
    pattern:
      /^(?!\.)(?!.*\.\.)(?=[^@]{1,64}@)[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/,
  })
  .max(254);
