import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Desk } from '../../activities/desks/desk.ts';
import { configFields, createRegistry, secretFields } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import {
  type BotSettings,
  botSettingsSchema,
  conversationSettings,
  handoffSettings,
  joinSecrets,
  outOfHoursReply,
  parseSettings,
  redactSettings,
  SettingsError,
  splitSecrets,
} from '../../activities/settings.ts';
import { BUILT_IN_TEXTS } from '../../activities/text/languages.ts';

const other: Desk = {
  ...(webhook as Desk),
  id: 'other',
  title: 'Other',
  capabilities: { ...webhook.capabilities, modes: ['native'] },
  config: z.strictObject({ password: z.string().exactOptional().meta({ title: 'P', description: 'P', secret: true }) }),
};
const both: Desk = {
  ...(webhook as Desk),
  id: 'both',
  title: 'Both',
  capabilities: { ...webhook.capabilities, modes: ['external', 'native'] },
  config: z.strictObject({
    token: z.string().meta({ title: 'T', description: 'T', secret: true }),
    region: z.enum(['us', 'eu']).default('us').meta({ title: 'R', description: 'R' }),
    tier: z.enum(['a', 'b']).exactOptional().meta({ title: 'I', description: 'I' }),
    teamId: z
      .string()
      .exactOptional()
      .meta({ title: 'G', description: 'G', requiredIn: ['native'] }),
    baseUrl: z.url().exactOptional().meta({ title: 'B', description: 'B' }),
  }),
};
const desks = createRegistry([webhook, other, both]);
const secret = `whsec_${randomBytes(32).toString('base64')}`;
const DESK = { kind: 'webhook', url: 'https://desk.example.com/api', username: 'baton', password: 'pw-1', secret };

const put = (input: unknown, previous?: BotSettings): BotSettings =>
  parseSettings(input, previous, desks, { partial: false });
const patch = (input: unknown, previous: BotSettings): BotSettings => parseSettings(input, previous, desks);

function problems(work: () => unknown): Record<string, string> {
  try {
    work();
  } catch (error) {
    if (error instanceof SettingsError) return Object.fromEntries(error.issues.map((one) => [one.path, one.message]));
    throw error;
  }
  throw new Error('no problem was found');
}

describe('defaults', () => {
  it('are those of the design', () => {
    expect(put({})).toMatchObject({
      enabled: false,
      mode: 'external',
      desk: null,
      waitTimeoutSeconds: 60,
      onWaitTimeout: 'ask',
      inactivityTimeoutSeconds: 180,
      agentSilenceTimeoutSeconds: null,
      hours: null,
      contextRounds: 10,
      defaultEmail: null,
      emailTimeoutSeconds: 300,
      conversationIdleSeconds: 86_400,
      callback: null,
      apiEnabled: true,
      texts: {},
    });
    expect(put({}).trigger.length).toBeGreaterThan(50);
  });

  it('every field has a title and a description', () => {
    for (const [name, field] of Object.entries(botSettingsSchema.shape)) {
      expect(field.meta()?.title, name).toBeTruthy();
      expect(field.meta()?.description, name).toBeTruthy();
    }
  });

  it('the schema can be drawn as JSON Schema', () => {
    const drawn = z.toJSONSchema(botSettingsSchema, { io: 'input' }).properties ?? {};
    expect(Object.keys(drawn)).toEqual(Object.keys(botSettingsSchema.shape));
  });
});

