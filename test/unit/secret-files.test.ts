import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ConfigError, loadConfig } from '../../activities/platform/config.ts';
import { SECRET_FILE_VARIABLES } from '../../activities/platform/secret-files.ts';
import { temporalTarget } from '../../activities/platform/temporal.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-secrets-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

function problems(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable, message }) => `${variable} ${message}`);
    throw error;
  }
}

describe('secrets in files', () => {
  it('are read, without the line break at the end of the file', async () => {
    const [first, second] = [key('new'), key('old')];
    const config = loadConfig({
      BATON_OPERATOR_KEY_FILE: await file('operator', 'operator-key-of-the-file\n'),
      BATON_METRICS_KEY_FILE: await file('metrics', 'metrics-key-of-the-file\r\n'),
      BATON_SECRET_KEYS_FILE: await file('secrets', `${first},\n${second}\n`),
      BATON_PAYLOAD_KEYS_FILE: await file('payload', first),
      DATABASE_URL_FILE: await file('database', 'postgres://u:p@db:5432/baton\n'),
    });
    expect(config).toMatchObject({
      operatorKey: 'operator-key-of-the-file',
      metricsKey: 'metrics-key-of-the-file',
      secretKeys: `${first},\n${second}`,
      payloadKeys: first,
      databaseUrl: 'postgres://u:p@db:5432/baton',
    });
  });

  it('reach the Temporal client as well', async () => {
    const env = {
      TEMPORAL_ADDRESS: 'temporal.example.com:7233',
      TEMPORAL_API_KEY_FILE: await file('api-key', 'the-api-key\n'),
    };
    const { connectionOptions } = temporalTarget({ address: env.TEMPORAL_ADDRESS, env });
    expect(connectionOptions).toMatchObject({ apiKey: 'the-api-key', tls: expect.anything() });
  });

  it('are checked like the variables, and named without their value', async () => {
    const path = await file('short', 'too short');
    expect(problems({ BATON_OPERATOR_KEY_FILE: path })).toEqual([
      'BATON_OPERATOR_KEY must have at least 16 characters and no spaces',
    ]);
  });

  it('stop the start when a file is missing or empty, or when the variable is given too', async () => {
    const path = await file('given', 'operator-key-of-the-file');
    expect(
      problems({
        BATON_OPERATOR_KEY: 'operator-key-of-the-variable',
        BATON_OPERATOR_KEY_FILE: path,
        DATABASE_URL_FILE: join(folder, 'nowhere'),
        BATON_SECRET_KEYS_FILE: await file('empty', ' \n'),
        PORT: 'x',
      }),
    ).toEqual([
      'BATON_OPERATOR_KEY_FILE and BATON_OPERATOR_KEY are both given: give one of them',
      'BATON_SECRET_KEYS_FILE names an empty file',
      'DATABASE_URL_FILE cannot be read (ENOENT)',
      'PORT must be a whole number from 0 to 65535',
    ]);
  });

  it('count an empty variable as not given', () => {
    const env = Object.fromEntries(SECRET_FILE_VARIABLES.map((name) => [name, '']));
    expect(SECRET_FILE_VARIABLES).toContain('TEMPORAL_API_KEY_FILE');
    expect(loadConfig(env)).toEqual(loadConfig({}));
  });
});
