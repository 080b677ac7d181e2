import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';
import { readKeys } from './signature.ts';

/**
 * Data centres (note, section 2). `accounts` has the OAuth server, `salesiq` the API. Hosts of `sa` and `uk` besides the
 * accounts server follow the rule of the others.
 */
export const REGIONS = {
  us: { accounts: 'https://accounts.zoho.com', salesiq: 'https://salesiq.zoho.com' },
  eu: { accounts: 'https://accounts.zoho.eu', salesiq: 'https://salesiq.zoho.eu' },
  in: { accounts: 'https://accounts.zoho.in', salesiq: 'https://salesiq.zoho.in' },
  au: { accounts: 'https://accounts.zoho.com.au', salesiq: 'https://salesiq.zoho.com.au' },
  cn: { accounts: 'https://accounts.zoho.com.cn', salesiq: 'https://salesiq.zoho.com.cn' },
  jp: { accounts: 'https://accounts.zoho.jp', salesiq: 'https://salesiq.zoho.jp' },
  ca: { accounts: 'https://accounts.zohocloud.ca', salesiq: 'https://salesiq.zohocloud.ca' },
  sa: { accounts: 'https://accounts.zoho.sa', salesiq: 'https://salesiq.zoho.sa' },
  uk: { accounts: 'https://accounts.zoho.uk', salesiq: 'https://salesiq.zoho.uk' },
} as const;

export type Region = keyof typeof REGIONS;
const REGION_NAMES = Object.keys(REGIONS) as [Region, ...Region[]];

/** Of a whole console address the first segment of its path; everything else as it is. */
const screenNameOf = (value: string): string => {
  const path = /^https?:\/\/[^/?#]+\/+([^/?#]+)/i.exec(value.trim());
  return path?.[1] ?? value.trim();
};

const isKeys = (value: string): boolean => {
  try {
    return readKeys(value).length > 0;
  } catch {
    return false;
  }
};

const sentence = (text: string) => z.string().trim().max(500).default(text);

export const zohoConfig = z.strictObject({
  clientId: z.string().trim().min(1).max(200).meta({
    title: 'Client ID',
    description: 'Of the client in the API console of your region. External mode needs one of the type ORG.',
    placeholder: '1000.AB12CD34EF56GH78IJ90KL12MN34OP',
  }),
  clientSecret: z.string().trim().min(1).max(500).meta({
    title: 'Client Secret',
    description: 'Shown with the client ID.',
    secret: true,
  }),
  screenName: z
    .string()
    .max(500)
    .overwrite(screenNameOf)
    .regex(/^[\w.-]{1,100}$/, 'must be the first part of the path behind the host of the SalesIQ console')
    .meta({
      title: 'Screen name',
      description:
        'First part of the path of your SalesIQ console: "acme" in https://salesiq.zoho.com/acme/. The whole address may be pasted.',
      placeholder: 'acme',
    }),
  region: z.enum(REGION_NAMES).meta({
    title: 'Server region',
    description: 'The data centre of your account, as the end of its address says: zoho.com is us, zoho.eu is eu.',
  }),
  departmentId: z
    .string()
    .trim()
    .regex(/^\d{1,30}$/, 'must be the number of a department')
    .meta({
      title: 'Department ID',
      description:
        'The department that gets the handoffs: Settings, Departments, the number in its address. The check lists all.',
      placeholder: '510000000002013',
    }),
  publicKey: z
    .string()
    .trim()
    .max(20_000)
    .refine(isKeys, 'must be an RSA public key (PEM or Base64), or several')
    .exactOptional()
    .meta({
      title: 'Public key',
      description:
        'Of the webhook (and of the Zobot), needed as soon as "Secure your webhook" is on. Several may stand one below the other, with an empty line between.',
      placeholder: '-----BEGIN PUBLIC KEY-----',
    }),
  appId: z
    .string()
    .trim()
    .regex(/^\d{1,30}$/, 'must be the number of a brand')
    .exactOptional()
    .meta({
      title: 'Brand ID',
      description: 'Settings, Brands, the number in its address. Without it the first brand that is switched on.',
    }),
  fileNotice: sentence('[The agent has sent a file that cannot be shown here.]').meta({
    title: 'Notice for a file from an agent',
    description: 'Files from Zoho do not arrive. This stands in their place; empty: nothing.',
  }),
  lateAnswers: z.enum(['later', 'apology']).default('later').meta({
    title: 'When the bot needs too long',
    description:
      'Native mode, after four seconds. "later": Zoho waits for the bot, which answers by Zoho\'s callback. "apology": the text below at once.',
  }),
  apology: sentence('Sorry, I need a moment. Please write again.').meta({
    title: 'Apology',
    description: 'Native mode: what Zoho shows when the bot has said nothing in time.',
  }),
  nobodyText: sentence('Sorry, nobody can take over the chat right now.').meta({
    title: 'Nobody is there',
    description:
      'Native mode: what Zoho shows when it could not forward the chat and the bot has said nothing in time.',
  }),
  baseUrl: baseAddress.exactOptional().meta({
    title: 'Sandbox address',
    description: 'Instead of the addresses of Zoho: accounts are called at /accounts below it, SalesIQ at /api.',
  }),
});

export type ZohoConfig = z.output<typeof zohoConfig>;

/** Base addresses without a slash at the end. */
export function addressesOf({ baseUrl, region }: ZohoConfig): { accounts: string; api: string } {
  const { accounts, salesiq } = REGIONS[region];
  if (baseUrl === undefined) return { accounts, api: `${salesiq}/api` };
  const base = baseUrl.replace(/\/+$/, '');
  return { accounts: `${base}/accounts`, api: `${base}/api` };
}
