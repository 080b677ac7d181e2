import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { consent } from '../../activities/desks/zoho-salesiq/consent.ts';
import { accessToken, consentOf } from '../../activities/desks/zoho-salesiq/oauth.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

const HOUR_MS = 3_600_000;

function gate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((open) => (resolve = open));
  return { promise, resolve: () => resolve() };
}

it('a consent that comes while the old one is renewed is the one that stays', async () => {
  let nowMs = Date.now();
  const renewing = gate();
  const release = gate();
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const by = form.get('code') ?? form.get('refresh_token') ?? '';
    if (form.has('refresh_token')) {
      renewing.resolve();
      await release.promise;
    }
    const tokens = { access_token: `access by ${by}`, expires_in: 3600 };
    response.end(JSON.stringify(form.has('code') ? { ...tokens, refresh_token: `refresh of ${by}` } : tokens));
  }
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const ctx = {
    config: zohoConfig.parse({
      clientId: 'client',
      clientSecret: 'secret',
      screenName: 'acme',
      region: 'eu',
      departmentId: '1',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    }),
    http,
    log: pino({ level: 'silent' }),
    memory: createTestMemory(() => nowMs),
    publicUrl: 'https://baton.example.org',
    now: () => nowMs,
    signal: AbortSignal.timeout(8_000),
  };
  const give = (code: string, mode: 'external' | 'native') =>
    consent.finish(ctx, { query: { code, location: 'eu' }, redirectUri: '', mode });
  await give('old', 'native');
  nowMs += HOUR_MS;
  const renewed = accessToken(ctx, 'send');
  await renewing.promise;
  const given = give('new', 'external');
  // It may be kept now, or wait for the renewal; what counts is what stays.
  await Promise.race([given, pause(500)]);
  release.resolve();
  await Promise.all([renewed, given]);
  expect(await consentOf(ctx, 'send')).toMatchObject({ kind: 'org', refreshToken: 'refresh of new' });
  expect(await accessToken(ctx, 'send')).toBe('access by new');
  await http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
