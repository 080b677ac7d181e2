import type * as schemas from '../../../schemas/bots.ts';
import type * as forms from '../../../schemas/forms.ts';

type Output<S extends { _zod: { output: unknown } }> = S['_zod']['output'];

export type Mode = 'external' | 'native';

/** One range of a day, `HH:MM`, `24:00` allowed as `to`. */
export type Period =
  | { kind: 'weekly'; days: number[]; from: string; to: string }
  | { kind: 'date'; date: string; from: string; to: string };

export interface Hours {
  timezone: string;
  periods: Period[];
}

export type DeskConfig = { kind: string } & Record<string, unknown>;
export type CallbackAuth = { type: 'bearer'; token: string } | { type: 'basic'; username: string; password: string };

export interface Callback {
  url: string;
  secret: string;
  auth?: CallbackAuth;
}

/** The settings that are a desk. */
export type DeskPlace = 'desk' | 'secondDesk';

/** By language, then by key; null says nothing. */
export type OwnTexts = Record<string, Record<string, string | null>>;

/** As the API reads them back: secrets are `"set"`. */
export interface Settings {
  enabled: boolean;
  mode: Mode;
  desk: DeskConfig | null;
  secondDesk: DeskConfig | null;
  trigger: string;
  waitTimeoutSeconds: number | undefined;
  onWaitTimeout: 'ask' | 'close';
  inactivityTimeoutSeconds: number | undefined;
  agentSilenceTimeoutSeconds: number | null | undefined;
  hours: Hours | null;
  outOfHoursReply: string;
  leaveMessage: boolean;
  connectAtOpening: boolean;
  contextRounds: number | undefined;
  defaultEmail: string | null;
  emailTimeoutSeconds: number | undefined;
  conversationIdleSeconds: number | undefined;
  callback: Callback | null;
  apiEnabled: boolean;
  texts: OwnTexts;
}

export type Bot = Omit<Output<typeof schemas.bot>, 'settings'> & { settings: Settings };
/** What the API says of one of the two desks; undefined without it. */
export const serviceAt = (bot: Bot, place: DeskPlace): NonNullable<Bot['secondDesk']> | undefined =>
  place === 'desk' ? bot : (bot.secondDesk ?? undefined);

/** What asks about the second desk. */
export const queryOf = (place: DeskPlace): string => (place === 'desk' ? '' : '?desk=second');

export type BotPage = Omit<Output<typeof schemas.botPage>, 'bots'> & { bots: Bot[] };
export type BotStatus = Output<typeof schemas.botStatus>;
export type Verified = Output<typeof schemas.verified>;
export type Subscription = Output<typeof schemas.subscription>;
export type Consent = Output<typeof schemas.consentBegun>;
export type Keys = Output<typeof schemas.keyList>['keys'];
export type NewKey = Output<typeof schemas.newKey>;
export type Tool = Output<typeof schemas.tool>;

export type Desk = Output<typeof forms.deskList>['desks'][number];
/** One field of a desk's form. */
export type ConfigField = Desk['fields'][number];
/** The week from today, in the time zone of the hours; touching periods are one. */
export type Week = Output<typeof forms.hoursPreview>;
export type BuiltInTexts = Output<typeof forms.textList>;
