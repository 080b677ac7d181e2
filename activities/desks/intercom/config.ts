import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';
import type { DeskContext } from '../desk.ts';

/** Section 2.1 of Intercom's API description. */
export const REGIONS = {
  us: 'https://api.intercom.io',
  eu: 'https://api.eu.intercom.io',
  au: 'https://api.au.intercom.io',
} as const;

/** What goes into a header or a key: one printable word. */
const word = z.string().regex(/^[\x21-\x7e]+$/, 'must be without spaces');
const number = z.string().regex(/^[1-9]\d{0,19}$/, 'must be a number');

export const intercomConfig = z.strictObject({
  accessToken: word.max(1024).meta({
    title: 'Access token',
    description: 'Of your app in the Developer Hub: Configure, Authentication.',
    secret: true,
  }),
  clientSecret: word.max(1024).meta({
    title: 'Client secret',
    description: 'Of the same app: Configure, Basic information. It proves that webhooks come from Intercom.',
    secret: true,
  }),
  region: z.enum(['us', 'eu', 'au']).default('us').meta({
    title: 'Region',
    description: 'Where the data of your workspace is hosted.',
  }),
  adminId: number.exactOptional().meta({
    title: 'Teammate of the bot',
    description:
      'Id of a teammate that no human uses. Notes are written and conversations closed in its name; what it writes is never sent to a user.',
    placeholder: '7001000',
    requiredIn: ['native'],
  }),
  teamId: number.exactOptional().meta({
    title: 'Team',
    description:
      'Id of the team inbox that gets the handoffs. Without it the assignment rules of the workspace decide.',
    placeholder: '5510021',
    requiredIn: ['native'],
  }),
  baseUrl: baseAddress
    .exactOptional()
    .meta({ title: 'Address', description: 'Only for a sandbox: called instead of Intercom.' }),
});

export type IntercomConfig = z.output<typeof intercomConfig>;
export type Context = DeskContext<IntercomConfig>;