describe('validation', () => {
  it('names every problem at once, the desk its own too', () => {
    const found = problems(() =>
      put({
        enabled: 'yes',
        mode: 'native',
        desk: { kind: 'webhook', url: 'ftp://x', secret: 'abc', colour: 'red' },
        waitTimeoutSeconds: 4,
        inactivityTimeoutSeconds: 86_401,
        agentSilenceTimeoutSeconds: 1.5,
        onWaitTimeout: 'panic',
        contextRounds: 101,
        defaultEmail: 'nobody',
        hours: {
          timezone: 'Paris',
          periods: [
            { kind: 'weekly', days: [0, 8], from: '10:00', to: '09:00' },
            { kind: 'date', date: '2026-02-30', from: '09:00', to: '09:00' },
            { kind: 'weekly', days: [1, 1], from: '24:00', to: '25:00' },
            { kind: 'monthly' },
          ],
        },
        callback: { url: 'https://u:p@bot.example.com', secret: 'abc', auth: { type: 'digest' }, more: 1 },
        texts: { fr: { hello: 'Salut' }, 'not a language': {} },
        apiKeys: [],
      }),
    );
    expect(Object.keys(found).toSorted()).toEqual(
      [
        'enabled',
        'mode',
        'desk.url',
        'desk.secret',
        'desk.colour',
        'waitTimeoutSeconds',
        'inactivityTimeoutSeconds',
        'agentSilenceTimeoutSeconds',
        'onWaitTimeout',
        'contextRounds',
        'defaultEmail',
        'hours.timezone',
        'hours.periods.0.days.0',
        'hours.periods.0.days.1',
        'hours.periods.0.to',
        'hours.periods.1.date',
        'hours.periods.1.to',
        'hours.periods.2.days',
        'hours.periods.2.from',
        'hours.periods.2.to',
        'hours.periods.3.kind',
        'callback.url',
        'callback.secret',
        'callback.auth.type',
        'callback.more',
        'texts.fr.hello',
        'texts.not a language',
        'apiKeys',
      ].toSorted(),
    );
    expect(found['apiKeys']).toBe('unknown field');
    expect(found['mode']).toBe('Webhook does not offer the mode native');
  });

  it.each([null, [], 'text', 7])('refuses %j as a whole', (input) => {
    expect(problems(() => put(input))).toEqual({ '': 'must be an object' });
  });

  it('[3] refuses an unknown desk and names the known ones', () => {
    expect(problems(() => put({ desk: { kind: 'Webhook' } }))).toEqual({
      'desk.kind': 'must be one of: webhook, other, both',
    });
    expect(Object.keys(problems(() => put({ desk: { url: 'https://x.example' } })))).toEqual(['desk.kind']);
  });

  it('[90] takes ten periods and refuses the eleventh', () => {
    const period = { kind: 'weekly', days: [1], from: '09:00', to: '24:00' };
    const hours = (count: number) => ({ hours: { timezone: 'Europe/Paris', periods: Array(count).fill(period) } });
    expect(put(hours(10)).hours?.periods).toHaveLength(10);
    expect(Object.keys(problems(() => put(hours(11))))).toEqual(['hours.periods']);
  });

  it.each(['Europe/Paris', 'America/New_York', 'Asia/Kathmandu', 'UTC'])('takes the zone %s', (timezone) => {
    expect(put({ hours: { timezone, periods: [] } }).hours?.timezone).toBe(timezone);
  });

  it.each(['+02:00', 'UTC+2', 'Mars/Base', '', 'local'])('refuses the zone %j', (timezone) => {
    expect(Object.keys(problems(() => put({ hours: { timezone, periods: [] } })))).toEqual(['hours.timezone']);
  });

  it.each(['javascript:alert(1)', 'file:///etc/passwd', '//x.example', 'https://x.example/#a', 'x'])(
    'refuses the callback address %s',
    (url) => {
      expect(Object.keys(problems(() => put({ callback: { url, secret } })))).toEqual(['callback.url']);
    },
  );

  it.each(['https://u:p@x.example', 'https://x.example/?a=1', 'gopher://x.example', ''])(
    'refuses the desk address %j',
    (url) => {
      expect(Object.keys(problems(() => put({ desk: { kind: 'webhook', url } })))).toEqual(['desk.url']);
    },
  );

  it('takes a field named __proto__ for an unknown one', () => {
    const input = JSON.parse('{"desk":{"kind":"webhook","__proto__":{"url":"https://x.example"}}}') as unknown;
    expect(Object.keys(problems(() => put(input)))).toContain('desk.url');
  });

  it('never says a secret in an error', () => {
    const found = problems(() => put({ desk: { ...DESK, url: 'x', password: 'pw-hidden', secret: 'sec-hidden' } }));
    expect(JSON.stringify(found)).not.toContain('hidden');
  });
});

