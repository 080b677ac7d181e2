import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import type { Desk, DeskContext, OpenRequest, OutboundMessage } from '../../activities/desks/desk.ts';
import { desks } from '../../activities/desks/registry.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createIntercomSandbox, type IntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { createOpenApi, type Relaxation } from '../support/openapi.ts';

/**
 * Checks the requests that the Intercom desk really makes, and the sandbox's answers, against Intercom's published
 * description (github.com/intercom/Intercom-OpenAPI, descriptions/2.16/api.intercom.io.yaml):
 * `node --import tsx test/contract/intercom-openapi.ts <path of the YAML>`.
 */

/** Where the description contradicts its own examples. */
const RELAXATIONS: Relaxation[] = [
  {
    at: '/components/schemas/create_conversation_request/properties/from/properties/id',
    reason: 'contact ids are 24 hexadecimal characters, as the length beside it says, and no UUID',
    change: (node) => delete node['format'],
  },
  ...['tags', 'notes', 'companies'].map((name) => ({
    at: `/components/schemas/contact_${name}/properties/url`,
    reason: 'the examples have a path, not an address',
    change: (node: Record<string, unknown>) => delete node['format'],
  })),
];

/** What differs on purpose: a pattern of the sentence, and why. */
const ON_PURPOSE: [pattern: RegExp, reason: string][] = [
  [/^UnarchiveContact: no body /, 'an empty object: every POST of the desk has a JSON body'],
  [/Contact 200\/(tags|notes|companies)\/type /, "the description's examples have it, its schema forgot it"],
  [/identifyAdmin 200\/app\/secure /, "the description's examples have it, its schema forgot it"],
];

type Mode = 'external' | 'native';

/** The desk as Baton uses it, in one mode. */
interface Play {
  ctx: DeskContext<unknown>;
  open(more?: Partial<OpenRequest>): Promise<{ handoffId: string; deskConversationId: string }>;
  send(to: { handoffId: string; deskConversationId: string }, more?: Partial<OutboundMessage>): Promise<unknown>;
  close(to: { handoffId: string; deskConversationId: string }): Promise<unknown>;
}

function play(desk: Desk, mode: Mode, ctx: DeskContext<unknown>): Play {
  let timestamp = Date.now();
  const handoff = (): Pick<OpenRequest, 'key' | 'handoffId' | 'conversationId'> => {
    const handoffId = `h_${randomUUID()}`;
    return { key: `${handoffId}.d1`, handoffId, conversationId: `c_${randomUUID()}` };
  };
  return {
    ctx,
    async open(more = {}) {
      const request: OpenRequest = {
        ...handoff(),
        botId: 'bot-1',
        channel: mode === 'native' ? 'intercom' : 'api',
        mode,
        timestamp: (timestamp += 1),
        user: { id: randomUUID(), email: 'lea@example.org', name: 'Lea' },
        email: 'lea@example.org',
        history: [
          { role: 'user', text: 'Where is my parcel? <b>&' },
          { role: 'bot', text: 'On its way.' },
        ] as OpenRequest['history'],
        question: 'I want a human',
        ...more,
      };
      return { ...request, ...(await desk.open(ctx, request)) };
    },
    send: async ({ handoffId, deskConversationId }, more = {}) =>
      await desk.send(ctx, {
        key: `${handoffId}.d${(timestamp += 1)}`,
        handoffId,
        from: mode === 'native' ? 'bot' : 'user',
        deskConversationId,
        timestamp,
        text: 'Are you there?',
        attachments: [],
        maybeSent: false,
        ...more,
      }),
    close: async ({ handoffId, deskConversationId }) =>
      await desk.close(ctx, {
        key: `${handoffId}.d99`,
        mode,
        handoffId,
        deskConversationId,
        timestamp: (timestamp += 1),
        reason: 'user_closed',
      }),
  };
}

const progress = { done: 0, mark: async () => undefined };
const FILES: OutboundMessage['attachments'] = [
  { url: 'https://files.example.com/a.png', name: 'a.png', contentType: 'image/png' },
  { url: 'https://files.example.com/b.pdf', name: 'b.pdf', contentType: 'application/pdf' },
];
/** A failure that belongs to the session. */
const fails = async (work: Promise<unknown>): Promise<void> => {
  const failed = await work.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('a step was expected to fail');
};

