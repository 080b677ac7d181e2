import { IANAZone } from 'luxon';
import { z } from 'zod';
import { MODES } from '../workflows/contracts.ts';
import { isWebhookSecret } from './http/sign.ts';
import { emailAddress } from './settings-email.ts';
import { BUILT_IN_TEXTS, USER_TEXT_KEYS } from './text/languages.ts';

/** Written in English for the model; the bot's own language does not matter to it. */
const DEFAULT_TRIGGER =
  'Call this when the user asks for a human, when you have tried and cannot solve the problem, when the user is upset ' +
  'or repeats the same complaint, or when a person has to decide (refunds, complaints, exceptions, legal or safety ' +
  'matters). Do not call it for questions that you can answer yourself. Do not call it again while a handoff is open.';

/** Stands for the built-in sentence of the user's language, as long as it is not changed. */
export const DEFAULT_OUT_OF_HOURS_REPLY = BUILT_IN_TEXTS['en']?.out_of_hours ?? '';

const MAX_PERIODS = 10;
const TEXT_MAX = 2_000;
const SECRET_MAX = 1_024;

const seconds = z.int().min(5).max(86_400);

const startOfPeriod = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time from 00:00 to 23:59')
  .meta({ title: 'From', description: 'First minute of the period, HH:MM.' });
const endOfPeriod = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time from 00:01 to 24:00')
  .meta({ title: 'To', description: 'First minute after the period, HH:MM; 24:00 is the end of the day.' });

const fromBeforeTo = {
  path: ['to'],
  error: '`to` must be after `from`; for a period over midnight use two periods',
  // Also when another field of the period is wrong, so that one answer names all problems.
  when: ({ value }: { value: unknown }) =>
    startOfPeriod.safeParse((value as { from?: unknown })?.from).success &&
    endOfPeriod.safeParse((value as { to?: unknown })?.to).success,
};
const startsBeforeItEnds = ({ from, to }: { from: string; to: string }): boolean => from < to;

const weeklyPeriod = z
  .strictObject({
    kind: z.literal('weekly').meta({ title: 'Kind', description: 'Every week on the chosen days.' }),
    days: z
      .array(z.int().min(1).max(7))
      .min(1)
      .max(7)
      .refine((days) => new Set(days).size === days.length, 'must not name a day twice')
      .meta({ title: 'Days', description: 'Days of the week, 1 = Monday to 7 = Sunday.' }),
    from: startOfPeriod,
    to: endOfPeriod,
  })
  .refine(startsBeforeItEnds, fromBeforeTo)
  .meta({ title: 'Weekly period', description: 'A time range on some days of every week.' });

const datePeriod = z
  .strictObject({
    kind: z.literal('date').meta({ title: 'Kind', description: 'Once, on one date.' }),
    date: z.iso.date().meta({ title: 'Date', description: 'YYYY-MM-DD in the zone of the hours.' }),
    from: startOfPeriod,
    to: endOfPeriod,
  })
  .refine(startsBeforeItEnds, fromBeforeTo)
  .meta({ title: 'Period on a date', description: 'A time range on one date, in addition to the weekly ones.' });

/** An IANA name. `Intl` also takes offsets, which know no clock change. */
const isZone = (name: string): boolean => /^[A-Za-z]/.test(name) && IANAZone.isValidZone(name);

const hours = z
  .strictObject({
    timezone: z
      .string()
      .refine(isZone, 'must be an IANA time zone, for example Europe/Paris')
      .meta({ title: 'Time zone', description: 'IANA name, for example Europe/Paris. Periods follow its clock.' }),
    periods: z
      .array(z.discriminatedUnion('kind', [weeklyPeriod, datePeriod]))
      .max(MAX_PERIODS)
      .meta({
        title: 'Periods',
        description: 'At most 10. Overlapping and touching periods of a day count as one. None = always open.',
      }),
  })
  .meta({ title: 'Hours', description: 'When humans can be asked for.' });

/** Hours alone, to be looked at before they are saved. */
export const hoursRequestSchema = z.strictObject({ hours: hours.nullable() });

/** `http` and `https`, and nothing in the address that belongs into headers. */
const isCallable = (value: string): boolean => {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !value.includes('#');
};

const authMeta = { title: 'Authorization', description: 'Sent beside the signature, when your backend asks for it.' };

const callbackAuth = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('bearer').meta({ title: 'Type', description: 'Authorization: Bearer <token>.' }),
      token: z
        .string()
        .max(SECRET_MAX)
        .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
        .meta({ title: 'Token', description: 'The bearer token.', secret: true }),
    }),
    z.strictObject({
      type: z.literal('basic').meta({ title: 'Type', description: 'HTTP Basic.' }),
      username: z
        .string()
        .min(1)
        .max(255)
        .refine((value) => !value.includes(':'), 'must not contain a colon')
        .meta({ title: 'User name', description: 'User name for HTTP Basic.' }),
      password: z
        .string()
        .min(1)
        .max(SECRET_MAX)
        .meta({ title: 'Password', description: 'Password for HTTP Basic.', secret: true }),
    }),
  ])
  .meta(authMeta);