describe('secrets', () => {
  const stored = put({
    desk: DESK,
    callback: { url: 'https://bot.example.com', secret, auth: { type: 'bearer', token: 'tok-1' } },
  });

  it('read back as "set"', () => {
    const shown = redactSettings(stored, desks);
    expect(shown.desk).toEqual({ ...DESK, password: 'set', secret: 'set' });
    expect(shown.callback).toEqual({
      url: 'https://bot.example.com',
      secret: 'set',
      auth: { type: 'bearer', token: 'set' },
    });
    expect(stored.desk).toEqual(DESK);
  });

  it('can be taken out and put back', () => {
    const { plain, secrets } = splitSecrets(stored, desks);
    expect(secrets).toEqual({
      'desk.password': 'pw-1',
      'desk.secret': secret,
      'callback.secret': secret,
      'callback.auth.token': 'tok-1',
    });
    expect(JSON.stringify(plain)).not.toMatch(/pw-1|tok-1|whsec_/);
    expect(joinSecrets(plain, secrets)).toEqual(stored);
    expect(splitSecrets(put({}), desks).secrets).toEqual({});
  });

  it('[10] stay when other fields change, in part or as a whole', () => {
    expect(patch({ waitTimeoutSeconds: 90 }, stored).desk).toEqual(DESK);
    const url = new URL('/new/path', DESK.url).href;
    expect(patch({ desk: { url } }, stored).desk).toEqual({ ...DESK, url });
    const whole = put(redactSettings(stored, desks), stored);
    expect(whole).toEqual(stored);
    const { password: _password, secret: _secret, ...rest } = DESK;
    expect(put({ desk: rest }, stored).desk).toEqual(DESK);
    expect(put({ desk: rest }, stored).callback).toBeNull();
  });

  it('can be replaced and removed', () => {
    expect(patch({ desk: { password: 'pw-2' } }, stored).desk).toEqual({ ...DESK, password: 'pw-2' });
    const { password: _password, ...without } = DESK;
    expect(patch({ desk: { password: null } }, stored).desk).toEqual(without);
    expect(put({ desk: { ...DESK, password: null } }, stored).desk).toEqual(without);
    expect(patch({ desk: null }, stored).desk).toBeNull();
  });

  it('do not go over to another desk', () => {
    expect(patch({ mode: 'native', desk: { kind: 'other' } }, stored).desk).toEqual({ kind: 'other' });
    expect(problems(() => patch({ mode: 'native', desk: { kind: 'other', password: 'set' } }, stored))).toEqual({
      'desk.password': '"set" keeps a stored value of the same address, and there is none',
    });
  });

  it('do not go over to another kind of authorization', () => {
    const found = problems(() => patch({ callback: { auth: { type: 'basic', username: 'u' } } }, stored));
    expect(Object.keys(found)).toEqual(['callback.auth.password']);
    expect(patch({ callback: { auth: null } }, stored).callback).toEqual({ url: 'https://bot.example.com', secret });
  });

  it('do not follow to another address: they are asked for again, or given up with null', () => {
    expect(problems(() => patch({ desk: { url: 'https://other.example' } }, stored))).toEqual({
      'desk.password': expect.stringContaining('"set"'),
      'desk.secret': expect.stringContaining('"set"'),
    });
    expect(problems(() => patch({ callback: { url: 'https://other.example' } }, stored))).toEqual({
      'callback.secret': expect.stringContaining('"set"'),
      'callback.auth.token': expect.stringContaining('"set"'),
    });
    expect(
      Object.keys(
        problems(() =>
          put({ ...stored, callback: { ...stored.callback, url: 'http://other.example', secret: 'set' } }, stored),
        ),
      ),
    ).toContain('callback.secret');
    const moved = patch({ desk: { url: 'https://other.example', password: null, secret } }, stored);
    expect(moved.desk).not.toHaveProperty('password');
    expect(patch({ callback: { url: 'https://bot.example.com/other/path' } }, stored).callback).toMatchObject({
      secret,
    });
  });

  it('cannot be "set" when nothing is stored', () => {
    const found = problems(() =>
      put({ desk: { ...DESK, secret: 'set' }, callback: { url: 'https://x.example', secret: 'set' } }),
    );
    expect(found).toEqual({
      'desk.secret': '"set" keeps a stored value of the same address, and there is none',
      'callback.secret': '"set" keeps a stored value of the same address, and there is none',
    });
  });
});

