import { signal } from '@preact/signals';

export const LOCALES = ['en', 'fr'] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAMES: Record<Locale, string> = { en: 'English', fr: 'Français' };

const KEPT = 'baton.locale';
const isLocale = (value: string | null | undefined): value is Locale => LOCALES.includes(value as Locale);

function firstLocale(): Locale {
  const kept = localStorage.getItem(KEPT);
  if (isLocale(kept)) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLocale) ?? 'en';
}

export const locale = signal<Locale>(firstLocale());

export function setLocale(value: Locale): void {
  localStorage.setItem(KEPT, value);
  locale.value = value;
  document.documentElement.lang = value;
}
document.documentElement.lang = locale.value;

type Sentences = Record<string, string>;
/** Each page has its sentences beside it; a language that lacks one does not compile. */
export interface Texts<T extends Sentences> {
  en: T;
  fr: { [K in keyof T]: string };
}

/** `t('key', { name })` puts `name` where the sentence has `{name}`. */
export function translator<T extends Sentences>(texts: Texts<T>) {
  return (key: keyof T & string, values: Record<string, string | number> = {}): string =>
    (texts[locale.value][key] as string).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** For words of the API that have a translation (states, reasons) or are shown as they are. */
export function word<T extends Sentences>(texts: Texts<T>, key: string): string {
  return (texts[locale.value] as Sentences)[key] ?? key;
}

/** Of the browser: all times are shown in it. */
export const TIMEZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

export const dateTime = (iso: string): string =>
  new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
export const time = (iso: string): string =>
  new Intl.DateTimeFormat(locale.value, { timeStyle: 'medium' }).format(new Date(iso));
export const number = (value: number, digits = 0): string =>
  new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value);
export const percent = (value: number): string =>
  new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 1 }).format(value);

/** 75 → `1 min 15 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), locale.value === 'fr' ? 'j' : 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  if (shown.length === 0) return seconds > 0 ? '< 1 s' : '0 s';
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}