const callback = z
  .strictObject({
    url: z
      .string()
      .max(2048)
      .refine(isCallable, 'must be an http(s) address without user name, password and fragment')
      .meta({ title: 'Address', description: 'Gets every event of the bot by POST, in order per handoff.' }),
    secret: z.string().refine(isWebhookSecret, 'must be whsec_ followed by base64 of 16 to 64 bytes').meta({
      title: 'Signing secret',
      description: 'Signs every callback by the Standard Webhooks scheme. whsec_ and base64.',
      secret: true,
    }),
    auth: callbackAuth.exactOptional().meta(authMeta),
  })
  .meta({ title: 'Callback', description: 'Where the events of the bot go, besides the streams.' });

const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, 'must be a language, for example fr or pt-BR');

const deskChoice = z
  .looseObject({ kind: z.string().meta({ title: 'Kind', description: 'Id of the desk, for example webhook.' }) })
  .nullable()
  .default(null);

/** The whole of the settings; `desk` and `secondDesk` are checked further by the desk's own schema. */
export const botSettingsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .meta({ title: 'Enabled', description: 'Off: every request is refused; open handoffs go on.' }),
  mode: z.enum(MODES).default('external').meta({
    title: 'Mode',
    description:
      "external: users are on any channel but the desk's own messenger; native: users are in the desk's messenger.",
  }),
  desk: deskChoice.meta({ title: 'Desk', description: 'Which desk, and its own fields. Secrets read back as "set".' }),
  secondDesk: deskChoice.meta({
    title: 'Second desk',
    description:
      'Of another kind. Gets the request with all that the user has said when the wait time of `desk` is over, or it cannot be opened. External mode only.',
  }),
  trigger: z
    .string()
    .max(TEXT_MAX)
    .default(DEFAULT_TRIGGER)
    .meta({ title: 'Trigger', description: 'Tells the model when to call for a human. Part of the tool definition.' }),
  waitTimeoutSeconds: seconds.default(60).meta({
    title: 'Wait timeout',
    description: 'How long a user waits for a human, from the acceptance by the desk. Seconds, 5 to 86,400.',
  }),
  onWaitTimeout: z
    .enum(['ask', 'close'])
    .default('ask')
    .meta({ title: 'On wait timeout', description: 'ask: the user chooses to wait or to end; close: ends at once.' }),
  inactivityTimeoutSeconds: seconds.default(180).meta({
    title: 'Inactivity timeout',
    description:
      "Ends the handoff when the user has not answered for this long since the agent's last message. Seconds, 5 to 86,400.",
  }),
  agentSilenceTimeoutSeconds: seconds.nullable().default(null).meta({
    title: 'Agent silence timeout',
    description: 'Ends the handoff when the agent leaves the user without an answer for this long. null = never.',
  }),
  hours: hours
    .nullable()
    .default(null)
    .meta({ title: 'Hours', description: 'When humans can be asked for. null = always.' }),
  outOfHoursReply: z.string().max(TEXT_MAX).default(DEFAULT_OUT_OF_HOURS_REPLY).meta({
    title: 'Out-of-hours reply',
    description:
      "Answer to a request outside the hours. Unchanged, it is said in the user's language; `texts` go before it.",
  }),
  leaveMessage: z.boolean().default(false).meta({
    title: 'Leave a message',
    description:
      "Out of hours, and when nobody has answered, the user may leave a message: agents find it at the desk and answer later. Not for users in the desk's own messenger.",
  }),
  connectAtOpening: z.boolean().default(false).meta({
    title: 'Connect at the next opening',
    description:
      "Out of hours the user may wait for the next opening: the desk is asked when the hours begin. Not for users in the desk's own messenger.",
  }),
  contextRounds: z.int().min(0).max(100).default(10).meta({
    title: 'Context rounds',
    description: 'Question/answer rounds the desk gets before the question, 0 to 100.',
  }),
  defaultEmail: emailAddress
    .nullable()
    .default(null)
    .meta({ title: 'Default e-mail', description: 'For users on channels that carry no e-mail address.' }),
  emailTimeoutSeconds: seconds.default(300).meta({
    title: 'E-mail timeout',
    description: 'How long a request waits for the address that the user was asked for. Seconds, 5 to 86,400.',
  }),
  conversationIdleSeconds: z.int().min(60).max(604_800).default(86_400).meta({
    title: 'Conversation idle time',
    description:
      "Native mode: a conversation in the desk's messenger ends after this long without a message; the next one starts it again. Seconds, 60 to 604,800.",
  }),
  callback: callback
    .nullable()
    .default(null)
    .meta({ title: 'Callback', description: 'Where the events of the bot go, besides the streams. null = nowhere.' }),
  apiEnabled: z
    .boolean()
    .default(true)
    .meta({ title: 'API enabled', description: 'Off: every call with a key of this bot is refused.' }),
  texts: z
    .record(language, z.partialRecord(z.enum(USER_TEXT_KEYS), z.string().min(1).max(TEXT_MAX).nullable()))
    .default({})
    .meta({ title: 'Texts', description: 'Own texts per language, by key. null = say nothing.' }),
});

/** The settings of a bot, with their secrets in clear or read back as `"set"`. */
export type BotSettings = z.output<typeof botSettingsSchema>;
