import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { temporal } from '@temporalio/proto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { administer } from '../support/postgres.ts';
import { until } from '../support/poll.ts';
import { CALLBACK_SECRET } from '../support/callback.ts';
import { deliverTo, fakeDesk, hookPath, sign } from './fake-desk.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

const { History } = temporal.api.history.v1;
const { DescribeWorkflowExecutionResponse, ListWorkflowExecutionsResponse } = temporal.api.workflowservice.v1;

/** In everything that users and agents write here, and in no id. */
const MARK = 'Quokka4711';
const PHONE = '+15559034711';
const NATIVE_SECRET = 'hmac-secret-wombat';
const SECRETS = {
  password: 'password-wombat',
  signing: `whsec_${Buffer.from('signing-secret-wombat-0123').toString('base64')}`,
  bearer: 'bearer-token-wombat',
};
const payloadKeys = `p1:${randomBytes(32).toString('base64')}`;

const said = (what: string): string => `${what} ${MARK}`;
const attachment = (name: string) => ({ url: `https://files.example.com/${MARK}/${name}`, name: said(name) });

let api: Api;
const servers: Server[] = [];

/** Quotes in every refusal all that it was sent, headers too, as vendors do. */
async function quoting(refuses: (path: string) => boolean): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void text(request).then((body) => {
      const isRefused = refuses(request.url ?? '');
      response.writeHead(isRefused ? 503 : 200, { 'content-type': 'application/json' });
      const message = `cannot take ${body} of ${JSON.stringify(request.headers)} ${said('on my side')}`;
      response.end(JSON.stringify({ code: isRefused ? 503 : 200, message }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  const desks = createRegistry([webhook, fakeDesk()]);
  api = await startApi({ config: { payloadKeys }, desks, logLevel: 'trace' });
  await api.work();
});
afterAll(async () => {
  await api.close();
  for (const server of servers) server.close();
});

const at = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Every stored byte of every run of this namespace, as the server keeps and shows it. */
async function allOfTemporal(): Promise<string> {
  const { workflowService } = api.temporal.connection;
  const { namespace, client } = api.temporal;
  const listed = await workflowService.listWorkflowExecutions({ namespace });
  const parts = [at(ListWorkflowExecutionsResponse.encode(listed).finish())];
  for (const { execution } of listed.executions) {
    const { workflowId, runId } = execution as { workflowId: string; runId: string };
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const described = await workflowService.describeWorkflowExecution({ namespace, execution: { workflowId, runId } });
    parts.push(at(History.encode(history).finish()), at(DescribeWorkflowExecutionResponse.encode(described).finish()));
  }
  return parts.join('\n');
}

async function allOfPostgres(): Promise<Record<string, string>> {
  const tables = (await administer(
    api.databaseUrl,
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  )) as { name: string }[];
  const dump: Record<string, string> = {};
  for (const { name } of tables) {
    dump[name] = JSON.stringify(await administer(api.databaseUrl, `select t::text as row from "${name}" t`));
  }
  return dump;
}

const ok = async (answer: Promise<{ status: number; text: string; json: unknown }>) => {
  const { status, text: body, json } = await answer;
  expect(status, body).toBeLessThan(300);
  // oxlint-disable-next-line typescript/no-explicit-any -- looked at by the test
  return json as any;
};

const sees = (id: string, type: string) =>
  until(async () => (await api.store.journal.read(id, 0, 1_000)).find((event) => event.type === type), {
    message: `${type} of ${id}`,
    timeoutMs: 60_000,
  });

it('nothing that people wrote and no secret is in Temporal, in PostgreSQL or in the log', async () => {
  let deskIsDown = true;
  let callbackIsDown = true;
  const [deskUrl, callbackUrl] = [
    await quoting((path) => deskIsDown && !path.includes('establish')),
    await quoting(() => callbackIsDown),
  ];
  const { botId, key } = await api.bot({
    desk: { kind: 'webhook', url: deskUrl, username: 'baton', password: SECRETS.password, secret: SECRETS.signing },
    callback: { url: callbackUrl, secret: CALLBACK_SECRET, auth: { type: 'bearer', token: SECRETS.bearer } },
  });
  const { handoff } = await ok(
    api.start(
      botId,
      {
        channel: 'widget',
        user: { id: said('id'), anonymousId: said('anonymous'), name: said('name'), phone: PHONE },
        question: said('question'),
        history: [
          { role: 'user', text: said('before') },
          { role: 'bot', text: said('answer') },
        ],
        metadata: { [MARK]: { note: said('note') } },
      },
      { key },
    ),
  );
  const id: string = handoff.id;
  const path = `/v1/handoffs/${id}`;
  await ok(api.call('POST', `${path}/email`, { key, body: { email: `${MARK}@example.com` } }));
  await sees(id, 'handoff.connecting');

  // A desk and a callback that are down and say why: tried again as activities that an operator sees.
  const attachments = [attachment('invoice')];
  await ok(api.call('POST', `${path}/messages`, { key, body: { id: 'm1', text: said('hello'), attachments } }));
  const agentSays = (body: string, timestamp: number, more: Record<string, unknown> = {}) =>
    api.call('POST', '/v1/human/message/receive', { key, body: { conversation_id: id, timestamp, body, ...more } });
  const agent = { id: 'a1', name: said('agent'), avatar: `https://files.example.com/${MARK}.png` };
  await ok(agentSays(said('reply'), 1_700_000_000_000, { agent, attachments: [attachment('photo')] }));
  await sees(id, 'message.agent');
  await until(async () => (await allOfTemporal()).includes('DeskUnavailable'), { message: 'a failed try of the desk' });
  await until(async () => (await allOfTemporal()).includes('CallbackFailed'), { message: 'a failed callback' });
  const whileFailing = await allOfTemporal();
  [deskIsDown, callbackIsDown] = [false, false];
  await until(async () => (await api.store.ledger.get(id, 'desk')).sent >= 2, {
    message: 'the message',
    timeoutMs: 60_000,
  });
  await ok(api.call('POST', `${path}/close`, { key, body: { by: 'user' } }));
  await sees(id, 'handoff.closed');
  expect((await agentSays(said('too late'), 1_700_000_000_001)).status).toBe(404);
  await until(async () => (await api.store.journal.late(id)).length === 1, { message: 'the late reply' });
  expect((await api.call('POST', `${path}/messages`, { key, body: { text: said('again') } })).status).toBe(409);
  // Wrong input is answered, and not logged.
  expect((await api.start(botId, { user: { email: said('no address') } }, { key })).status).toBe(400);

  // In the desk's own messenger.
  const native = await api.bot({ mode: 'native', desk: { kind: 'signed', secret: NATIVE_SECRET } });
  const conversation = 'chat-1';
  const event = (eventId: string, kind: 'userMessage' | 'agentReply' | 'close', words = said(eventId)) => ({
    id: eventId,
    conversation,
    kind,
    text: words,
  });
  const hook = await hookPath(api, native.botId);
  const tell = (one: ReturnType<typeof event>) => ok(deliverTo(api, hook, [one], { signature: signed([one]) }));
  await tell(event('n1', 'userMessage'));
  const talk = await until(() => api.store.conversations.find(native.botId, 'signed', conversation), { message: 'it' });
  const speak = { id: 'b1', text: said('bot speaks') };
  await ok(
    api.call('POST', `/v1/bots/${native.botId}/conversations/${conversation}/messages`, {
      key: native.key,
      body: speak,
    }),
  );
  await until(async () => (await api.store.ledger.get(talk.id, 'desk')).sent >= 1, { message: 'what the bot says' });
  const second = await ok(
    api.start(native.botId, {
      conversationId: conversation,
      channel: 'messenger-of-signed',
      user: { name: said('name') },
      question: said('question'),
    }),
  );
  await tell(event('n2', 'agentReply'));
  await sees(second.handoff.id, 'message.agent');
  await tell(event('n3', 'close'));
  await sees(second.handoff.id, 'handoff.closed');

  const dump = await allOfPostgres();
  const everything: Record<string, string> = {
    ...dump,
    'Temporal while failing': whileFailing,
    'Temporal at the end': await allOfTemporal(),
    'the log': api.log.join('\n'),
  };
  const secrets = [
    ...Object.values(SECRETS),
    CALLBACK_SECRET,
    NATIVE_SECRET,
    OPERATOR_KEY,
    key,
    native.key,
    basename(hook),
  ];
  const keys = [payloadKeys, api.secretKeys].map((ring) => ring.split(':')[1] ?? '');
  for (const [where, content] of Object.entries(everything)) {
    for (const hidden of [MARK, PHONE, 'wombat', ...secrets, ...keys]) {
      const found = content.toLowerCase().indexOf(hidden.toLowerCase());
      expect(found < 0 ? '' : content.slice(Math.max(0, found - 200), found + 100), `${hidden} in ${where}`).toBe('');
    }
  }
  // It was looked for in the right places: ids are there, and with the keys all of it reads back.
  for (const where of ['handoffs', 'events', 'inbox', 'Temporal while failing', 'the log']) {
    expect(everything[where], where).toContain(where === 'the log' ? 'answered' : id);
  }
  const { json, text: transcript } = await api.call('GET', `${path}/transcript?format=text`, { key });
  expect(json).toBeUndefined();
  for (const words of ['before', 'question', 'hello', 'reply', 'too late', 'agent']) {
    expect(transcript).toContain(said(words));
  }
}, 120_000);

const signed = (events: unknown[]): string => sign(NATIVE_SECRET, JSON.stringify(events));
