import { describe, expect, it } from 'vitest';
import { BUILT_IN_TEXTS, USER_TEXT_KEYS } from '../../activities/text/languages.ts';
import { contextRounds } from '../../activities/text/rounds.ts';
import { resolveText, resolveTexts } from '../../activities/text/texts.ts';
import { TEXT_KEYS, type Turn } from '../../workflows/contracts.ts';

const LANGUAGES = ['en', 'fr', 'es', 'pt', 'de', 'zh', 'ja'];

describe('built-in texts', () => {
  it('say every sentence in every language', () => {
    expect(Object.keys(BUILT_IN_TEXTS).toSorted()).toEqual(LANGUAGES.toSorted());
    for (const language of LANGUAGES) {
      for (const key of USER_TEXT_KEYS) {
        expect(BUILT_IN_TEXTS[language]?.[key].trim(), `${language} ${key}`).toBeTruthy();
      }
    }
  });

  it('are not left in English', () => {
    for (const language of LANGUAGES.slice(1)) {
      for (const key of USER_TEXT_KEYS) {
        expect(BUILT_IN_TEXTS[language]?.[key], `${language} ${key}`).not.toBe(BUILT_IN_TEXTS['en']?.[key]);
      }
    }
  });

  it('have labels short enough for a button', () => {
    for (const language of LANGUAGES) {
      expect(BUILT_IN_TEXTS[language]?.wait_choice_wait.length).toBeLessThanOrEqual(20);
      expect(BUILT_IN_TEXTS[language]?.wait_choice_end.length).toBeLessThanOrEqual(20);
    }
  });
});

describe('the text for a user', () => {
  it('falls back from the region to the language to English', () => {
    const texts = { 'pt-PT': { active: 'Região' }, it: { active: 'Italiano' }, en: { active: 'English' } };
    expect(resolveText('active', texts, 'pt-PT')).toBe('Região');
    expect(resolveText('active', texts, 'pt_pt')).toBe('Região');
    expect(resolveText('active', texts, 'pt-BR')).toBe(BUILT_IN_TEXTS['pt']?.active);
    expect(resolveText('active', texts, 'it-CH')).toBe('Italiano');
    expect(resolveText('active', texts, 'sv')).toBe('English');
    expect(resolveText('active', texts, undefined)).toBe('English');
    expect(resolveText('active', {}, 'zh-Hant-TW')).toBe(BUILT_IN_TEXTS['zh']?.active);
  });

  it('does not take an override for another language before the built-in text of the own one', () => {
    expect(resolveText('active', { en: { active: 'English' } }, 'fr')).toBe(BUILT_IN_TEXTS['fr']?.active);
  });

  it('is nothing when the override says so, in that language only', () => {
    const texts = { fr: { connecting: null } };
    expect(resolveText('connecting', texts, 'fr-CA')).toBeNull();
    expect(resolveText('connecting', texts, 'de')).toBe(BUILT_IN_TEXTS['de']?.connecting);
  });

  it('exists for every key of a handoff', () => {
    expect(Object.keys(resolveTexts({}, 'ja')).toSorted()).toEqual([...TEXT_KEYS].toSorted());
  });
});

describe('context rounds', () => {
  const talk = (spec: string): Turn[] =>
    spec
      .split(' ')
      .filter(Boolean)
      .map((text) => ({ role: text.startsWith('u') ? 'user' : 'bot', text }));
  const rounds = (spec: string, n: number): string =>
    contextRounds(talk(spec), n)
      .map(({ text }) => text)
      .join(' ');

  it('[100] are the last N, oldest first', () => {
    expect(rounds('u1 b1 u2 b2 u3 b3', 2)).toBe('u2 b2 u3 b3');
    expect(rounds('u1 b1 u2 b2 u3 b3', 1)).toBe('u3 b3');
  });

  it('[100] are all when there are fewer, and none when N is 0', () => {
    expect(rounds('u1 b1 u2 b2', 10)).toBe('u1 b1 u2 b2');
    expect(rounds('u1 b1', 0)).toBe('');
    expect(rounds('', 3)).toBe('');
  });

  it('keep several messages in a row together', () => {
    expect(rounds('u1 u2 b1 b2 u3 u4 b3', 1)).toBe('u3 u4 b3');
    expect(rounds('u1 u2 b1 b2 u3 u4 b3', 2)).toBe('u1 u2 b1 b2 u3 u4 b3');
  });

  it('count a question without an answer', () => {
    expect(rounds('u1 b1 u2', 1)).toBe('u2');
  });

  it("put the bot's greeting into the first round", () => {
    expect(rounds('b0 u1 b1 u2 b2', 2)).toBe('b0 u1 b1 u2 b2');
    expect(rounds('b0 u1 b1 u2 b2', 1)).toBe('u2 b2');
    expect(rounds('b0', 1)).toBe('b0');
  });
});
