import type { FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { isSameOrigin } from '../../api/session.ts';

const isOurs = (publicUrl: string, headers: Record<string, string>): boolean =>
  isSameOrigin({ headers } as unknown as FastifyRequest, publicUrl);

it('where the public address is HTTPS, a page of the same name over plain HTTP is not ours', () => {
  const publicUrl = 'https://baton.example';
  const host = 'baton.example';
  expect(isOurs(publicUrl, { host, origin: 'https://baton.example' })).toBe(true);
  expect(isOurs(publicUrl, { host, origin: 'http://baton.example' })).toBe(false);
  expect(isOurs('https://baton.example:8443/', { host: `${host}:8443`, origin: 'http://baton.example:8443' })).toBe(
    false,
  );
});

it('the address that was called is ours beside the public one', () => {
  for (const publicUrl of ['https://baton.example', 'http://127.0.0.1:8080']) {
    expect(isOurs(publicUrl, { host: 'localhost:8080', origin: 'http://localhost:8080' }), publicUrl).toBe(true);
    expect(isOurs(publicUrl, { host: 'localhost:8080', origin: 'http://localhost:9090' }), publicUrl).toBe(false);
  }
});
