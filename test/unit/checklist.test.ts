/** Lines of the feature checklist that no other test shows; the numbers are those of test/architecture/checklist.ts. */
import { expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { parseSettings, SettingsError } from '../../activities/settings.ts';

const problems = (input: unknown): string[] => {
  try {
    parseSettings(input, undefined, desks);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.issues.map(({ path }) => path);
    throw error;
  }
};

const desk = { kind: 'webhook', url: 'https://desk.example.com' };

it('[2] a bot has one desk or none, never several', () => {
  expect(problems({ desk })).toEqual([]);
  expect(problems({ desk: null })).toEqual([]);
  expect(problems({ desk: [desk, desk] })).toEqual(['desk']);
  expect(problems({ desks: [desk] })).toEqual(['desks']);
});

it('[4] on and off are true and false, and nothing else', () => {
  expect(problems({ enabled: true })).toEqual([]);
  expect(problems({ enabled: false })).toEqual([]);
  for (const enabled of ['enable', 'disable', 'on', 1, 0, null]) expect(problems({ enabled })).toEqual(['enabled']);
});

it('[15] [16] every desk offers the external mode, and those with a messenger for both the native one', () => {
  const modes = Object.fromEntries(desks.all().map(({ id, capabilities }) => [id, capabilities.modes.join(' ')]));
  expect(modes).toEqual({
    webhook: 'external',
    intercom: 'external native',
    livechat: 'external native',
    'zoho-salesiq': 'external native',
    livedesk: 'external native',
    sobot: 'external',
  });
  expect(problems({ desk, mode: 'external' })).toEqual([]);
  expect(problems({ desk, mode: 'native' })).toEqual(['mode']);
});
