import { expect, it } from 'vitest';
import { emailAddress } from '../../activities/settings-email.ts';

const domain = (length: number): string => `${'d'.repeat(length)}.example`;

it.each(['lea@example.com', "o'neil+baton@mail.example.co", `${'a'.repeat(64)}@example.com`, `lea@${domain(63)}`])(
  'takes %s',
  (address) => expect(emailAddress.safeParse(address).success).toBe(true),
);

it.each([
  ['no @', 'lea.example.com'],
  ['two dots together', 'le..a@example.com'],
  ['65 characters before the @', `${'a'.repeat(65)}@example.com`],
  ['a part of the domain with 64 characters', `lea@${domain(64)}`],
  ['a part of the domain that ends with a hyphen', 'lea@example-.com'],
  ['255 characters', `lea@${`${'d'.repeat(61)}.`.repeat(4)}com`],
  ['a line behind it', 'lea@example.com\n'],
])('refuses %s', (_, address) => expect(emailAddress.safeParse(address).success).toBe(false));
