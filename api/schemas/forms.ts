import { z } from 'zod';
import { hoursRequestSchema } from '../../activities/settings.ts';
import { mode, timestamp } from './common.ts';

const configField = z
  .object({
    name: z.string(),
    title: z.string(),
    description: z.string(),
    secret: z.boolean().describe('Write-only: reads back as `"set"`.'),
    required: z.boolean(),
    type: z.enum(['text', 'number', 'boolean']),
    requiredIn: z.array(mode).optional().describe('Modes in which an optional field is needed all the same.'),
    choices: z.array(z.string()).optional().describe('The only values it takes.'),
    mayBeEmpty: z.boolean().optional().describe('An empty text is a value of its own, not the same as none.'),
    placeholder: z.string().optional(),
  })
  .meta({ id: 'ConfigField', description: "One field of a bot's `desk`." });

const desk = z
  .object({
    id: z.string().describe('`desk.kind` in the settings of a bot.'),
    title: z.string(),
    docs: z.string().describe('Where the desk documents its API.'),
    modes: z.array(mode).readonly(),
    capabilities: z.object({
      files: z.boolean().describe('Files travel as files, otherwise as links.'),
      closeFromOurSide: z.boolean(),
      keepsMessages: z.boolean().describe('Whether a user may leave a message for agents to answer later.'),
      echoesOwnMessages: z.boolean(),
      lookup: z.boolean().describe('The desk can be asked whether a message has arrived.'),
      reportsForeign: z.boolean().describe('Its webhooks tell of conversations that are not ours as well.'),
      signsWebhooks: z.enum(['hmac', 'rsa', 'shared-secret', 'none']),
    }),
    limits: z.object({
      textMax: z.number().describe('UTF-8 bytes of one message; longer ones are split.'),
      requestsPerSecond: z.number(),
      retryHeader: z.string().optional(),
    }),
    consent: z.boolean().describe('A human allows Baton in his browser: `POST /v1/bots/{botId}/consent`.'),
    subscribes: z.boolean().describe('Baton makes the webhooks by itself: `POST /v1/bots/{botId}/subscription`.'),
    fields: z.array(configField),
  })
  .meta({ id: 'Desk' });

export const deskList = z.object({ desks: z.array(desk) }).meta({ id: 'DeskList' });

export const hoursRequest = hoursRequestSchema.meta({
  id: 'HoursRequest',
  examples: [
    {
      hours: {
        timezone: 'Europe/Paris',
        periods: [{ kind: 'weekly', days: [1, 2, 3, 4, 5], from: '09:00', to: '18:00' }],
      },
    },
  ],
});

const period = z.object({ from: z.string(), to: z.string() });

export const hoursPreview = z
  .object({
    open: z.boolean().describe('Now.'),
    nextOpening: timestamp.nullable().describe('null while open, or when no period lies ahead.'),
    nextClosing: timestamp.nullable().describe('null while closed, or when they never close.'),
    days: z
      .array(
        z.object({
          date: z.string().describe('YYYY-MM-DD in the zone of the hours.'),
          weekday: z.int().min(1).max(7).describe('1 = Monday.'),
          periods: z.array(period).describe('Effective ones: merged, in order, half-open.'),
        }),
      )
      .describe('Seven days from today.'),
  })
  .meta({ id: 'HoursPreview' });

export const textList = z
  .object({
    languages: z.array(z.string()).describe('Of the built-in sentences.'),
    keys: z.array(z.object({ key: z.string(), description: z.string().describe('When the user reads it.') })),
    texts: z.record(z.string(), z.record(z.string(), z.string())).describe('By language and key.'),
  })
  .meta({ id: 'TextList', description: 'What users read unless the bot has own `texts`.' });
