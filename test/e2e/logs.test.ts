import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { freePort } from '../../worker/local/processes.ts';
import { newDataDir, removeDataDir, startBaton, type BatonProcess } from '../support/baton-process.ts';
import { CALLBACK_SECRET } from '../support/callback.ts';
import { until } from '../support/poll.ts';

/** Nobody says such words, and no id has them: where one is found, a text has been logged. */
const MARKS: string[] = [];
function mark(what: string): string {
  const word = `zq${what}${randomUUID().replaceAll('-', '')}`;
  MARKS.push(word);
  return word;
}

/** A desk and a backend in one, which fail when told and then say in their answers what they were sent. */
async function startOthers(): Promise<{ url: string; fail(paths: string[]): void; calls: string[]; server: Server }> {
  let failing: string[] = [];
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'http://x').pathname;
      calls.push(path);
      const fails = failing.some((one) => path.includes(one));
      const text = { code: 500, message: `${mark('answer')} ${Buffer.concat(chunks).toString('utf8')}` };
      response.writeHead(fails ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(fails ? text : { code: 200, message: 'ok', conversation_id: '' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, calls, server, fail: (paths) => (failing = paths) };
}

describe('what operators see of a whole process', () => {
  let dataDir: string;
  let baton: BatonProcess;
  let address: string;
  let key: string;
  let sdkMetrics: string;
  let others: Awaited<ReturnType<typeof startOthers>>;

  beforeAll(async () => {
    others = await startOthers();
    dataDir = await newDataDir();
    sdkMetrics = `127.0.0.1:${await freePort()}`;
    baton = startBaton(dataDir, {
      BATON_LOG_LEVEL: 'trace',
      BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
      BATON_TEMPORAL_METRICS_ADDRESS: sdkMetrics,
    });
    ({ address, key } = await baton.ready());
  });

  afterAll(async () => {
    baton.signal('SIGTERM');
    await baton.exit();
    others.server.closeAllConnections();
    others.server.close();
    await removeDataDir(dataDir);
  });

  /** What Baton logs; its banner for the person at the terminal shows the operator key on purpose. */
  const lines = (): string[] =>
    baton
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));

  const call = async (method: string, path: string, body?: unknown, bearer = key) => {
    const response = await fetch(address + path, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown> };
  };

  it('the log, on its loudest level, has ids and no text, name, address or secret of a handoff whose desk, backend and callers fail', async () => {
    const botId = `bot-${randomUUID().slice(0, 8)}`;
    const secret = `whsec_${Buffer.from(mark('callback')).toString('base64')}`;
    const password = mark('password');
    const settings = {
      enabled: true,
      desk: { kind: 'webhook', url: `${others.url}/desk`, username: mark('login'), password },
      callback: {
        url: `${others.url}/callback?token=${mark('query')}`,
        secret,
        auth: { type: 'bearer', token: mark('token') },
      },
    };
    expect((await call('PUT', `/v1/bots/${botId}`, settings)).status).toBe(201);
    const botKey = String((await call('POST', `/v1/bots/${botId}/keys`, {})).json['key']);
    MARKS.push(botKey, key, secret, CALLBACK_SECRET);

    const user = {
      id: mark('user'),
      email: `${mark('mail')}@example.com`,
      name: mark('name'),
      phone: `+49${mark('phone')}`,
    };
    const request = {
      botId,
      conversationId: `c-${randomUUID()}`,
      channel: 'api',
      user,
      question: mark('question'),
      history: [{ role: 'user', text: mark('history') }],
      metadata: { note: mark('metadata') },
    };
    others.fail(['callback']);
    const started = await call('POST', '/v1/handoffs', request, botKey);
    expect(started.status).toBe(201);
    const { id } = started.json['handoff'] as { id: string };
    await until(() => others.calls.some((path) => path.endsWith('establish')), { message: 'the desk was asked' });
    const types = async (): Promise<string[]> => {
      const { json } = await call('GET', `/v1/handoffs/${id}/events`, undefined, botKey);
      return (json['events'] as { type: string }[]).map((event) => event.type);
    };
    const sees = (type: string) =>
      until(async () => (await types()).includes(type), { message: type, timeoutMs: 60_000 });
    await sees('handoff.connecting');

    const reply = { conversation_id: id, timestamp: Date.now(), body: [{ type: 'text', text: mark('reply') }] };
    await call('POST', '/v1/human/message/receive', { ...reply, agent: { id: 'a', name: mark('agent') } }, botKey);
    others.fail(['callback', 'chat']);
    await call('POST', `/v1/handoffs/${id}/messages`, { text: mark('message') }, botKey);
    await until(() => others.calls.filter((path) => path.endsWith('chat')).length >= 2, {
      message: 'the message was tried again',
      timeoutMs: 60_000,
    });
    // What callers get wrong is shown to them, and to nobody else.
    await call('POST', `/v1/handoffs/${id}/messages`, { text: 7, more: mark('wrong') }, botKey);
    await call('POST', '/v1/handoffs', `{"question": "${mark('broken')}`, botKey);
    await call('GET', `/v1/${mark('path')}?q=${mark('search')}`, undefined, botKey);
    await call('GET', `/v1/handoffs/${mark('id')}`, undefined, mark('guess'));
    await call('POST', `/webhooks/webhook/${mark('hook')}`, { text: mark('webhook') });
    await call('POST', '/v1/human/message/receive', { ...reply, conversation_id: mark('nobody') }, botKey);
    others.fail(['callback']);
    await call('POST', `/v1/handoffs/${id}/close`, { by: 'user' }, botKey);
    await sees('handoff.closed');
    await call('POST', '/v1/human/message/receive', { ...reply, timestamp: 1 }, botKey);

    const logged = lines();
    expect(logged.length).toBeGreaterThan(20);
    expect(logged.some((line) => line.includes(id))).toBe(true);
    expect(logged.some((line) => (JSON.parse(line) as { level: number }).level <= 20)).toBe(true);
    const told = MARKS.flatMap((word) => logged.filter((line) => line.includes(word)));
    expect(told).toEqual([]);
    const encoded = MARKS.map((word) => Buffer.from(word).toString('base64').replace(/=+$/, '').slice(4, -4));
    expect(encoded.flatMap((word) => logged.filter((line) => line.includes(word)))).toEqual([]);
  });

  it('the Temporal SDK shows what the alert rules ask it for, by those names', async () => {
    const text = await (await fetch(`http://${sdkMetrics}/metrics`)).text();
    for (const name of [
      'temporal_num_pollers{',
      'temporal_worker_task_slots_available{',
      'temporal_workflow_task_schedule_to_start_latency_seconds_bucket{',
      'temporal_request_latency_seconds_bucket{',
    ]) {
      expect(text).toContain(`\n${name}`);
    }
    expect(text).toMatch(/temporal_num_pollers\{[^}]*poller_type="workflow_task"/);
  });
});
