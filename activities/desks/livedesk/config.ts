import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';
import type { DeskContext } from '../desk.ts';

const DEFAULT_BASE = 'https://livedesk-api.engagelab.com';

/** What goes into a header: one printable word. */
const word = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be without spaces')
  .max(1024);
/** LiveDesk's tables say text, its examples number. */
const number = z.coerce.string().regex(/^[1-9]\d{0,14}$/, 'must be a number');

export const livedeskConfig = z.strictObject({
  apiKey: word
    .refine((value) => !value.includes(':'), 'must not contain a colon')
    .meta({
      title: 'API key',
      description: 'LiveDesk, Project Settings, API Management: the key of a data source of the type API.',
      secret: true,
    }),
  apiSecret: word.meta({ title: 'API secret', description: 'Shown beside the key.', secret: true }),
  inboxId: number.exactOptional().meta({
    title: 'Channel ID',
    description:
      'Project Settings, Channels, your channel, Settings. External mode needs the ID of an API channel. In native mode: only this channel; without it all channels that report to us.',
    placeholder: '611',
    requiredIn: ['external'],
  }),
  webhookToken: z
    .string()
    .regex(/^[\w-]{16,200}$/, 'must be 16 to 200 letters, digits, hyphens or underscores')
    .meta({
      title: 'Webhook token',
      description:
        'A long random text that you choose. Append it to our address in LiveDesk as ?token=…; what comes with another one is refused.',
      secret: true,
    }),
  webhookSecret: word.exactOptional().meta({
    title: 'Webhook secret',
    description: 'Only when EngageLab gives you one: then every webhook must be signed with it besides.',
    secret: true,
  }),
  accountId: number.exactOptional().meta({
    title: 'Project ID',
    description: 'As webhooks name it in account.id. When set, what comes from another project is dropped.',
    placeholder: '55',
  }),
  senderId: number.exactOptional().meta({
    title: 'Sender ID of the API key',
    description:
      'Only when the log says that LiveDesk does not keep our marks: what this sender writes is taken as our own and never sent to a user.',
    placeholder: '12',
  }),
  customerDirection: z.enum(['incoming', 'prefix']).default('incoming').meta({
    title: "The user's messages",
    description:
      "incoming: as the contact's own, which LiveDesk has not published for its API. prefix: as messages of an agent that begin with [Customer].",
  }),
  baseUrl: baseAddress.exactOptional().meta({
    title: 'Address',
    description: 'Called instead of the data centre in Singapore: another region, or a sandbox.',
  }),
});

export type LivedeskConfig = z.output<typeof livedeskConfig>;
export type Context = DeskContext<LivedeskConfig>;

/** Without a slash at the end. */
export const baseOf = ({ baseUrl }: LivedeskConfig): string => (baseUrl ?? DEFAULT_BASE).replace(/\/+$/, '');