describe('a desk whose address is the vendor, unless it names another', () => {
  const plain = { kind: 'both', token: 'tok-9' };
  const asked = { 'desk.token': expect.stringContaining('"set"') };
  const SANDBOX = 'https://sandbox.example';

  it.each([
    ['appears', plain, { baseUrl: SANDBOX }],
    ['goes away', { ...plain, baseUrl: SANDBOX }, { baseUrl: null }],
    ['changes', { ...plain, baseUrl: SANDBOX }, { baseUrl: 'https://sandbox.example.evil.example' }],
    ['changes its port', { ...plain, baseUrl: SANDBOX }, { baseUrl: `${SANDBOX}:8443` }],
  ])('asks for the secrets again when that %s', (_what, before, change) => {
    const kept = put({ desk: before });
    expect(problems(() => patch({ desk: change }, kept))).toEqual(asked);
    expect(problems(() => patch({ desk: { ...change, token: 'set' } }, kept))).toEqual(asked);
    expect(patch({ desk: { ...change, token: 'new' } }, kept).desk).toMatchObject({ token: 'new' });
  });

  it('asks again when the whole is saved without the other address, and when it is saved with one', () => {
    expect(problems(() => put({ desk: { kind: 'both' } }, put({ desk: { ...plain, baseUrl: SANDBOX } })))).toEqual(
      asked,
    );
    expect(problems(() => put({ desk: { kind: 'both', baseUrl: SANDBOX } }, put({ desk: plain })))).toEqual(asked);
  });

  it('keeps the secrets while the origin stays', () => {
    const kept = put({ desk: { ...plain, baseUrl: SANDBOX } });
    expect(patch({ desk: { region: 'eu' } }, kept).desk).toMatchObject({ token: 'tok-9', baseUrl: SANDBOX });
    expect(patch({ desk: { baseUrl: `${SANDBOX}/path` } }, kept).desk).toMatchObject({ token: 'tok-9' });
    expect(put({ desk: { kind: 'both' } }, put({ desk: plain })).desk).toMatchObject({ token: 'tok-9' });
  });
});

describe('a field that one mode needs', () => {
  const desk = { kind: 'both', token: 't' };

  it('is asked for in that mode only', () => {
    expect(put({ desk }).desk).toEqual({ ...desk, region: 'us' });
    expect(problems(() => put({ mode: 'native', desk }))).toEqual({ 'desk.teamId': 'needed in native mode' });
    expect(put({ mode: 'native', desk: { ...desk, teamId: '7' } }).mode).toBe('native');
  });

  it('cannot be removed in that mode, and stops a change to it', () => {
    const found = { 'desk.teamId': 'needed in native mode' };
    expect(problems(() => patch({ mode: 'native' }, put({ desk })))).toEqual(found);
    const native = put({ mode: 'native', desk: { ...desk, teamId: '7' } });
    expect(problems(() => patch({ desk: { teamId: null } }, native))).toEqual(found);
  });

  it('is named beside the other problems of the desk', () => {
    expect(Object.keys(problems(() => put({ mode: 'native', desk: { kind: 'both', region: 'mars' } })))).toEqual([
      'desk.teamId',
      'desk.token',
      'desk.region',
    ]);
  });
});

