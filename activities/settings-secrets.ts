import { type DeskRegistry, secretFields } from './desks/registry.ts';
import type { BotSettings } from './settings-schema.ts';

/** What a stored secret reads back as, and what keeps it when sent. */
export const SET = 'set';

type Plain = Record<string, unknown>;

/** The settings that are a desk each, in the order in which a request goes to them. */
export const DESK_SETTINGS = ['desk', 'secondDesk'] as const;
export type DeskSetting = (typeof DESK_SETTINGS)[number];

export const isPlainObject = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const CALLBACK_SECRETS = ['callback.secret', 'callback.auth.token', 'callback.auth.password'];

/** Dotted paths of all secrets that these settings can have. */
export function secretPaths(settings: Plain, desks: DeskRegistry): string[] {
  const ofDesks = DESK_SETTINGS.flatMap((place) => {
    const config = settings[place];
    const kind = isPlainObject(config) ? config['kind'] : undefined;
    const desk = typeof kind === 'string' ? desks.get(kind) : undefined;
    return desk === undefined ? [] : secretFields(desk).map((name) => `${place}.${name}`);
  });
  return [...ofDesks, ...CALLBACK_SECRETS];
}

export function valueAt(settings: unknown, path: string): unknown {
  return path.split('.').reduce((at: unknown, name) => (isPlainObject(at) ? at[name] : undefined), settings);
}

/** A copy with the value at the path replaced; objects beside the path are shared. */
function withValueAt(settings: Plain, path: string, value: unknown): Plain {
  const [name = '', ...rest] = path.split('.');
  const inner = settings[name];
  if (rest.length === 0) return { ...settings, [name]: value };
  return isPlainObject(inner) ? { ...settings, [name]: withValueAt(inner, rest.join('.'), value) } : settings;
}

/** Without secrets: each that is there reads `"set"`. */
export function redactSettings(settings: BotSettings, desks: DeskRegistry): BotSettings {
  return splitSecrets(settings, desks).plain;
}

/** `secrets` by dotted path, for example `desk.password`. */
export function splitSecrets(
  settings: BotSettings,
  desks: DeskRegistry,
): { plain: BotSettings; secrets: Record<string, string> } {
  let plain: Plain = settings;
  const secrets: Record<string, string> = {};
  for (const path of secretPaths(settings, desks)) {
    const value = valueAt(settings, path);
    if (typeof value !== 'string') continue;
    secrets[path] = value;
    plain = withValueAt(plain, path, SET);
  }
  return { plain: plain as BotSettings, secrets };
}

export function joinSecrets(plain: BotSettings, secrets: Record<string, string>): BotSettings {
  return Object.entries(secrets).reduce<Plain>(
    (settings, [path, value]) => withValueAt(settings, path, value),
    plain,
  ) as BotSettings;
}

/** The input with everything that it keeps of the previous settings filled in; see `parseSettings`. */
export function mergeKept(
  input: Plain,
  previous: BotSettings | undefined,
  desks: DeskRegistry,
  partial: boolean,
): Plain {
  const merged: Plain = { ...(partial ? previous : undefined), ...input };
  for (const place of DESK_SETTINGS) {
    if (isPlainObject(input[place])) merged[place] = mergeDesk(input[place], place, previous, desks, partial);
  }
  if (isPlainObject(input['callback'])) {
    merged['callback'] = mergeCallback(input['callback'], previous?.callback ?? null, partial);
  }
  return merged;
}

function mergeDesk(
  input: Plain,
  place: DeskSetting,
  previous: BotSettings | undefined,
  desks: DeskRegistry,
  partial: boolean,
): Plain {
  const kind = input['kind'] ?? (partial ? previous?.[place]?.kind : undefined);
  // A secret of one desk must never reach another; the two may change places.
  const kept =
    [previous?.desk, previous?.secondDesk].find((config) => config?.kind === kind && kind !== undefined) ?? {};
  const desk = typeof kind === 'string' ? desks.get(kind) : undefined;
  return mergeFields({ ...input, kind }, kept, desk === undefined ? [] : secretFields(desk), partial);
}

const AUTH_SECRETS = ['token', 'password'];

function mergeCallback(input: Plain, previous: BotSettings['callback'], partial: boolean): Plain {
  const merged = mergeFields(input, previous ?? {}, ['secret'], partial);
  const moved = movedElsewhere(input, previous ?? {}, partial);
  // An authorization that is not mentioned would be kept: at another address its secret is asked for as well.
  const auth = input['auth'] ?? (moved && partial && previous?.auth ? {} : undefined);
  if (!isPlainObject(auth)) return merged;
  const type = auth['type'] ?? (partial ? previous?.auth?.type : undefined);
  const kept = previous?.auth?.type === type ? previous?.auth : undefined;
  return { ...merged, auth: mergeFields({ ...auth, type }, kept ?? {}, AUTH_SECRETS, partial, moved) };
}

/**
 * Whoever may change the address must not get the stored secrets sent to it: they are asked for again. A `baseUrl` that
 * appears or goes away stands for a move as well: without it the vendor's own address is called.
 */
function movedElsewhere(input: Plain, previous: Plain, partial: boolean): boolean {
  const base = partial && input['baseUrl'] === undefined ? previous['baseUrl'] : (input['baseUrl'] ?? undefined);
  const appearsOrGoes = (base === undefined) !== (previous['baseUrl'] === undefined);
  return appearsOrGoes || isOtherOrigin(previous['url'], input['url']) || isOtherOrigin(previous['baseUrl'], base);
}

/** An address that is missing or none at all is the schema's to refuse. */
function isOtherOrigin(from: unknown, to: unknown): boolean {
  if (typeof from !== 'string' || typeof to !== 'string' || !URL.canParse(to)) return false;
  return new URL(from).origin !== new URL(to).origin;
}

function mergeFields(
  input: Plain,
  previous: Plain,
  secrets: string[],
  partial: boolean,
  moved = movedElsewhere(input, previous, partial),
): Plain {
  // A map, because the names come from outside: `__proto__` is a field like any other.
  const merged = new Map(Object.entries(partial ? previous : {}));
  for (const [name, value] of Object.entries(input)) {
    if (value === null || value === undefined) merged.delete(name);
    else merged.set(name, value);
  }
  for (const name of secrets) {
    const given = input[name];
    if ((given === undefined || given === SET) && previous[name] !== undefined) {
      merged.set(name, moved ? SET : previous[name]);
    }
  }
  return Object.fromEntries(merged);
}
