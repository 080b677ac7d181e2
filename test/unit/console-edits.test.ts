import { describe, expect, it } from 'vitest';

import { applied, conflicts, edited, patchOf, rebased, type Edits } from '../../api/console/pages/bots/edits.ts';
import { resolveText } from '../../api/console/pages/bots/resolve-text.ts';
import { BUILT_IN_TEXTS } from '../../activities/text/languages.ts';
import { resolveText as resolvedByService } from '../../activities/text/texts.ts';

const STORED = {
  mode: 'external',
  trigger: 'old',
  desk: { kind: 'intercom', accessToken: 'set', region: 'us', teamId: '1' },
};
const edit = (field: keyof typeof STORED, value: unknown, edits: Edits = {}): Edits =>
  edited(edits, field, STORED[field], value);

describe('unsaved changes of a bot', () => {
  it('are sent by field: of the desk only what was changed, null for what goes', () => {
    const edits = edit('desk', { kind: 'intercom', accessToken: 'new', region: 'us' }, edit('trigger', 'new'));
    expect(patchOf(edits)).toEqual({ trigger: 'new', desk: { accessToken: 'new', teamId: null } });
  });

  it('send another desk as a whole', () => {
    const desk = { kind: 'webhook', url: 'https://desk.example.com' };
    expect(patchOf(edit('desk', desk))).toEqual({ desk });
    expect(patchOf(edit('desk', null))).toEqual({ desk: null });
  });

  it('are none when a field is back at what is stored', () => {
    expect(edit('trigger', 'old', edit('trigger', 'new'))).toEqual({});
    expect(edit('desk', { ...STORED.desk }, edit('desk', null))).toEqual({});
  });

  it('stay over what somebody else has saved, and take over the rest of it', () => {
    const edits = edit('desk', { ...STORED.desk, teamId: '2' });
    const now = { ...STORED, trigger: 'theirs', desk: { ...STORED.desk, region: 'eu' } };
    expect(conflicts(edits, now)).toEqual([]);
    const next = rebased(edits, now);
    expect(applied(now, next)).toEqual({ ...now, desk: { ...STORED.desk, region: 'eu', teamId: '2' } });
    expect(patchOf(next)).toEqual({ desk: { teamId: '2' } });
  });

  it('name the fields that somebody else has changed in another way', () => {
    const edits = edit('desk', { ...STORED.desk, teamId: '2', region: 'eu' }, edit('trigger', 'ours'));
    const now = { ...STORED, trigger: 'theirs', desk: { ...STORED.desk, teamId: '3', region: 'eu' } };
    expect(conflicts(edits, now)).toEqual(['trigger', 'desk.teamId']);
    expect(conflicts(rebased(edits, now), now)).toEqual([]);
  });

  it('end when somebody else has saved the same', () => {
    expect(rebased(edit('trigger', 'new'), { ...STORED, trigger: 'new' })).toEqual({});
  });
});

describe('the preview of texts', () => {
  const built = { languages: Object.keys(BUILT_IN_TEXTS), keys: [], texts: BUILT_IN_TEXTS };
  const own = {
    en: { active: 'Ada is here.', busy: null },
    pt_BR: { active: 'Olá' },
    nl: { connecting: 'Even wachten' },
  };

  it.each(['en', 'fr', 'pt', 'pt-BR', 'PT_br', 'nl', 'nl-BE', 'xx'])('chooses as the service does: %s', (language) => {
    for (const key of ['active', 'busy', 'connecting'] as const) {
      expect(resolveText(key, language, own, built)).toBe(resolvedByService(key, own, language));
    }
  });
});
