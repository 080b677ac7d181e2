import { locale, LOCALE_NAMES, LOCALES, setLocale, translator, type Locale } from '../lib/i18n.ts';

const t = translator({ en: { language: 'Language' }, fr: { language: 'Langue' } });

export function LanguageChoice() {
  return (
    <label class="language">
      <span class="hidden">{t('language')}</span>
      <select value={locale.value} onChange={(event) => setLocale(event.currentTarget.value as Locale)}>
        {LOCALES.map((one) => (
          <option key={one} value={one} lang={one} selected={one === locale.value}>
            {LOCALE_NAMES[one]}
          </option>
        ))}
      </select>
    </label>
  );
}