describe('a partial change', () => {
  it('keeps what it does not name and replaces lists and texts as a whole', () => {
    const before = put({ desk: DESK, texts: { fr: { active: 'A' }, de: { active: 'B' } }, contextRounds: 3 });
    const after = patch({ texts: { fr: { active: null } }, enabled: true }, before);
    expect(after).toEqual({ ...before, enabled: true, texts: { fr: { active: null } } });
  });

  it('checks the mode against the desk that is there', () => {
    expect(Object.keys(problems(() => patch({ mode: 'native' }, put({ desk: DESK }))))).toEqual(['mode']);
  });
});

describe('what a native conversation takes along', () => {
  it('is when it ends and whether there is a callback', () => {
    expect(conversationSettings(put({}))).toEqual({ idleTimeoutMs: 86_400_000, callback: false });
    const settings = put({ conversationIdleSeconds: 60, callback: { url: 'https://bot.example.com', secret } });
    expect(conversationSettings(settings)).toEqual({ idleTimeoutMs: 60_000, callback: true });
  });

  it.each([59, 604_801, 90.5])('refuses %d seconds', (conversationIdleSeconds) => {
    expect(Object.keys(problems(() => put({ conversationIdleSeconds })))).toEqual(['conversationIdleSeconds']);
  });
});

describe('what a handoff takes along', () => {
  it('is in milliseconds and in the language of the user', () => {
    const settings = put({ agentSilenceTimeoutSeconds: 30, texts: { fr: { active: 'Voilà' } } });
    expect(handoffSettings(settings, 'fr-FR')).toMatchObject({
      waitTimeoutMs: 60_000,
      inactivityTimeoutMs: 180_000,
      agentSilenceTimeoutMs: 30_000,
      emailTimeoutMs: 300_000,
      contextRounds: 10,
      callback: false,
      texts: { active: 'Voilà', connecting: BUILT_IN_TEXTS['fr']?.connecting },
    });
    expect(handoffSettings(put({})).agentSilenceTimeoutMs).toBeNull();
  });

  it('out of hours: own text of the language, then the own reply, then the built-in text of the language', () => {
    expect(outOfHoursReply(put({}), 'fr')).toBe(BUILT_IN_TEXTS['fr']?.out_of_hours);
    expect(outOfHoursReply(put({ outOfHoursReply: 'Closed.' }), 'fr')).toBe('Closed.');
    const texts = { fr: { out_of_hours: 'Fermé.' }, de: { out_of_hours: null } };
    expect(outOfHoursReply(put({ outOfHoursReply: 'Closed.', texts }), 'fr')).toBe('Fermé.');
    expect(outOfHoursReply(put({ outOfHoursReply: 'Closed.', texts }), 'de')).toBeNull();
    expect(outOfHoursReply(put({ outOfHoursReply: 'Closed.', texts }), 'es')).toBe('Closed.');
  });
});

describe('the registry', () => {
  it('says which mode needs a field and what a field may be', () => {
    const fields = configFields(both).map(({ name, required, requiredIn, choices }) => ({
      name,
      required,
      ...(requiredIn && { requiredIn }),
      ...(choices && { choices }),
    }));
    expect(fields).toEqual([
      { name: 'token', required: true },
      { name: 'region', required: false, choices: ['us', 'eu'] },
      { name: 'tier', required: false, choices: ['a', 'b'] },
      { name: 'teamId', required: false, requiredIn: ['native'] },
      { name: 'baseUrl', required: false },
    ]);
  });

  it('describes the fields of a desk for a form', () => {
    expect(configFields(webhook).map(({ name, secret: hidden, required }) => [name, hidden, required])).toEqual([
      ['url', false, true],
      ['username', false, false],
      ['password', true, false],
      ['secret', true, false],
    ]);
    expect(secretFields(webhook)).toEqual(['password', 'secret']);
  });

  it('refuses two desks with one id', () => {
    expect(() => createRegistry([webhook, webhook])).toThrow('two desks');
  });
});
