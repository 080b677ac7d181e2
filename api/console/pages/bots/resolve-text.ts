import type { BuiltInTexts, OwnTexts } from './types.ts';

/**
 * The sentence that a user of this language reads, as the service chooses it: region, then language, then English, at
 * each step the own one before the built-in one. null: nothing is said.
 */
export function resolveText(key: string, language: string, own: OwnTexts, built: BuiltInTexts): string | null {
  const byTag = Object.fromEntries(Object.entries(own).map(([tag, texts]) => [normalized(tag), texts]));
  for (const tag of fallbacks(language)) {
    const text = byTag[tag]?.[key];
    if (text !== undefined) return text;
    const sentence = built.texts[tag]?.[key];
    if (sentence !== undefined) return sentence;
  }
  return null;
}

const normalized = (tag: string): string => tag.replaceAll('_', '-').toLowerCase();

/** `pt-BR`: `pt-br`, `pt`, `en`. */
function fallbacks(language: string): string[] {
  const parts = normalized(language).split('-');
  return [...new Set([...parts.map((_, at) => parts.slice(0, parts.length - at).join('-')), 'en'])];
}
