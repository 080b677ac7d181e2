/** Writes `webhooks.json` beside this file: what the simulators send while somebody talks. `npm run record:webhooks`. */
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { Desk, DeskContext, RawRequest } from '../../../activities/desks/desk.ts';
import { desks } from '../../../activities/desks/registry.ts';
import { createHttpClient } from '../../../activities/http/client.ts';
import type { DeskSandbox } from '../../../api/sandbox/desk-sandbox.ts';
import { createIntercomSandbox } from '../../../api/sandbox/intercom/index.ts';
import { createLivechatSandbox } from '../../../api/sandbox/livechat/index.ts';
import { createLivedeskSandbox } from '../../../api/sandbox/livedesk/index.ts';
import { createSobotSandbox } from '../../../api/sandbox/sobot/index.ts';
import { createZohoSalesiqSandbox, type ZohoSalesiqSandbox } from '../../../api/sandbox/zoho-salesiq/index.ts';
import type { Mode } from '../../../workflows/contracts.ts';
import { createTestMemory } from '../../support/desk-memory.ts';
import { closeOf, messageTo, openRequest } from '../../support/desk-requests.ts';
import { OWN_WORDS, type RecordedDesk, SECRET_WORDS } from '../../support/recorded.ts';
import { openApiOf } from '../../support/sobot-openapi.ts';

interface Source {
  name: string;
  kind: string;
  mode: Mode;
  create(): DeskSandbox;
  colleague: string;
}

const SOURCES: readonly Source[] = [
  {
    name: 'intercom',
    kind: 'intercom',
    mode: 'external',
    create: () => createIntercomSandbox(),
    colleague: 'Sam Okoye',
  },
  { name: 'intercom', kind: 'intercom', mode: 'native', create: () => createIntercomSandbox(), colleague: 'Sam Okoye' },
  { name: 'livechat', kind: 'livechat', mode: 'external', create: () => createLivechatSandbox(), colleague: 'Ben' },
  { name: 'livechat', kind: 'livechat', mode: 'native', create: () => createLivechatSandbox(), colleague: 'Ben' },
  {
    name: 'livedesk',
    kind: 'livedesk',
    mode: 'external',
    create: () => createLivedeskSandbox(),
    colleague: 'Dana Reyes',
  },
  {
    name: 'livedesk',
    kind: 'livedesk',
    mode: 'native',
    create: () => createLivedeskSandbox(),
    colleague: 'Dana Reyes',
  },
  {
    name: 'sobot (open API)',
    kind: 'sobot',
    mode: 'external',
    create: () => openApiOf(createSobotSandbox({ packMs: 30, complete: true })),
    colleague: 'Dana Reyes',
  },
  {
    name: 'sobot (widget)',
    kind: 'sobot',
    mode: 'external',
    create: () => createSobotSandbox({ packMs: 30, settleMs: 300, complete: true }),
    colleague: 'Dana Reyes',
  },
  {
    name: 'zoho-salesiq',
    kind: 'zoho-salesiq',
    mode: 'external',
    create: () => createZohoSalesiqSandbox(),
    colleague: 'Ben',
  },
  {
    name: 'zoho-salesiq',
    kind: 'zoho-salesiq',
    mode: 'native',
    create: () => createZohoSalesiqSandbox(),
    colleague: 'Ben',
  },
];

async function record(source: Source): Promise<RecordedDesk> {
  const desk = desks.get(source.kind);
  if (desk === undefined) throw new Error(`no desk ${source.kind}`);
  const { mode, name } = source;
  const sandbox = source.create();
  const baseUrl = await sandbox.listen();
  const settings = (): Record<string, unknown> => sandbox.settings(baseUrl, mode);
  const ear = await listen(desk, () => desk.config.parse(settings()));
  sandbox.connect({ webhookUrl: `${ear.url}/webhooks/${desk.id}/hook` });
  try {
    await talk(source, sandbox, desk, () => desk.config.parse(settings()));
  } finally {
    await sandbox.stop();
    await ear.stop();
  }
  const requests = ear.requests.map(({ url, headers, body }) => ({
    url,
    headers: Object.fromEntries(Object.entries(headers).filter(([header]) => /^x-|^content-type$/.test(header))),
    body: body.toString('utf8'),
  }));
  return { name: `${name}, ${mode}`, kind: desk.id, mode, settings: settings(), requests };
}

