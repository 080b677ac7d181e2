import { z } from 'zod';
import { clientId, nextCursor, timestamp } from './common.ts';

export const botParams = z.object({ botId: z.string().max(200) });

/** Ids of bots appear in addresses and search attributes: short and plain. */
export const newBotId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, tildes, dashes or underscores');

export const service = z
  .object({
    state: z.enum(['not_configured', 'available', 'unavailable']),
    why: z.string().optional(),
    since: timestamp.nullable(),
  })
  .meta({ id: 'Service', description: 'Whether the desk accepts the credentials.' });

const guide = z
  .object({
    where: z.string().describe('Where to click at the desk.'),
    topics: z.array(z.string()).readonly().describe("The desk's own names of the events to choose."),
  })
  .meta({ id: 'WebhookGuide', description: 'What to do at the desk so that it calls Baton.' });

const ofDesk = {
  service,
  webhookUrl: z
    .string()
    .nullable()
    .describe('What to enter at the desk, for desks that call `/webhooks/…`. Keep it to yourself.'),
  webhookGuide: guide.nullable().describe('null where the desk has no webhooks.'),
};

export const bot = z
  .object({
    id: z.string(),
    settings: z.record(z.string(), z.unknown()).describe('As `BotSettings`; secrets read back as `"set"`.'),
    ...ofDesk,
    secondDesk: z.object(ofDesk).nullable().describe('The same of the second desk; null without one.'),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Bot' });

export const botPage = z.object({ bots: z.array(bot), nextCursor }).meta({ id: 'BotPage' });

const period = z.object({ from: z.string(), to: z.string() });

export const botStatus = z
  .object({
    service: z.enum(['not_configured', 'available', 'unavailable']),
    why: z.string().optional(),
    since: timestamp.nullable(),
    enabled: z.boolean(),
    open: z.boolean().describe('Whether the hours are open now.'),
    periods: z.array(period).describe("Today's effective periods in the zone of the hours, half-open."),
    timezone: z.string().nullable(),
    nextOpening: timestamp.nullable().describe('null while open, or when no period lies ahead.'),
    secondDesk: service.nullable().describe('The second desk; null without one.'),
    callback: z
      .object({
        failingSince: timestamp.nullable(),
        lastError: z.string().nullable(),
        lastSuccessAt: timestamp.nullable(),
      })
      .nullable()
      .describe('null without a callback.'),
  })
  .meta({ id: 'BotStatus' });

const field = z.string().optional().describe("The field of the desk's settings that is to blame.");

export const verified = z
  .object({
    ok: z.boolean(),
    detail: z.string().describe('What answered, or what is wrong.'),
    field,
    warnings: z.array(z.string()).optional().describe('What works but had better be changed.'),
    service,
  })
  .meta({ id: 'Verified' });

export const subscription = z
  .object({
    subscribed: z.boolean().describe('Whether Baton has made the webhooks at the desk.'),
    detail: z.string().describe('What was made, or why not.'),
    field,
    webhookUrl: z.string().describe('The address that the desk has to call. Keep it to yourself.'),
    guide,
  })
  .meta({ id: 'Subscription' });

export const consentBegun = z
  .object({
    url: z.string().describe("The desk's page, for the browser of somebody who may allow it. Keep it to yourself."),
    redirectUri: z.string().describe('Where the desk sends the browser back: to be registered at the desk as it is.'),
    expiresAt: timestamp.describe('Until when the browser has to be back.'),
  })
  .meta({ id: 'Consent' });

const toolSchema = z.record(z.string(), z.unknown());

export const tool = z
  .object({
    openai: z.object({
      type: z.literal('function'),
      function: z.object({ name: z.string(), description: z.string(), parameters: toolSchema }),
    }),
    anthropic: z.object({ name: z.string(), description: z.string(), input_schema: toolSchema }),
    mcp: z.object({ name: z.string(), title: z.string(), description: z.string(), inputSchema: toolSchema }),
  })
  .meta({ id: 'Tool', description: 'The tool definition for the model, with the trigger text in it.' });

export const keyRequest = z
  .strictObject({ label: clientId(100).optional() })
  .default({})
  .meta({ id: 'NewKey', examples: [{ label: 'production' }] });

export const newKey = z
  .object({ id: z.string(), key: z.string().describe('Shown this once; only a hash is stored.') })
  .meta({ id: 'Key' });

export const keyList = z
  .object({
    keys: z.array(
      z.object({
        id: z.string(),
        label: z.string().nullable(),
        createdAt: timestamp,
        lastUsedAt: timestamp.nullable(),
      }),
    ),
  })
  .meta({ id: 'KeyList' });
