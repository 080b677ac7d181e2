import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pino } from 'pino';
import { createStore, type Store } from '../../activities/store/store.ts';
import { newDataDir, removeDataDir, startBaton } from '../support/baton-process.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { newHandoff, webhookSettings } from '../store/fixture.ts';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const [k1, k2, p1] = [newKey('k1'), newKey('k2'), newKey('p1')];

let database: { url: string; drop(): Promise<void> };
let dataDir: string;
const stores: Store[] = [];
const storeWith = (secretKeys: string, payloadKeys?: string): Store => {
  const store = createStore({ databaseUrl: database.url, secretKeys, payloadKeys, log: pino({ level: 'silent' }) });
  stores.push(store);
  return store;
};

beforeAll(async () => {
  [database, dataDir] = await Promise.all([createTestDatabase(), newDataDir()]);
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await database.drop();
  await removeDataDir(dataDir);
});

/** The command as an operator calls it. */
async function rotate(secretKeys: string, payloadKeys = ''): Promise<{ code: number | string; output: string }> {
  const env = { DATABASE_URL: database.url, BATON_SECRET_KEYS: secretKeys, BATON_PAYLOAD_KEYS: payloadKeys };
  const command = startBaton(dataDir, env, ['rotate-keys']);
  return { code: await command.exit(), output: command.output() };
}

it('the steps of a change of keys end with a database that the old ones do not open', async () => {
  const before = storeWith(k1);
  const settings = webhookSettings();
  await before.bots.put('bot', settings);
  const handoff = newHandoff({ botId: 'bot' });
  await before.handoffs.open(handoff);

  const first = await rotate(`${k2},${k1}`, p1);
  expect([first.code, first.output]).toEqual([0, expect.stringContaining('nothing in PostgreSQL needs k1 any more')]);
  expect(first.output).toMatch(/^bots: 1 rows, 1 sealed anew \(k2 2\)$/m);
  expect(first.output).toMatch(/^handoffs: 1 rows, 1 sealed anew \(p1 1\)$/m);
  for (const [, secret] of [k1, k2, p1].map((key) => key.split(':'))) expect(first.output).not.toContain(secret);

  const after = storeWith(k2, p1);
  expect(await after.bots.withSecrets('bot')).toEqual(settings);
  expect(await after.handoffs.get(handoff.id)).toMatchObject({ question: handoff.question });
  await expect(before.bots.withSecrets('bot')).rejects.toThrow(/key k2, which is not configured/);

  const again = await rotate(k2, p1);
  expect(again.code).toBe(0);
  expect(again.output).toMatch(/^bots: 1 rows, 0 sealed anew/m);

  const tooEarly = await rotate(k2, `off,${p1}`);
  expect([tooEarly.code, tooEarly.output]).toEqual([
    1,
    expect.stringContaining('BATON_PAYLOAD_KEYS begins with "off"'),
  ]);

  const wrong = await rotate(newKey('k3'), newKey('p3'));
  expect(wrong.code).toBe(1);
  expect(wrong.output).toContain('BATON_SECRET_KEYS: not everything is sealed with k3');
  expect(wrong.output).toMatch(/^baton: \d+ rows cannot be opened and stay as they are, for example: .*key k2/m);
  expect(await after.bots.withSecrets('bot')).toEqual(settings);
});
