import { z } from 'zod';
import { baseAddress } from '../../http/base-address.ts';
import { isWebhookSecret } from '../../http/sign.ts';

export const webhookConfig = z.strictObject({
  url: baseAddress.meta({
    title: 'Address',
    description:
      'Base address of your service. Baton calls conversation/establish, chat and conversation/close below it.',
    placeholder: 'https://desk.example.com/human/service',
  }),
  username: z
    .string()
    .min(1)
    .max(255)
    .refine((value) => !value.includes(':'), 'must not contain a colon')
    .exactOptional()
    .meta({
      title: 'User name',
      description: 'For HTTP Basic authentication of our calls, when your service asks for it.',
    }),
  password: z.string().min(1).max(1024).exactOptional().meta({
    title: 'Password',
    description: 'For HTTP Basic authentication of our calls, when your service asks for it.',
    secret: true,
  }),
  secret: z
    .string()
    .refine(isWebhookSecret, 'must be whsec_ followed by base64 of 16 to 64 bytes')
    .exactOptional()
    .meta({
      title: 'Signing secret',
      description: 'When set, every call carries a Standard Webhooks signature that your service can check.',
      placeholder: 'whsec_…',
      secret: true,
    }),
});

export type WebhookConfig = z.output<typeof webhookConfig>;
