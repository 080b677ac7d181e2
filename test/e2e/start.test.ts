import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { childrenOf, newDataDir, removeDataDir, startBaton, type BatonProcess } from '../support/baton-process.ts';
import { until } from '../support/poll.ts';

interface Event {
  type: string;
  seq: number;
  data: { text?: string; messageId?: string };
}

const call = async (
  url: string,
  key: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> => {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};

/** Takes the curl of the banner apart, so that what is printed is what is tested. */
function printedHandoff(output: string): { url: string; key: string; body: unknown } {
  const [, url, key] = /curl -s (\S+\/v1\/handoffs) -H "Authorization: Bearer ([^"]+)"/.exec(output) ?? [];
  const [, json] = /-d '([^']+)'/.exec(output) ?? [];
  return { url: url!, key: key!, body: JSON.parse(json!) };
}

async function events(address: string, key: string, handoffId: string): Promise<Event[]> {
  const { json } = await call(`${address}/v1/handoffs/${handoffId}/events`, key);
  return (json as { events: Event[] }).events;
}

const expectOneSentence = (output: string, says: RegExp): void => {
  const told = output.split('\n').filter((line) => line.startsWith('baton: '));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(says);
  expect(output).not.toMatch(/\n\s+at .*[:(]\d+/);
};

describe('npm start', () => {
  let dataDir: string;
  let baton: BatonProcess;
  let address: string;
  let key: string;
  let handoffId: string;

  beforeAll(async () => {
    dataDir = await newDataDir();
    baton = startBaton(dataDir);
    ({ address, key } = await baton.ready());
  });

  afterAll(async () => {
    baton.signal('SIGTERM');
    await baton.exit();
    await removeDataDir(dataDir);
  });

  it('prints within a screen where everything is', () => {
    const output = baton.output();
    expect(output.trim().split('\n').length).toBeLessThanOrEqual(24);
    const first = output
      .slice(output.indexOf('Baton is ready'))
      .split('\n')
      .slice(1)
      .find((line) => line !== '');
    expect(first?.trim()).toBe(`Playground     ${address}/playground#key=${key}`);
    for (const part of [
      `Console        ${address}/#key=${key}`,
      key,
      `${address}/docs`,
      'Temporal UI    http://127.0.0.1:',
    ])
      expect(output).toContain(part);
  });

  it('lets its keys be changed while it runs', async () => {
    const before = await childrenOf(dataDir);
    const rotation = startBaton(dataDir, {}, ['rotate-keys']);
    expect([await rotation.exit(), rotation.output()]).toEqual([0, expect.stringContaining('k1 is the only key')]);
    expect(rotation.output()).toMatch(/^bots: \d+ rows, 0 sealed anew/m);
    expect(await childrenOf(dataDir)).toEqual(before);
    expect((await call(`${address}/v1/bots`, key)).status).toBe(200);
  });

  it('serves the console that it has built, and the link signs its reader in', async () => {
    for (const path of ['/', '/playground']) {
      const page = await fetch(address + path);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<script type="module"')]);
    }
    const [, printed] = /\/#key=(\S+)/.exec(baton.output()) ?? [];
    const signedIn = await fetch(`${address}/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: address },
      body: JSON.stringify({ key: decodeURIComponent(printed!) }),
    });
    expect(signedIn.status).toBe(204);
  });

  it('keeps its secrets from other users of the machine', async () => {
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    for (const name of ['operator.key', 'secret.keys', 'postgres.password', 'sandbox.key', 'endpoint.json']) {
      expect((await stat(join(dataDir, name))).mode & 0o777, name).toBe(0o600);
    }
  });

  it('prints a call that starts a handoff as it stands, and the agent of the sandbox answers', async () => {
    const printed = printedHandoff(baton.output());
    const started = await call(printed.url, printed.key, printed.body);
    expect(started).toMatchObject({ status: 201, json: { outcome: 'started' } });
    handoffId = (started.json['handoff'] as { id: string }).id;
    await until(async () => (await events(address, key, handoffId)).some((event) => event.type === 'message.agent'), {
      timeoutMs: 60_000,
      message: 'the sandbox agent never answered',
    });
  });

  it('prints a call that shows the events of the bot', async () => {
    const [, url] = /curl -sN "([^"]+)"/.exec(baton.output()) ?? [];
    const abort = new AbortController();
    const response = await fetch(url!, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      signal: abort.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.includes('handoff.active')) break;
    }
    abort.abort();
    expect(text).toContain(handoffId);
  });

  it('refuses a second start on the same data and leaves the first one alone', async () => {
    const before = await childrenOf(dataDir);
    const second = startBaton(dataDir);
    expect(await second.exit()).not.toBe(0);
    expectOneSentence(second.output(), new RegExp(`already runs at ${address}`));
    expect(await childrenOf(dataDir)).toEqual(before);
    expect((await call(`${address}/v1/handoffs/${handoffId}`, key)).status).toBe(200);
  });

  it.each(['postgres', 'temporal'] as const)(
    'starts %s again when it dies under it, and handoffs go on',
    async (child) => {
      const before = (await childrenOf(dataDir))[child]!;
      process.kill(before, 'SIGKILL');
      await until(async () => ((await childrenOf(dataDir))[child] ?? before) !== before, {
        timeoutMs: 60_000,
        message: `${child} stays away`,
      });
      const message = { id: `after-${child}`, text: `Is ${child} back?` };
      await until(
        async () => (await call(`${address}/v1/handoffs/${handoffId}/messages`, key, message)).status === 202,
        {
          timeoutMs: 60_000,
          message: `the API stays without ${child}`,
        },
      );
      const answered = (event: Event): boolean =>
        event.type === 'message.agent' && event.data.text!.includes(message.text);
      await until(async () => (await events(address, key, handoffId)).some(answered), {
        timeoutMs: 60_000,
        message: 'the handoff does not go on',
      });
    },
  );

  it('after a SIGKILL takes over its children, and open handoffs go on', async () => {
    const before = await childrenOf(dataDir);
    baton.signal('SIGKILL');
    await baton.exit();
    expect(await childrenOf(dataDir)).toEqual(before);

    const started = Date.now();
    baton = startBaton(dataDir);
    ({ address } = await baton.ready());
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(await childrenOf(dataDir)).toEqual(before);
    expect(baton.output()).toContain(`kept in ${join(dataDir, 'operator.key')}`);

    const sent = await call(`${address}/v1/handoffs/${handoffId}/messages`, key, {
      id: 'after-kill',
      text: 'Are you still there?',
    });
    expect(sent.status).toBe(202);
    const answered = (event: Event): boolean =>
      event.type === 'message.agent' && event.data.text!.includes('still there');
    await until(async () => (await events(address, key, handoffId)).some(answered), {
      timeoutMs: 60_000,
      message: 'the handoff does not go on',
    });
    const all = await events(address, key, handoffId);
    expect(all.map((event) => event.seq)).toEqual(all.map((_, index) => index + 1));
    expect(all.filter((event) => event.type === 'message.failed')).toEqual([]);
  });

  it('stops all of its children on Ctrl-C, also when npm passes the key press on a second time', async () => {
    baton.signal('SIGINT');
    baton.signal('SIGINT');
    expect(await baton.exit()).toBe(0);
    expect(await childrenOf(dataDir)).toEqual({});
    expect(await readdir(dataDir)).not.toContain('endpoint.json');

    baton = startBaton(dataDir);
    ({ address } = await baton.ready());
    expect((await call(`${address}/v1/handoffs/${handoffId}`, key)).status).toBe(200);
  });
});

describe('a start whose output nobody reads any more', () => {
  it('goes on, and stops its children on Ctrl-C', async () => {
    const dataDir = await newDataDir();
    const baton = startBaton(dataDir);
    const { address } = await baton.ready();
    baton.closeOutput();
    baton.signal('SIGINT');
    expect(await baton.exit()).toBe(0);
    expect(await childrenOf(dataDir)).toEqual({});
    await expect(fetch(`${address}/livez`)).rejects.toThrow();
    await removeDataDir(dataDir);
  });
});

describe('a start that cannot go on', () => {
  let dataDir: string;

  beforeAll(async () => {
    dataDir = await newDataDir();
  });

  afterAll(() => removeDataDir(dataDir));

  const refused = async (
    env: Record<string, string>,
    args: string[] = [],
  ): Promise<{ code: number | string; output: string }> => {
    const start = startBaton(dataDir, env, args);
    const code = await start.exit();
    expect(await childrenOf(dataDir)).toEqual({});
    return { code, output: start.output() };
  };

  it('says that the port is taken and stops what it had started', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { code, output } = await refused({ PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expectOneSentence(output, new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken`));
  });

  it.each([
    ['is not there', '/nowhere/temporal', /TEMPORAL_CLI_PATH names \/nowhere\/temporal, which does not exist/],
    ['is another program', process.execPath, /TEMPORAL_CLI_PATH names .*, which is not the Temporal server/],
    ['is no program', import.meta.filename, /TEMPORAL_CLI_PATH names .*, which is not an executable file/],
  ])('says that the named binary %s', async (_, path, says) => {
    const { code, output } = await refused({ TEMPORAL_CLI_PATH: path });
    expect(code).toBe(78);
    expectOneSentence(output, says);
  });

  it.each([
    [{ PORT: 'eighty' }, /PORT must be a whole number/],
    [{ BATON_LOG_LEVEL: 'loud' }, /BATON_LOG_LEVEL must be one of/],
    [{ BATON_SECRET_KEYS: 'k:AAAA' }, /BATON_SECRET_KEYS must be kid:base64/],
    [{ HOST: '192.0.2.1', PORT: '8099' }, /HOST=192\.0\.2\.1 PORT=8099 is not an address/],
  ])('names the wrong value of %o', async (env, says) => {
    const { code, output } = await refused(env);
    expect(code).not.toBe(0);
    expectOneSentence(output, says);
  });

  it('names the settings that a role of its own needs', async () => {
    const { code, output } = await refused({}, ['api']);
    expect(code).toBe(78);
    expectOneSentence(
      output,
      /needs DATABASE_URL, TEMPORAL_ADDRESS, BATON_SECRET_KEYS, BATON_PUBLIC_URL, BATON_OPERATOR_KEY/,
    );
  });

  it('does not take a folder that holds something else', async () => {
    const folder = await newDataDir();
    await writeFile(join(folder, 'letter.txt'), 'mine');
    const start = startBaton(folder);
    expect(await start.exit()).toBe(78);
    expectOneSentence(start.output(), /holds files that are not Baton's/);
    expect(await readdir(folder)).toEqual(['letter.txt']);
    await removeDataDir(folder);
  });
});
