import { randomBytes } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { ConfigError, loadConfig, playgroundIsOn } from '../../activities/platform/config.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

function problems(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.variable);
    throw error;
  }
}

describe('the settings of the process', () => {
  it('work without any variable', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      dataDir: '.data',
      rateLimit: 6000,
      temporalUiUrl: undefined,
      logLevel: 'info',
    });
    expect(loadConfig({}).databaseUrl).toBeUndefined();
  });

  it('count an empty variable as not given', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: ' ', BATON_SECRET_KEYS: '' })).toEqual(loadConfig({}));
  });

  it('take every variable', () => {
    const secretKeys = `${key('new')},${key('old')}`;
    const config = loadConfig({
      HOST: '0.0.0.0',
      PORT: '0',
      BATON_PUBLIC_URL: 'https://baton.example.com/base/',
      BATON_SECRET_KEYS: secretKeys,
      BATON_ALLOWED_NETWORKS: '10.0.0.0/8, fd00::/8',
      BATON_TEMPORAL_UI_URL: 'https://temporal.example.com/',
      DATABASE_URL: 'postgres://u:p@db:5432/baton',
      TEMPORAL_ADDRESS: 'temporal:7233',
    });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      publicUrl: 'https://baton.example.com/base',
      secretKeys,
      allowedNetworks: ['10.0.0.0/8', 'fd00::/8'],
      temporalUiUrl: 'https://temporal.example.com',
      databaseUrl: 'postgres://u:p@db:5432/baton',
      temporalAddress: 'temporal:7233',
    });
  });

  it.each([
    [true, {}],
    [false, { DATABASE_URL: 'postgres://u@db/baton' }],
    [false, { TEMPORAL_ADDRESS: 'temporal:7233' }],
    [false, { BATON_PLAYGROUND: 'false' }],
    [true, { BATON_PLAYGROUND: 'true', DATABASE_URL: 'postgres://u@db/baton', TEMPORAL_ADDRESS: 'temporal:7233' }],
  ])('have a playground (%s) with %o', (on, env) => {
    expect(playgroundIsOn(loadConfig(env))).toBe(on);
  });

  it('name every problem at once', () => {
    const env = {
      PORT: '70000',
      BATON_PUBLIC_URL: 'baton.example.com',
      BATON_OPERATOR_KEY: 'short',
      BATON_SECRET_KEYS: 'nonsense',
      BATON_PAYLOAD_KEYS: 'k:AAAA',
      BATON_ALLOWED_NETWORKS: '10.0.0.0/8,everywhere',
      BATON_METRICS_KEY: 'with a space in it',
      BATON_RATE_LIMIT: 'many',
      BATON_LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
      TEMPORAL_ADDRESS: 'temporal',
      BATON_TEMPORAL_METRICS_ADDRESS: '9464',
    };
    expect(problems(env).sort()).toEqual(Object.keys(env).sort());
  });

  it.each(['-1', '1.5', '80 80', '0x50', '1e3'])('refuse %s as a port', (PORT) => {
    expect(problems({ PORT })).toEqual(['PORT']);
  });

  it.each(['1', '6', '-1', '1.5', '40000'])('refuse to keep what has ended for %s days', (BATON_RETENTION_DAYS) => {
    expect(problems({ BATON_RETENTION_DAYS })).toEqual(['BATON_RETENTION_DAYS']);
  });

  it('keep what has ended for 90 days, for as long as is asked, or for ever', () => {
    const days = ['', '7', '0'].map((value) => loadConfig({ BATON_RETENTION_DAYS: value }).retentionDays);
    expect(days).toEqual([90, 7, 0]);
  });

  it('refuse a playground that is neither on nor off', () => {
    expect(problems({ BATON_PLAYGROUND: 'yes' })).toEqual(['BATON_PLAYGROUND']);
  });

  it('have limits with defaults, and each may be set', () => {
    expect(loadConfig({}).limits).toMatchObject({
      databaseConnections: 10,
      workflowTasks: 12,
      drainSeconds: undefined,
    });
    const { limits } = loadConfig({
      BATON_DRAIN_SECONDS: '0',
      BATON_BODY_KB: '64',
      BATON_MIGRATE: 'false',
      BATON_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8',
    });
    expect(limits).toMatchObject({
      drainSeconds: 0,
      bodyBytes: 65_536,
      migrate: false,
      trustedProxies: ['10.0.0.0/8', 'fd00::/8'],
    });
  });

  it('refuse a worker that would be given up before its calls may end', () => {
    expect(problems({ BATON_WORKER_GRACE_SECONDS: '30', BATON_WORKER_FORCE_SECONDS: '30' })).toEqual([
      'BATON_WORKER_FORCE_SECONDS',
    ]);
    expect(problems({ BATON_WORKER_GRACE_SECONDS: '30', BATON_WORKER_FORCE_SECONDS: '40' })).toEqual([]);
  });

  it.each([
    ['BATON_TRUSTED_PROXIES', '10.0.0.1'],
    ['BATON_DATABASE_CONNECTIONS', '9'],
    ['BATON_MIGRATE', 'yes'],
    ['BATON_WORKER_PORT', '70000'],
  ])('refuse %s=%s', (name, value) => {
    expect(problems({ [name]: value })).toEqual([name]);
  });

  it('make workers versions of a deployment only with a build id', () => {
    expect(loadConfig({}).rollout).toEqual({ version: undefined, holdPatches: false });
    expect(loadConfig({ BATON_BUILD_ID: '1.4.0', BATON_HOLD_PATCHES: 'true' }).rollout).toEqual({
      version: { deploymentName: 'baton', buildId: '1.4.0' },
      holdPatches: true,
    });
    const wrong = { BATON_BUILD_ID: 'one:two', BATON_DEPLOYMENT_NAME: 'a.b', BATON_HOLD_PATCHES: 'no' };
    expect(problems(wrong).sort()).toEqual(Object.keys(wrong).sort());
  });

  it('take payload keys that are known and not yet used, and no such secret keys', () => {
    const key = `k1:${Buffer.alloc(32).toString('base64')}`;
    expect(loadConfig({ BATON_PAYLOAD_KEYS: `off,${key}` }).payloadKeys).toBe(`off,${key}`);
    expect(problems({ BATON_PAYLOAD_KEYS: 'off' })).toEqual(['BATON_PAYLOAD_KEYS']);
    expect(problems({ BATON_PAYLOAD_KEYS: `${key},off` })).toEqual(['BATON_PAYLOAD_KEYS']);
    expect(problems({ BATON_SECRET_KEYS: `off,${key}` })).toEqual(['BATON_SECRET_KEYS']);
  });

  it('never repeat a secret in the error', () => {
    const secret = 'c2VjcmV0LXZhbHVlLXRoYXQtbXVzdC1ub3QtbGVhaw==';
    expect(() => loadConfig({ BATON_SECRET_KEYS: `k:${secret}`, DATABASE_URL: `mysql://u:${secret}@h/d` })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(secret) }),
    );
  });
});
