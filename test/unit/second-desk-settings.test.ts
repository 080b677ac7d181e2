import { describe, expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { type BotSettings, parseSettings, redactSettings, SettingsError } from '../../activities/settings.ts';

const put = (input: unknown): BotSettings => parseSettings(input, undefined, desks, { partial: false });

function problems(work: () => unknown): Record<string, string> {
  try {
    work();
  } catch (error) {
    if (error instanceof SettingsError) return Object.fromEntries(error.issues.map((one) => [one.path, one.message]));
    throw error;
  }
  return {};
}

describe('the second desk', () => {
  const first = { kind: 'webhook', url: 'https://desk.example.com' };
  const second = { kind: 'intercom', accessToken: 'token', clientSecret: 'secret' };
  const sobot = { kind: 'sobot', way: 'widget', appId: 'a', appKey: 'k' };

  it('is validated as the first one is, under its own name', () => {
    expect(put({ desk: first, secondDesk: second }).secondDesk).toMatchObject(second);
    const found = problems(() => put({ desk: first, secondDesk: { kind: 'intercom', colour: 'red' } }));
    expect(Object.keys(found).toSorted()).toEqual(
      ['secondDesk.accessToken', 'secondDesk.clientSecret', 'secondDesk.colour'].toSorted(),
    );
    expect(problems(() => put({ desk: first, secondDesk: { kind: 'pigeon' } }))).toHaveProperty('secondDesk.kind');
  });

  it.each([
    ['without a first one', { secondDesk: second }, 'secondDesk', /first desk/],
    [
      'of the same kind',
      { desk: first, secondDesk: { ...first, url: 'https://b.example' } },
      'secondDesk.kind',
      /another/,
    ],
    ['in native mode', { mode: 'native', desk: second, secondDesk: first }, 'secondDesk', /native/],
    ['beside a desk whose users are in its messenger', { desk: first, secondDesk: sobot }, 'secondDesk.kind', /Sobot/],
    ['behind such a desk', { desk: sobot, secondDesk: first }, 'secondDesk.kind', /Sobot/],
  ])('is refused %s', (_why, settings, path, message) => {
    expect(problems(() => put(settings))[path]).toMatch(message);
  });

  it('keeps its secrets, at its own address only', () => {
    const before = put({ desk: first, secondDesk: second });
    const kept = parseSettings({ secondDesk: { kind: 'intercom', teamId: '7' } }, before, desks);
    expect(kept.secondDesk).toMatchObject({ ...second, teamId: '7' });
    const elsewhere = { kind: 'intercom', accessToken: 'set', baseUrl: 'https://elsewhere.example' };
    const found = problems(() => parseSettings({ secondDesk: elsewhere }, before, desks));
    expect(found['secondDesk.accessToken']).toMatch(/"set" keeps/);
    expect(redactSettings(before, desks).secondDesk).toMatchObject({ accessToken: 'set', clientSecret: 'set' });
  });
});
