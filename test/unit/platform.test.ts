import { expect, test } from 'vitest';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import { temporalTarget } from '../../activities/platform/temporal.ts';

test('secrets are redacted in log lines, also inside objects', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  log.info({ authorization: 'Bearer hunter2', desk: { password: 'hunter2', url: 'https://a.example' } }, 'called');
  log.info({ req: { headers: { authorization: 'hunter2', cookie: 'hunter2' } } }, 'called');
  log.debug('not at this level');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('hunter2');
  expect(JSON.parse(lines[0]!)).toMatchObject({
    msg: 'called',
    desk: { password: '[redacted]', url: 'https://a.example' },
  });
});

test('an error in the log says what it is, and not what it carries', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  const duplicate = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (email)=(ann@example.com)',
  });
  const refused = Object.assign(new Error('[livechat] send: 400', { cause: duplicate }), {
    kind: 'rejected',
    status: 400,
    detail: 'text: "my secret story" is too long',
  });
  log.warn({ err: refused }, 'refused');
  log.warn({ error: refused }, 'as the Temporal SDK says it');
  expect(lines.join('')).not.toMatch(/ann@example|secret story/);
  for (const line of lines) {
    const { err, error } = JSON.parse(line) as Record<string, unknown>;
    expect(err ?? error).toMatchObject({
      type: 'Error',
      message: '[livechat] send: 400',
      kind: 'rejected',
      status: 400,
      stack: expect.stringContaining('platform.test'),
      cause: { code: '23505', message: 'duplicate key' },
    });
  }
});

test('each process part has metrics of its own, by the names that alerts use', async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.deliveries.inc({ lane: 'desk', desk: 'webhook', outcome: 'ok' });
  one.callbacksFailing.set(3);
  const text = await one.registry.metrics();
  expect(text).toContain('baton_deliveries_total{lane="desk",desk="webhook",outcome="ok"} 1');
  expect(text).toContain('baton_callbacks_failing 3');
  expect(await two.registry.metrics()).not.toContain('outcome="ok"');
});

test('TEMPORAL_ settings count for the address they name, and never for our own child', () => {
  const env = {
    TEMPORAL_ADDRESS: 'cloud.example:7233',
    TEMPORAL_NAMESPACE: 'prod',
    TEMPORAL_API_KEY: 'key',
    TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml',
  };
  expect(temporalTarget({ address: 'cloud.example:7233', env })).toEqual({
    namespace: 'prod',
    connectionOptions: { address: 'cloud.example:7233', apiKey: 'key', tls: true },
  });
  expect(temporalTarget({ address: '127.0.0.1:7233', env })).toEqual({
    namespace: 'default',
    connectionOptions: { address: '127.0.0.1:7233' },
  });
  expect(temporalTarget({ address: 'cloud.example:7233', namespace: 'other', env }).namespace).toBe('other');
});
