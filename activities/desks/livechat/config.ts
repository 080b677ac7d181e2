import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';

const id = (max = 100) => z.string().trim().min(1).max(max);

export const livechatConfig = z.strictObject({
  organizationId: id().meta({
    title: 'Organization ID',
    description: 'Developer Console, Settings, Account.',
    placeholder: '0b6f2c1e-1111-4222-8333-944455556666',
  }),
  clientId: id().meta({
    title: 'Client ID',
    description: "Of your app's block App Authorization, type server-side app.",
    placeholder: '9f8e7d6c5b4a39281706f5e4d3c2b1a0',
  }),
  secretKey: z.string().min(8).max(500).meta({
    title: 'Webhook secret key',
    description:
      'A long random text that you choose. Every chat webhook must carry it; what comes with another one is refused.',
    secret: true,
  }),
  groupId: z
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .exactOptional()
    .meta({
      title: 'Group of the humans',
      description: 'Number of the group that gets the handoffs. Native mode needs it; otherwise all agents get them.',
      requiredIn: ['native'],
    }),
  accountId: id()
    .exactOptional()
    .meta({
      title: 'Account ID',
      description: 'Shown with the personal access token. In external mode only to make the webhooks for you.',
      requiredIn: ['native'],
    }),
  token: z
    .string()
    .min(1)
    .max(1024)
    .exactOptional()
    .meta({
      title: 'Personal access token',
      description:
        'Made by the account of the agent seat, all scopes. In external mode only to make the webhooks for you.',
      secret: true,
      requiredIn: ['native'],
    }),
  agentEmail: id(320)
    .exactOptional()
    .meta({
      title: 'Agent e-mail',
      description: 'Login of the human seat that the bot takes over. Leave it empty in external mode.',
      placeholder: 'ai@example.com',
      requiredIn: ['native'],
    }),
  clientSecret: z
    .string()
    .min(1)
    .max(1024)
    .exactOptional()
    .meta({
      title: 'Client secret',
      description: "Of the same app. Kept with the app's other values; no call of this version sends it.",
      secret: true,
      requiredIn: ['native'],
    }),
  baseUrl: baseAddress.exactOptional().meta({
    title: 'Sandbox address',
    description: 'Instead of the addresses of LiveChat: accounts are called at /accounts below it, all APIs at /api.',
  }),
});

export type LivechatConfig = z.output<typeof livechatConfig>;

/** Base addresses without a slash at the end. */
export function addressesOf({ baseUrl }: LivechatConfig): { accounts: string; api: string } {
  if (baseUrl === undefined) return { accounts: 'https://accounts.livechat.com', api: 'https://api.livechatinc.com' };
  const base = baseUrl.replace(/\/+$/, '');
  return { accounts: `${base}/accounts`, api: `${base}/api` };
}
