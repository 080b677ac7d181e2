import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient, HttpError } from '../../activities/http/client.ts';
import { createAddressGuard, type Lookup } from '../../activities/http/guard.ts';

let server: Server;
let port: number;
let reached: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    reached.push(request.url ?? '');
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  reached = [];
});

type Options = Parameters<typeof createHttpClient>[0];

async function get(url: string, options: Partial<Options> = {}): Promise<number | string> {
  const http = createHttpClient({ allowedNetworks: [], ...options });
  try {
    return (await http.request({ method: 'GET', url, timeoutMs: 3_000 })).status;
  } catch (error) {
    if (error instanceof HttpError) return error.kind;
    throw error;
  } finally {
    await http.close();
  }
}

const resolvesTo =
  (...answers: string[][]): Lookup =>
  (_hostname, _options, callback) => {
    const addresses = answers.length > 1 ? answers.shift() : answers[0];
    callback(
      null,
      (addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };

describe('an address that a customer gives', () => {
  it.each([
    'localhost',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0',
    '127.1',
    '017700000001',
    '127.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '127.0.0.1.',
    '１２７.0.0.1',
    'localhost.',
  ])('is blocked as http://%s', async (host) => {
    const answer = await get(`http://${host}:${port}/`);
    // A name that no resolver knows is as good as blocked.
    expect(['blocked', 'unreachable']).toContain(answer);
    if (!/[a-z]\./.test(host)) expect(answer).toBe('blocked');
    expect(reached).toEqual([]);
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '192.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '100::1',
    'ff02::1',
    '5f00::1',
    'fec0::1',
    '::',
    'no address',
  ])('%s is in a network that is not allowed', (address) => {
    expect(createAddressGuard([]).refuseAddress(address)).toBeTruthy();
  });

  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450::1'])('%s is public', (address) => {
    expect(createAddressGuard([]).refuseAddress(address)).toBeUndefined();
  });

  it.each(['ftp://x.example', 'file:///etc/passwd', 'gopher://x.example', 'unix:/tmp/x', 'data:,x', 'no address'])(
    'is blocked with another scheme: %s',
    async (url) => {
      expect(await get(url)).toBe('blocked');
    },
  );

  it('is blocked with a user name or password', async () => {
    const allowed = { allowedNetworks: ['127.0.0.0/8'] };
    expect(await get(`http://user@127.0.0.1:${port}/`, allowed)).toBe('blocked');
    expect(await get(`http://:pw@127.0.0.1:${port}/`, allowed)).toBe('blocked');
    expect(await get(`http://8.8.8.8@127.0.0.1:${port}/`, allowed)).toBe('blocked');
  });
});

describe('the allowed networks of the operator', () => {
  it('let their addresses through, and no others', async () => {
    expect(await get(`http://127.0.0.1:${port}/`, { allowedNetworks: ['127.0.0.1/32'] })).toBe(200);
    expect(await get(`http://[::ffff:127.0.0.1]:${port}/`, { allowedNetworks: ['127.0.0.0/8'] })).toBe(200);
    expect(await get(`http://127.0.0.1:${port}/`, { allowedNetworks: ['10.0.0.0/8', 'fd00::/8'] })).toBe('blocked');
  });

  it('let a name through that resolves into them', async () => {
    const allowed = { allowedNetworks: ['127.0.0.0/8'], lookup: resolvesTo(['127.0.0.1']) };
    expect(await get(`http://desk.intern:${port}/`, allowed)).toBe(200);
  });

  it('are refused when they are not networks', () => {
    expect(() => createHttpClient({ allowedNetworks: ['10.0.0.0/33'] })).toThrow();
    expect(() => createHttpClient({ allowedNetworks: ['intranet'] })).toThrow();
  });
});

describe('a name', () => {
  it('is blocked when only one of its addresses is', async () => {
    const lookup = resolvesTo(['8.8.8.8', '127.0.0.1']);
    expect(await get(`http://both.example:${port}/`, { lookup })).toBe('blocked');
    expect(reached).toEqual([]);
  });

  it('is blocked when it resolves to an unwrapped form of a private address', async () => {
    expect(await get(`http://mapped.example:${port}/`, { lookup: resolvesTo(['::ffff:127.0.0.1']) })).toBe('blocked');
    expect(await get(`http://nat64.example:${port}/`, { lookup: resolvesTo(['64:ff9b::7f00:1']) })).toBe('blocked');
  });

  it('is dialled at the address that was checked, and looked up once per connection (DNS rebinding)', async () => {
    let lookups = 0;
    // Allowed at the first look, forbidden (and listening) at the second.
    const lookup: Lookup = (_hostname, _options, callback) => {
      lookups += 1;
      callback(null, [{ address: lookups === 1 ? '127.0.0.9' : '127.0.0.1', family: 4 }]);
    };
    const options = { allowedNetworks: ['127.0.0.9/32'], lookup };
    expect(await get(`http://rebind.example:${port}/`, options)).toBe('unreachable');
    expect(lookups).toBe(1);
    expect(await get(`http://rebind.example:${port}/`, options)).toBe('blocked');
    expect(reached).toEqual([]);
  });

  it('is unreachable without an address', async () => {
    expect(await get(`http://empty.example:${port}/`, { lookup: resolvesTo([]) })).toBe('unreachable');
  });
});

describe('our own sandbox', () => {
  it('may be called below its prefix, and nothing else of the same origin', async () => {
    const http = createHttpClient({ allowedNetworks: [], allowedPrefixes: [`http://127.0.0.1:${port}/sandbox`] });
    const status = async (path: string): Promise<number | string> => {
      try {
        const url = `http://127.0.0.1:${port}${path}`;
        return (await http.request({ method: 'GET', url, timeoutMs: 3_000 })).status;
      } catch (error) {
        return error instanceof HttpError ? error.kind : 'other';
      }
    };
    // First, so that a connection to the origin is there to be misused.
    expect(await status('/sandbox/webhook/chat')).toBe(200);
    for (const path of [
      '/v1/bots',
      '/sandboxes',
      '/sandbox/../v1/bots',
      '/sandbox/%2e%2e/v1',
      '/sandbox\\..\\v1',
      '/',
    ]) {
      expect(await status(path), path).toBe('blocked');
    }
    expect(reached).toEqual(['/sandbox/webhook/chat']);
    await http.close();
  });
});

describe('ports', () => {
  it('below 1024 are those of the web, except in the allowed networks', () => {
    const guard = createAddressGuard(['10.0.0.0/8']);
    expect(guard.refusePort('8.8.8.8', 25)).toBeTruthy();
    expect(guard.refusePort('8.8.8.8', 443)).toBeUndefined();
    expect(guard.refusePort('8.8.8.8', 8443)).toBeUndefined();
    expect(guard.refusePort('10.1.2.3', 81)).toBeUndefined();
  });
});
