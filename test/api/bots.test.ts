import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './harness.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const WHSEC = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const secrets = {
  password: 'desk-password-1',
  secret: WHSEC,
  token: 'callback-token-1',
};
const full = () => ({
  enabled: true,
  desk: { kind: 'webhook', url: api.deskUrl, username: 'baton', password: secrets.password, secret: WHSEC },
  callback: { url: 'https://bot.example.org/events', secret: WHSEC, auth: { type: 'bearer', token: secrets.token } },
});

describe('settings', () => {
  it('never show a secret in any answer, and keep it through PATCH and PUT', async () => {
    const put = await api.call('PUT', '/v1/bots/secretive', { body: full() });
    expect(put.status).toBe(201);
    const patch = await api.call('PATCH', '/v1/bots/secretive', {
      body: { trigger: 'when asked', desk: { username: 'other' } },
    });
    const { json } = await api.call('GET', '/v1/bots/secretive');
    const again = await api.call('PUT', '/v1/bots/secretive', { body: json.settings });
    expect(again.status, again.text).toBe(200);
    const list = await api.call('GET', '/v1/bots');
    const status = await api.call('GET', '/v1/bots/secretive/status');
    const verify = await api.call('POST', '/v1/bots/secretive/verify');
    for (const answer of [put, patch, again, list, status, verify]) {
      for (const secret of Object.values(secrets)) expect(answer.text).not.toContain(secret);
    }
    expect(again.json.settings).toMatchObject({
      trigger: 'when asked',
      desk: { username: 'other', password: 'set', secret: 'set' },
      callback: { secret: 'set', auth: { token: 'set' } },
    });
    const stored = await api.store.bots.withSecrets('secretive');
    expect(stored).toMatchObject({
      desk: { password: secrets.password },
      callback: { auth: { token: secrets.token } },
    });
    expect(api.log.join('')).not.toContain(secrets.password);
  });

  it('are deleted by the operator, unless a handoff is open', async () => {
    const { botId, key } = await api.bot();
    const { json } = await api.start(botId);
    const refused = await api.call('DELETE', `/v1/bots/${botId}`);
    expect([refused.status, refused.json.error.code]).toEqual([409, 'handoffs_open']);
    const { botId: idle, key: idleKey } = await api.bot();
    expect((await api.call('DELETE', `/v1/bots/${idle}`)).status).toBe(204);
    expect((await api.call('GET', `/v1/bots/${idle}`)).status).toBe(404);
    expect((await api.call('GET', '/v1/bots', { key: idleKey })).status).toBe(401);
    expect((await api.call('GET', `/v1/handoffs/${json.handoff.id}`, { key })).status).toBe(200);
  });
});

describe('service status', () => {
  it('is not_configured without a desk, and verify says so', async () => {
    const { botId } = await api.bot({ desk: null });
    expect((await api.call('GET', `/v1/bots/${botId}/status`)).json).toMatchObject({
      service: 'not_configured',
      since: null,
    });
    const verify = await api.call('POST', `/v1/bots/${botId}/verify`);
    expect([verify.status, verify.json.error.code]).toEqual([409, 'not_configured']);
  });

  it('follows the verification of new credentials, and a save succeeds all the same', async () => {
    api.desk.setAuth({ username: 'baton', password: 'right' });
    const desk = { kind: 'webhook', url: api.deskUrl, username: 'baton', password: 'wrong' };
    const saved = await api.call('PUT', '/v1/bots/verified', { body: { enabled: true, desk } });
    expect([saved.status, saved.json.service.state]).toEqual([201, 'unavailable']);
    expect(saved.json.service.why).toContain('401');
    expect((await api.call('GET', '/v1/bots/verified/status')).json).toMatchObject({
      service: 'unavailable',
      why: expect.stringContaining('401'),
      since: expect.any(String),
    });
    const mended = await api.call('PATCH', '/v1/bots/verified', { body: { desk: { password: 'right' } } });
    expect(mended.json.service.state).toBe('available');
    api.desk.setAuth({ username: 'baton', password: 'changed' });
    const verify = await api.call('POST', '/v1/bots/verified/verify');
    expect([verify.status, verify.json.ok, verify.json.service.state]).toEqual([200, false, 'unavailable']);
    // Nothing about the desk has changed: it is not called.
    const calls = await api.call('PATCH', '/v1/bots/verified', { body: { enabled: false } });
    expect(calls.json.service.state).toBe('unavailable');
    api.desk.setAuth({});
  });

  it('what somebody else saves while a desk takes its time is not undone', async () => {
    const { botId } = await api.bot();
    const desk = createServer();
    await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
    const asked = new Promise<ServerResponse>((resolve) => desk.once('request', (_request, held) => resolve(held)));
    const url = `http://127.0.0.1:${(desk.address() as AddressInfo).port}`;
    const slow = api.call('PATCH', `/v1/bots/${botId}`, { body: { desk: { url } } });
    const answer = await asked;
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { enabled: false } });
    desk.on('request', (_request, response) => response.end());
    answer.end();
    expect((await slow).json.settings).toMatchObject({ enabled: false, desk: { url } });
    desk.close();
  });

  it('says when a desk cannot be reached', async () => {
    const desk = { kind: 'webhook', url: 'http://127.0.0.1:9/none' };
    const saved = await api.call('PUT', '/v1/bots/unreachable', { body: { enabled: true, desk } });
    expect([saved.status, saved.json.service.state]).toEqual([201, 'unavailable']);
    expect(saved.json.service.why.length).toBeGreaterThan(10);
  });

  it('tells hours, next opening and the health of the callback', async () => {
    const { botId } = await api.bot({
      hours: {
        timezone: 'UTC',
        periods: [
          { kind: 'weekly', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '12:00' },
          { kind: 'weekly', days: [1, 2, 3, 4, 5, 6, 7], from: '12:00', to: '24:00' },
        ],
      },
      callback: { url: 'https://bot.example.org/events' },
    });
    await api.store.callbacks.failing(botId, 'HTTP 500');
    expect((await api.call('GET', `/v1/bots/${botId}/status`)).json).toMatchObject({
      service: 'available',
      enabled: true,
      open: true,
      periods: [{ from: '00:00', to: '24:00' }],
      timezone: 'UTC',
      nextOpening: null,
      callback: { failingSince: expect.any(String), lastError: 'HTTP 500', lastSuccessAt: null },
    });
    const metrics = await api.call('GET', '/metrics', { key: null });
    expect(metrics.text).toMatch(/^baton_callbacks_failing 1$/m);
  });
});

describe('the tool definition [69]', () => {
  it('has the forms of OpenAI, Anthropic and MCP, with the trigger in each', async () => {
    const { botId, key } = await api.bot({ trigger: 'when the user mentions dragons' });
    const { json } = await api.call('GET', `/v1/bots/${botId}/tool`, { key });
    expect(json.openai).toMatchObject({ type: 'function', function: { name: 'request_handoff' } });
    expect(json.anthropic.name).toBe('request_handoff');
    expect(json.mcp.name).toBe('request_handoff');
    const schemas = [json.openai.function.parameters, json.anthropic.input_schema, json.mcp.inputSchema];
    for (const schema of schemas) {
      expect(schema).toMatchObject({ type: 'object', required: expect.arrayContaining(['question']) });
    }
    for (const { description } of [json.openai.function, json.anthropic, json.mcp]) {
      expect(description).toContain('when the user mentions dragons');
    }
  });
});
