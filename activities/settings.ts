import type { z } from 'zod';
import type { ConversationSettings, HandoffSettings, Mode } from '../workflows/contracts.ts';
import type { Desk } from './desks/desk.ts';
import { problemsOfSecond } from './second-desk.ts';
import { configFields, type DeskRegistry } from './desks/registry.ts';
import type { Hours } from './hours.ts';
import { problemsOfOffers } from './settings-offers.ts';
import {
  type BotSettings,
  botSettingsSchema,
  DEFAULT_OUT_OF_HOURS_REPLY,
  hoursRequestSchema,
} from './settings-schema.ts';
import { type DeskSetting, isPlainObject, mergeKept, SET, secretPaths, valueAt } from './settings-secrets.ts';
import { resolveOverride, resolveText, resolveTexts } from './text/texts.ts';

export { type BotSettings, botSettingsSchema, hoursRequestSchema } from './settings-schema.ts';
export { DESK_SETTINGS, type DeskSetting, joinSecrets, redactSettings, splitSecrets } from './settings-secrets.ts';

export interface SettingsIssue {
  /** Dotted, for example `desk.url` or `hours.periods.2.to`. */
  path: string;
  message: string;
}

/** Everything that is wrong with the settings, at once. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly issues: SettingsIssue[];

  constructor(issues: SettingsIssue[]) {
    super(issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.issues = issues;
  }
}

/**
 * The whole validation. Throws only `SettingsError`.
 *
 * Partial (the default, PATCH): fields that are absent keep their previous value; `desk`, `secondDesk` (of the same
 * kind) and `callback` are merged field by field, everything else is replaced. Not partial (PUT): absent fields get their default.
 * In both, a secret that is absent or `"set"` keeps the stored one, as long as the desk's kind and the origin
 * of its address stay the same, and `null` removes an optional field of `desk` or `callback`.
 */
export function parseSettings(
  input: unknown,
  previous: BotSettings | undefined,
  desks: DeskRegistry,
  options: { partial?: boolean } = {},
): BotSettings {
  if (!isPlainObject(input)) throw new SettingsError([{ path: '', message: 'must be an object' }]);
  const candidate = mergeKept(input, previous, desks, options.partial ?? true);
  const parsed = botSettingsSchema.safeParse(candidate);
  const issues = parsed.success ? [] : parsed.error.issues.flatMap((issue) => toIssues(issue, []));
  const desk = checkDesk(candidate, 'desk', desks, issues);
  const secondDesk = checkDesk(candidate, 'secondDesk', desks, issues);
  issues.push(...problemsOfSecond(candidate, { desk, secondDesk }, desks));
  for (const path of secretPaths(candidate, desks)) {
    if (valueAt(candidate, path) === SET) {
      issues.push({
        path,
        message: '"set" keeps a stored value of the same address, and there is none',
      });
    }
  }
  if (!parsed.success || issues.length > 0) throw new SettingsError(onePerProblem(issues));
  return { ...parsed.data, desk, secondDesk };
}

/** Hours alone, as `{ hours }`, with the problems that the settings of a bot would have. Throws only `SettingsError`. */
export function parseHours(input: unknown): Hours | null {
  if (!isPlainObject(input)) throw new SettingsError([{ path: '', message: 'must be an object' }]);
  const parsed = hoursRequestSchema.safeParse(input);
  if (!parsed.success) throw new SettingsError(parsed.error.issues.flatMap((issue) => toIssues(issue, [])));
  return parsed.data.hours;
}

/** The desk's own schema, and what depends on the desk. Adds to `issues`. */
function checkDesk(
  candidate: Record<string, unknown>,
  place: DeskSetting,
  desks: DeskRegistry,
  issues: SettingsIssue[],
) {
  const { [place]: config, mode } = candidate;
  if (!isPlainObject(config) || typeof config['kind'] !== 'string') return null;
  const { kind, ...fields } = config as { kind: string };
  const desk = desks.get(kind);
  if (desk === undefined) {
    const known = desks.all().map(({ id }) => id);
    issues.push({ path: `${place}.kind`, message: `must be one of: ${known.join(', ')}` });
    return null;
  }
  const wanted = mode ?? 'external';
  if (wanted === 'external' || wanted === 'native') issues.push(...problemsOfMode(desk, place, fields, wanted));
  const parsed = desk.config.safeParse(fields);
  if (!parsed.success) issues.push(...parsed.error.issues.flatMap((issue) => toIssues(issue, [place])));
  else if (place === 'desk') {
    const wish = {
      leaveMessage: candidate['leaveMessage'] === true,
      connectAtOpening: candidate['connectAtOpening'] === true,
    };
    issues.push(...problemsOfOffers(desk, parsed.data, wanted === 'native' ? 'native' : 'external', wish));
  }
  return parsed.success ? { ...(parsed.data as Record<string, unknown>), kind } : null;
}

function problemsOfMode(desk: Desk, place: DeskSetting, fields: Record<string, unknown>, mode: Mode): SettingsIssue[] {
  if (!desk.capabilities.modes.includes(mode)) {
    return [{ path: 'mode', message: `${desk.title} does not offer the mode ${mode}` }];
  }
  return configFields(desk)
    .filter((field) => field.requiredIn?.includes(mode) === true && fields[field.name] === undefined)
    .map(({ name }) => ({ path: `${place}.${name}`, message: `needed in ${mode} mode` }));
}

function toIssues(issue: z.core.$ZodIssue, prefix: string[]): SettingsIssue[] {
  const path = [...prefix, ...issue.path.map(String)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'unknown field' }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path: path.join('.'), message }));
  }
  const isAbsent = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path: path.join('.'), message: isAbsent ? 'needed' : issue.message }];
}

/** "set" for a secret that is not there is one problem, not also a wrong format. */
function onePerProblem(issues: SettingsIssue[]): SettingsIssue[] {
  const missing = new Set(issues.filter(({ message }) => message.startsWith('"set"')).map(({ path }) => path));
  return issues.filter(({ path, message }) => !missing.has(path) || message.startsWith('"set"'));
}

/** What a handoff takes along: times in milliseconds, texts in the user's language. */
export function handoffSettings(settings: BotSettings, locale?: string): HandoffSettings {
  const { agentSilenceTimeoutSeconds: silence } = settings;
  return {
    waitTimeoutMs: settings.waitTimeoutSeconds * 1000,
    onWaitTimeout: settings.onWaitTimeout,
    inactivityTimeoutMs: settings.inactivityTimeoutSeconds * 1000,
    agentSilenceTimeoutMs: silence === null ? null : silence * 1000,
    emailTimeoutMs: settings.emailTimeoutSeconds * 1000,
    contextRounds: settings.contextRounds,
    callback: settings.callback !== null,
    texts: resolveTexts(settings.texts, locale),
  };
}

/** What a native conversation takes along while the bot has it. */
export function conversationSettings(settings: BotSettings): ConversationSettings {
  return { idleTimeoutMs: settings.conversationIdleSeconds * 1000, callback: settings.callback !== null };
}

/** What the user is told outside the hours; `null` = nothing. */
export function outOfHoursReply(settings: BotSettings, locale?: string): string | null {
  if (settings.outOfHoursReply === DEFAULT_OUT_OF_HOURS_REPLY)
    return resolveText('out_of_hours', settings.texts, locale);
  const own = resolveOverride('out_of_hours', settings.texts, locale);
  return own === undefined ? settings.outOfHoursReply : own;
}