/** Keeps the webhooks, and hands the first one to the humans that waits for a bot. */
async function listen(desk: Desk, config: () => unknown) {
  const requests: RawRequest[] = [];
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'POST', url = '/', headers } = request;
    const raw = { method, url, headers, body: Buffer.concat(chunks) };
    if (method === 'POST') requests.push(raw);
    const waits = desk.webhook?.answer;
    const turn = method === 'POST' ? waits?.turn(raw, config()) : undefined;
    const said = turn && waits?.render(raw, config(), [{ kind: 'handoff', key: 'handoff-1' }]);
    response.writeHead(said?.status ?? 200, said?.headers ?? { 'content-type': 'application/json' });
    response.end(said?.body ?? '{}');
  }
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function talk(source: Source, sandbox: DeskSandbox, desk: Desk, config: () => unknown): Promise<void> {
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const memory = createTestMemory();
  const ctx = (): DeskContext<unknown> => ({
    config: config(),
    http,
    log: pino({ level: 'silent' }),
    memory,
    publicUrl: 'https://baton.example.org',
    now: Date.now,
    signal: new AbortController().signal,
  });
  try {
    await play(source, sandbox, desk, ctx);
  } finally {
    await http.close();
  }
}

const FILE = { url: 'https://files.example.org/a.png', name: 'a.png', contentType: 'image/png' };

async function play(
  { kind, mode, name, colleague }: Source,
  sandbox: DeskSandbox,
  desk: Desk,
  ctx: () => DeskContext<unknown>,
) {
  const { human, user } = sandbox;
  const asks = desk.webhook?.answer !== undefined && (mode === 'native' || name.includes('widget'));
  if (kind === 'zoho-salesiq') await consent(sandbox as ZohoSalesiqSandbox, desk, ctx(), mode);
  let id: string;
  if (asks || mode === 'native') id = await user.writes('The user is here', { files: [FILE] });
  if (asks) id = await user.writes('A person, please', { conversationId: id! });
  else id = await opened(desk, ctx(), mode, id!);
  await human.reply(id, 'An agent is here');
  await human.reply(id, 'With a file', { files: [FILE] });
  await human.note(id, SECRET_WORDS);
  await human.unknownPart(id);
  await human.transfer(id, colleague);
  if (mode === 'native' || asks) await user.writes('The user again', { conversationId: id });
  await human.close(id, { text: 'Goodbye' });
  if (mode === 'external' && !asks) await openedAndClosed(desk, ctx());
}

async function consent(sandbox: ZohoSalesiqSandbox, desk: Desk, ctx: DeskContext<unknown>, mode: Mode): Promise<void> {
  const redirectUri = `https://baton.example.org${desk.consent?.path(mode) ?? ''}`;
  await desk.consent?.finish(ctx, { query: { code: sandbox.grantCode(mode), location: 'eu' }, redirectUri, mode });
}

async function opened(desk: Desk, ctx: DeskContext<unknown>, mode: Mode, nativeId?: string): Promise<string> {
  const request = openRequest({
    mode,
    channel: desk.externalChannels?.[0] ?? 'api',
    timestamp: Date.now(),
    email: 'lea@example.org',
    history: [
      { role: 'user', text: SECRET_WORDS },
      { role: 'bot', text: 'Let me ask a human.' },
    ],
    ...(nativeId !== undefined && { deskConversationId: nativeId, channel: desk.ownChannels[0] ?? 'api' }),
  });
  const says = async (from: 'user' | 'bot', deskConversationId: string): Promise<void> => {
    const handoffId = from === 'bot' ? `co_${request.handoffId}` : request.handoffId;
    const message = messageTo({ handoffId, deskConversationId }, 2, { from, text: OWN_WORDS, timestamp: Date.now() });
    await desk.send(ctx, message);
  };
  if (nativeId !== undefined) await says('bot', nativeId);
  const { deskConversationId } = await desk.open(ctx, request);
  if (nativeId === undefined) await says('user', deskConversationId);
  return deskConversationId;
}

/** What an end of ours looks like, in a conversation of its own. */
async function openedAndClosed(desk: Desk, ctx: DeskContext<unknown>): Promise<void> {
  const user = { id: 'somebody-else', email: 'mia@example.org', name: 'Mia' };
  const request = openRequest({
    user,
    email: user.email,
    channel: desk.externalChannels?.[0] ?? 'api',
    timestamp: Date.now(),
  });
  const { deskConversationId } = await desk.open(ctx, request);
  await desk.close(ctx, closeOf({ handoffId: request.handoffId, deskConversationId }, { timestamp: Date.now() }));
}

const recorded = await Promise.all(SOURCES.map(record));
await writeFile(new URL('webhooks.json', import.meta.url), `${JSON.stringify(recorded, null, 1)}\n`);
console.log(recorded.map(({ name, requests }) => `${name}: ${requests.length} webhooks`).join('\n'));
process.exit(0);
