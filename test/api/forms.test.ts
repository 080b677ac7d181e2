import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { BUILT_IN_TEXTS, USER_TEXT_KEYS } from '../../activities/text/languages.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
let key: string;
let botId: string;

beforeAll(async () => {
  api = await startApi({ desks });
  ({ botId, key } = await api.bot());
});
afterAll(() => api.close());

describe('the desks', () => {
  it('are all there, with what they can and which fields they have', async () => {
    const { status, json } = await api.call('GET', '/v1/desks', { key });
    expect(status).toBe(200);
    expect(json.desks.map(({ id }: { id: string }) => id)).toEqual(desks.all().map(({ id }) => id));
    const zoho = json.desks.find(({ id }: { id: string }) => id === 'zoho-salesiq');
    expect(zoho).toMatchObject({
      title: 'Zoho SalesIQ',
      docs: expect.stringMatching(/^https:/),
      modes: ['external', 'native'],
      capabilities: { files: expect.any(Boolean), signsWebhooks: 'rsa' },
      limits: { textMax: expect.any(Number) },
      consent: true,
      subscribes: true,
    });
    expect(zoho.capabilities.modes).toBeUndefined();
    const secret = zoho.fields.find(({ name }: { name: string }) => name === 'clientSecret');
    expect(secret).toMatchObject({ secret: true, required: true, type: 'text', title: expect.stringMatching(/./) });
  });

  it('say which fields are no text, and what a field may be', async () => {
    const { json } = await api.call('GET', '/v1/desks');
    const fields = json.desks.flatMap(({ id, fields: all }: { id: string; fields: Record<string, unknown>[] }) =>
      all.map((field) => ({ desk: id, ...field })),
    );
    const special = fields.filter(({ type }: { type: string }) => type !== 'text');
    expect(special.map(({ desk, name, type }: Record<string, string>) => `${desk}.${name} ${type}`)).toEqual([
      'livechat.groupId number',
      'sobot.transferOnFailure boolean',
    ]);
    expect(fields.filter(({ choices }: { choices?: string[] }) => choices?.length === 0)).toEqual([]);
    expect(fields.some(({ choices }: { choices?: string[] }) => choices !== undefined)).toBe(true);
  });
});

describe('hours', () => {
  const ask = (hours: unknown) => api.call('POST', '/v1/hours', { key, body: { hours } });
  const periods = (weekly: { days: number[]; from: string; to: string }[], timezone = 'UTC') => ({
    timezone,
    periods: weekly.map((one) => ({ kind: 'weekly', ...one })),
  });
  const ALL = [1, 2, 3, 4, 5, 6, 7];

  it('are shown merged for seven days from today in their own zone', async () => {
    const zone = 'Pacific/Kiritimati';
    const { status, json } = await ask(
      periods(
        [
          { days: ALL, from: '09:00', to: '12:00' },
          { days: ALL, from: '11:00', to: '18:00' },
        ],
        zone,
      ),
    );
    expect(status).toBe(200);
    const dates = Array.from({ length: 7 }, (_, index) => new Date(Date.now() + (14 + 24 * index) * 3_600_000));
    expect(json.days).toEqual(
      dates.map((date) => ({
        date: date.toISOString().slice(0, 10),
        weekday: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
        periods: [{ from: '09:00', to: '18:00' }],
      })),
    );
    expect(json.open ? json.nextClosing : json.nextOpening).toMatch(/^\d{4}-.*Z$/);
    expect(json.open ? json.nextOpening : json.nextClosing).toBeNull();
  });

  it('null, and none, are always', async () => {
    for (const hours of [null, periods([])]) {
      const { json } = await ask(hours);
      expect(json).toMatchObject({ open: true, nextOpening: null, nextClosing: null });
      expect(json.days.map(({ periods: all }: { periods: unknown }) => all)).toEqual(
        Array.from({ length: 7 }, () => [{ from: '00:00', to: '24:00' }]),
      );
    }
  });

  it('that are wrong are told as for a bot, every field at once', async () => {
    const hours = {
      timezone: 'Mars/Olympus',
      periods: [
        { kind: 'weekly', days: [1, 1, 8], from: '25:00', to: '24:30' },
        { kind: 'date', date: '2026-02-30', from: '10:00', to: '09:00', extra: 1 },
        { kind: 'never' },
      ],
    };
    const answer = await ask(hours);
    const saved = await api.call('PATCH', `/v1/bots/${botId}`, { body: { hours } });
    expect([answer.status, saved.status]).toEqual([400, 400]);
    expect(answer.json.error.details.length).toBeGreaterThan(6);
    expect(answer.json.error.details).toEqual(saved.json.error.details);
  });

  it.each([[undefined], ['text'], [[]], [{}], [{ hours: 5 }], [{ hours: null, more: 1 }]])(
    'asked for with %j are refused',
    async (body) => {
      const answer = await api.call('POST', '/v1/hours', {
        key,
        body: typeof body === 'string' ? '"text"' : body,
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, answer.json.error.code]).toEqual([400, 'invalid_request']);
      expect(answer.json.error.details.length).toBe(1);
    },
  );
});

it('the sentences are there in every language, with what each is for', async () => {
  const { status, json } = await api.call('GET', '/v1/texts', { key });
  expect(status).toBe(200);
  expect(json.languages).toEqual(['en', 'fr', 'es', 'pt', 'de', 'zh', 'ja']);
  expect(json.texts).toEqual(BUILT_IN_TEXTS);
  expect(json.keys.map((one: { key: string }) => one.key)).toEqual([...USER_TEXT_KEYS]);
  for (const { key: name, description } of json.keys) expect(description, name).toMatch(/^[A-Z].*\.$/);
});