/** A handoff of every kind, with what goes wrong on the way. */
async function session(desk: Desk, sandbox: IntercomSandbox, contextOf: (mode: Mode) => DeskContext<unknown>) {
  const external = play(desk, 'external', contextOf('external'));
  await desk.verify(external.ctx, 'external');
  const user = { id: 'user-1', email: 'lea@example.org', name: 'Lea' };
  const one = await external.open({ user });
  await external.send(one);
  await external.send(one, { attachments: FILES, parts: progress });
  await external.send(one, { text: 'long '.repeat(5_000), parts: progress });
  await sandbox.human.reply(one.deskConversationId, 'Hello', {
    files: [{ url: 'https://files.example.com/a.png', name: 'a.png' }],
  });
  sandbox.fault('send', { kind: 'drop_after', times: 1 });
  await fails(external.send(one));
  await external.send(one, { maybeSent: true });
  sandbox.fault('close', { kind: 'drop_after', times: 1 });
  await fails(external.close(one));
  await external.close(one);
  await external.close(one);

  const key = { key: 'h_unclear.d1', handoffId: 'h_unclear' };
  sandbox.fault('open', { kind: 'drop_after', times: 1 });
  await fails(external.open({ user, ...key }));
  await external.open({ user, ...key });
  await contacts(external, sandbox);

  const native = play(desk, 'native', contextOf('native'));
  await desk.verify(native.ctx, 'native');
  const deskConversationId = await sandbox.user.writes('Hello');
  await native.send({ handoffId: 'co_1', deskConversationId });
  await native.send({ handoffId: 'co_1', deskConversationId }, { attachments: FILES, parts: progress });
  const two = await native.open({ deskConversationId });
  await sandbox.human.reply(deskConversationId, 'I am here');
  await native.close(two);
  await native.close(two);

  for (const fault of [
    { kind: 'status', status: 503 },
    { kind: 'rate_limit', resetInMs: 1_000 },
  ] as const) {
    sandbox.fault('verify', { ...fault, times: 1 });
    await fails(desk.verify(external.ctx, 'external'));
  }
  await fails(external.send({ handoffId: 'h_gone', deskConversationId: '215400000009999' }));
  sandbox.expireTokens();
  await fails(desk.verify(external.ctx, 'external'));
}

/** What the desk could not do although it should. */
const failures: string[] = [];

/** A contact that is archived, and one that is merged into another: the next handoff of its user must open. */
async function contacts(external: Play, sandbox: IntercomSandbox): Promise<void> {
  const open = async ({ user }: Pick<OpenRequest, 'user'>): Promise<void> => {
    await external.open({ user }).catch((error: unknown) => failures.push(String(error)));
  };
  const users = [randomUUID(), randomUUID()].map((id) => ({ id, name: 'Kim' }));
  for (const user of users) await open({ user });
  const [first, second] = sandbox.contacts.slice(-2);
  if (first === undefined || second === undefined) throw new Error('two contacts were expected');
  await sandbox.archiveContact(first.id);
  for (const user of users) await open({ user });
  await sandbox.mergeContact(second.id, first.id);
  for (const user of users) await open({ user });
}

async function main(path: string | undefined): Promise<void> {
  if (path === undefined) throw new Error('the path of the description is needed');
  const api = createOpenApi(await readFile(path, 'utf8'), RELAXATIONS, '/components/schemas/error');
  const desk = desks.get('intercom');
  if (desk === undefined) throw new Error('there is no desk intercom');
  const sandbox = createIntercomSandbox();
  const baseUrl = await sandbox.listen();
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  try {
    await session(desk, sandbox, (mode) => ({
      config: desk.config.parse(sandbox.settings(baseUrl, mode)),
      http,
      log: pino({ level: 'silent' }),
      memory: createTestMemory(),
      publicUrl: 'https://baton.example.org',
      now: () => Date.now(),
      signal: new AbortController().signal,
    }));
  } finally {
    await sandbox.stop();
    await http.close();
  }
  report(sandbox.calls.map((call) => ({ call, found: api.differences(call) })));
}

function report(checked: { call: { method: string; path: string; status?: number }; found: string[] }[]): void {
  const reasonOf = (difference: string) => ON_PURPOSE.find(([pattern]) => pattern.test(difference))?.[1];
  const all = new Set(checked.flatMap(({ found }) => found));
  const wrong = [...all].filter((difference) => reasonOf(difference) === undefined);
  const kinds = new Set(
    checked.map(({ call }) => `${call.method} ${call.path.split('?')[0]}`.replaceAll(/\/[^/]*\d[^/]*/g, '/*')),
  );
  console.log(`${checked.length} calls, ${kinds.size} kinds: ${[...kinds].toSorted().join(', ')}`);
  for (const difference of all) {
    const reason = reasonOf(difference);
    console.log(reason === undefined ? `differs: ${difference}` : `on purpose: ${difference} (${reason})`);
  }
  if (checked.length < 40) throw new Error('the session was too short to say anything');
  for (const failure of failures) console.log(`failed: ${failure}`);
  if (wrong.length > 0 || failures.length > 0) process.exitCode = 1;
  else console.log('no other difference');
}

await main(process.argv[2]);
