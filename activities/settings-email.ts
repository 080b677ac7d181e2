import { z } from 'zod';

/** Without look-ahead, which not every reader of our OpenAPI document knows. */
const ADDRESS =
  /^(?:[A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;

/**
 * An e-mail address as mail servers take it (RFC 5321, 4.5.3.1): 64 characters before the `@`, 63 in each part of the
 * domain, 254 in all.
 */
export const emailAddress = z
  .email({ pattern: ADDRESS })
  .max(254)
  .refine((address) => address.lastIndexOf('@') <= 64, 'must have at most 64 characters before the @');
