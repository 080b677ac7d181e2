import { TEXT_KEYS, type Texts } from '../../workflows/contracts.ts';
import { BUILT_IN_TEXTS, DEFAULT_LANGUAGE, type UserTextKey } from './languages.ts';

/** Per language (BCP 47), overrides of the built-in texts; `null` = say nothing. */
export type TextOverrides = Record<string, Partial<Record<UserTextKey, string | null>>>;

/**
 * The text in the user's language. Region, then language, then English; at each of these steps the bot's own text goes
 * before the built-in one.
 */
export function resolveText(key: UserTextKey, overrides: TextOverrides, locale: string | undefined): string | null {
  const own = byLanguage(overrides);
  for (const language of fallbacks(locale)) {
    const override = own.get(language)?.[key];
    const text = override === undefined ? BUILT_IN_TEXTS[language]?.[key] : override;
    if (text !== undefined) return text;
  }
  return null;
}

/** Only the bot's own text, by the same fallback; `undefined` when it has none. */
export function resolveOverride(
  key: UserTextKey,
  overrides: TextOverrides,
  locale: string | undefined,
): string | null | undefined {
  const own = byLanguage(overrides);
  return fallbacks(locale)
    .map((language) => own.get(language)?.[key])
    .find((text) => text !== undefined);
}

const byLanguage = (overrides: TextOverrides): Map<string, TextOverrides[string]> =>
  new Map(Object.entries(overrides).map(([language, texts]) => [normalized(language), texts]));

/** All texts of a handoff, resolved. */
export function resolveTexts(overrides: TextOverrides, locale: string | undefined): Texts {
  const entries = TEXT_KEYS.map((key) => [key, resolveText(key, overrides, locale)]);
  return Object.fromEntries(entries) as Texts;
}

const normalized = (language: string): string => language.replaceAll('_', '-').toLowerCase();

/** `zh-Hant-TW` -> `zh-hant-tw`, `zh-hant`, `zh`, `en`. */
function fallbacks(locale: string | undefined): string[] {
  const parts = normalized(locale?.trim() ?? '')
    .split('-')
    .filter((part) => part !== '');
  const steps = parts.map((_, index) => parts.slice(0, parts.length - index).join('-'));
  return [...new Set([...steps, DEFAULT_LANGUAGE])];
}
