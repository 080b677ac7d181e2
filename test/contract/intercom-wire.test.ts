import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeskContext, OpenRequest, OutboundMessage } from '../../activities/desks/desk.ts';
import { type IntercomConfig, intercomConfig } from '../../activities/desks/intercom/config.ts';
import { intercom } from '../../activities/desks/intercom/index.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createIntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { closeOf, failure, messageTo, openRequest } from '../support/desk-requests.ts';

const sandbox = createIntercomSandbox();
const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
let base: string;
let memory = createTestMemory();
/** What the clock is ahead, milliseconds. */
let ahead = 0;

beforeAll(async () => {
  base = await sandbox.listen();
});
beforeEach(() => {
  memory = createTestMemory();
  ahead = 0;
});
afterEach(() => sandbox.reset());
afterAll(async () => {
  await http.close();
  await sandbox.stop();
});

const settings = (more: Partial<IntercomConfig> = {}, mode: 'external' | 'native' = 'external'): IntercomConfig => ({
  ...intercomConfig.parse(sandbox.settings(base, mode)),
  ...more,
});
const context = (config = settings()): DeskContext<IntercomConfig> => ({
  config,
  http,
  log: pino({ level: 'silent' }),
  memory,
  publicUrl: 'https://baton.example.org',
  now: () => Date.now() + ahead,
  signal: new AbortController().signal,
});
const without = (...names: (keyof IntercomConfig)[]): IntercomConfig =>
  intercomConfig.parse(
    Object.fromEntries(Object.entries(settings()).filter(([name]) => !names.includes(name as never))),
  );

const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({
    channel: 'widget',
    timestamp: Date.now(),
    user: { id: `cust-${randomUUID()}`, name: 'Ana Silva' },
    history: [
      { role: 'user', text: 'How long do <refunds> take?' },
      { role: 'bot', text: 'Five days.' },
    ],
    question: 'My invoice is wrong',
    ...more,
  });
const message = (
  to: { handoffId: string; deskConversationId: string },
  n = 2,
  more: Partial<OutboundMessage> = {},
): OutboundMessage => messageTo(to, n, { timestamp: Date.now() + n, text: 'It says 240 instead of 24', ...more });
const open = async (more: Partial<OpenRequest> = {}, config = settings()) => {
  const request = opening(more);
  return { ...request, ...(await intercom.open(context(config), request)) };
};
const closing = (to: { handoffId: string; deskConversationId: string }) => closeOf(to, { timestamp: Date.now() });
const calls = (path: RegExp) =>
  sandbox.calls.filter((call) => path.test(call.path)).map((call) => call.body as Record<string, unknown>);
const lines = (id: string) =>
  (sandbox.conversation(id)?.messages ?? [])
    .filter(({ from }) => from !== 'system')
    .map(({ from, text }) => [from, text]);

describe('every call', () => {
  it('names the pinned version and the token', async () => {
    await open();
    expect(sandbox.calls.length).toBeGreaterThan(3);
    for (const { headers } of sandbox.calls) {
      expect(headers['intercom-version']).toBe('2.16');
      expect(headers['authorization']).toMatch(/^Bearer \S+$/);
      expect(headers['accept']).toBe('application/json');
    }
  });
});

describe('the contact', () => {
  it('is made once for an id, without an e-mail, and found again', async () => {
    const user = { id: 'cust_881', name: 'Ana Silva', email: 'ana@example.com' };
    await open({ user, email: 'ana@example.com' });
    expect(calls(/^\/contacts$/)).toEqual([{ role: 'user', external_id: 'cust_881', name: 'Ana Silva' }]);
    await open({ user });
    memory = createTestMemory();
    await open({ user });
    expect(sandbox.contacts).toHaveLength(1);
  });

  it('stays two for two users who share the default e-mail', async () => {
    const [one, two] = [await open({ email: 'support@x.example' }), await open({ email: 'support@x.example' })];
    expect(sandbox.contacts).toHaveLength(2);
    expect(one.deskConversationId).not.toBe(two.deskConversationId);
  });

  it('of an anonymous user belongs to his bot, and is no user with the same id', async () => {
    await open({ user: { id: '5' } });
    await open({ user: { anonymousId: '5' } });
    await open({ user: { anonymousId: '5' }, botId: 'bot-8' });
    await open({ user: { anonymousId: '5' } });
    expect(sandbox.contacts.map(({ externalId }) => externalId)).toEqual([
      '5',
      'anonymous:bot-7:5',
      'anonymous:bot-8:5',
    ]);
  });

  it('is found by e-mail only when there is no id', async () => {
    await open({ user: {}, email: 'Ana@Example.com' });
    memory = createTestMemory();
    await open({ user: { email: 'ana@example.com' } });
    expect(sandbox.contacts.map(({ email }) => email)).toEqual(['ana@example.com']);
    await open({ user: {} });
    expect(sandbox.contacts).toHaveLength(2);
  });

  it('comes from the conflict when the search does not know it yet', async () => {
    sandbox.switch({ searchDelayMs: 60_000 });
    await open({ user: { email: 'ana@example.com' } });
    memory = createTestMemory();
    await open({ user: { email: 'ana@example.com' } });
    expect(sandbox.contacts).toHaveLength(1);
  });

  it('is taken out of the archive', async () => {
    await open({ user: { id: 'cust_1' } });
    const [contact] = sandbox.contacts;
    await sandbox.archiveContact(contact?.id ?? '');
    memory = createTestMemory();
    await open({ user: { id: 'cust_1' } });
    expect(sandbox.contacts.map(({ archived }) => archived)).toEqual([false]);
  });

  it('that was merged is followed, at the opening and for a message', async () => {
    const to = await open({ user: { id: 'one' } });
    await open({ user: { id: 'two' } });
    const [one, two] = sandbox.contacts;
    await sandbox.mergeContact(one?.id ?? '', two?.id ?? '');
    await intercom.send(context(), message(to));
    memory = createTestMemory();
    await open({ user: { id: 'one' } });
    expect(calls(/^\/conversations$/).at(-1)).toMatchObject({ from: { id: two?.id } });
    expect(lines(to.deskConversationId).at(-1)).toEqual(['user', 'It says 240 instead of 24']);
  });

  it('that is gone is resolved anew, once', async () => {
    const user = { id: 'cust_1' };
    await open({ user });
    const before = calls(/find_by_external_id/).length;
    sandbox.fault('open', { kind: 'status', status: 404, times: 1 });
    await intercom.open(context(), opening({ user }));
    expect(calls(/find_by_external_id/)).toHaveLength(before + 1);
    sandbox.fault('open', { kind: 'status', status: 404, times: 2 });
    expect(await failure(intercom.open(context(), opening({ user })))).toMatchObject({ kind: 'not_found' });
  });
});

describe('open', () => {
  it('asks as the user, tells the context as a note, and assigns the team', async () => {
    const to = await open({
      user: { id: 'cust_881', name: 'Ana <b>Silva</b>', phone: '+33' },
      email: 'ana@example.com',
    });
    const contact = sandbox.contacts[0]?.id;
    expect(calls(/^\/conversations$/)).toEqual([{ from: { type: 'user', id: contact }, body: 'My invoice is wrong' }]);
    const { adminId, teamId } = settings();
    expect(calls(/\/reply$/)).toEqual([
      { message_type: 'note', type: 'admin', admin_id: adminId, body: expect.stringContaining('Ana &lt;b&gt;Silva') },
    ]);
    expect(calls(/\/parts$/)).toEqual([
      { message_type: 'assignment', type: 'team', admin_id: adminId, assignee_id: teamId },
    ]);
    const [question, note] = lines(to.deskConversationId);
    expect(question).toEqual(['user', 'My invoice is wrong']);
    expect(note?.[0]).toBe('note');
    for (const fact of [
      to.handoffId,
      'cust_881',
      'ana@example.com',
      '+33',
      'How long do <refunds> take?',
      'Five days.',
    ])
      expect(note?.[1]).toContain(fact);
  });

  it('splits a long context into numbered notes, and a long question into messages', async () => {
    const history = Array.from({ length: 12 }, (_, n) => ({
      role: 'bot' as const,
      text: `${n} ${'<"é>'.repeat(700)}`,
    }));
    const question = 'word '.repeat(3_000);
    const to = await open({ history, question });
    const notes = calls(/\/reply$/).filter((body) => body['message_type'] === 'note');
    expect(notes.length).toBeGreaterThan(3);
    for (const [n, { body }] of notes.entries()) {
      expect(String(body).length).toBeLessThanOrEqual(10_050);
      expect(body).toContain(`<p>${n + 1}/${notes.length}</p>`);
    }
    const asked = lines(to.deskConversationId).flatMap(([from, text]) => (from === 'user' ? [text] : []));
    expect(asked.map((text) => text?.trim()).join(' ')).toBe(question.trim());
  });

  it('acts as the owner of the token when no teammate is configured, asking once who that is', async () => {
    const config = without('adminId', 'teamId');
    await open({}, config);
    await open({}, config);
    expect(calls(/^\/me$/)).toHaveLength(1);
    expect(calls(/\/parts$/)).toEqual([]);
  });

  it.each(['drop_after', 'error_after', 'garbage'] as const)('finds the conversation after %s', async (kind) => {
    const request = opening();
    sandbox.fault('open', { kind, times: 1 });
    await failure(intercom.open(context(), request));
    await intercom.open(context(), request);
    expect(sandbox.conversations()).toHaveLength(1);
    expect(lines(sandbox.conversations()[0]?.id ?? '')).toHaveLength(2);
  });

  it('waits for the search before it makes another conversation, and makes it when there is none', async () => {
    const request = opening();
    sandbox.fault('open', { kind: 'drop_before', times: 1 });
    await failure(intercom.open(context(), request));
    for (const [at, wait] of [
      [0, 2_000],
      [2_500, 5_000],
      [8_000, 15_000],
    ] as const) {
      ahead = at;
      const error = await failure(intercom.open(context(), request));
      expect(error).toMatchObject({ kind: 'timeout', unclear: true });
      expect(error.retryAfterMs).toBeGreaterThan(0);
      expect(error.retryAfterMs).toBeLessThanOrEqual(wait - at);
    }
    expect(sandbox.conversations()).toHaveLength(0);
    ahead = 15_500;
    await intercom.open(context(), request);
    expect(sandbox.conversations()).toHaveLength(1);
  });

  it('does not take an earlier handoff of the same user for the one it looks for', async () => {
    const user = { id: 'cust_1' };
    await open({ user });
    const request = opening({ user });
    sandbox.fault('open', { kind: 'drop_before', times: 1 });
    await failure(intercom.open(context(), request));
    ahead = 16_000;
    await intercom.open(context(), request);
    expect(sandbox.conversations()).toHaveLength(2);
  });

  it('does not wait after a clear refusal', async () => {
    const request = opening();
    for (const status of [401, 422, 429]) {
      sandbox.fault('open', { kind: 'status', status, times: 1 });
      await failure(intercom.open(context(), request));
    }
    await intercom.open(context(), request);
    expect(sandbox.conversations()).toHaveLength(1);
  });

  it('goes on where a crash stopped it, and does nothing twice', async () => {
    const request = opening();
    const crashing = { ...context() };
    let puts = 0;
    crashing.memory = {
      ...memory,
      put: async (...all) => {
        puts += 1;
        if (puts > 3) throw new Error('the process is gone');
        await memory.put(...all);
      },
    };
    await expect(intercom.open(crashing, request)).rejects.toThrow('gone');
    const { deskConversationId: id } = await intercom.open(context(), request);
    expect(await intercom.open(context(), request)).toEqual({ deskConversationId: id });
    expect(sandbox.conversations()).toHaveLength(1);
    expect(lines(id).map(([from]) => from)).toEqual(['user', 'note']);
  });
});

describe('send', () => {
  it('replies as the user, with the contact', async () => {
    const to = await open();
    const sent = await intercom.send(context(), message(to));
    expect(calls(/\/reply$/).at(-1)).toEqual({
      message_type: 'comment',
      type: 'user',
      intercom_user_id: sandbox.contacts[0]?.id,
      body: 'It says 240 instead of 24',
    });
    expect(sent.deskMessageId).toBe(sandbox.conversation(to.deskConversationId)?.messages.at(-1)?.id);
  });

  it('finds the contact at Intercom when the memory has forgotten it', async () => {
    const to = await open();
    memory = createTestMemory();
    await intercom.send(context(), message(to));
    expect(lines(to.deskConversationId).at(-1)).toEqual(['user', 'It says 240 instead of 24']);
  });

  it('gives pictures as addresses, and other files as lines', async () => {
    const to = await open();
    const attachments = [
      { url: 'https://f.example/a.png' },
      { url: 'https://f.example/b.pdf', name: 'b.pdf', contentType: 'application/pdf' },
      { url: 'https://f.example/c', name: 'c', contentType: 'image/jpeg' },
    ];
    await intercom.send(context(), message(to, 2, { attachments }));
    expect(calls(/\/reply$/).at(-1)).toMatchObject({
      body: 'It says 240 instead of 24\nb.pdf: https://f.example/b.pdf',
      attachment_urls: ['https://f.example/a.png', 'https://f.example/c'],
    });
    const many = Array.from({ length: 12 }, (_, n) => ({ url: `https://f.example/${n}.png` }));
    await intercom.send(context(), message(to, 3, { text: '', attachments: many }));
    const [ten, two] = calls(/\/reply$/).slice(-2);
    expect(ten?.['attachment_urls']).toHaveLength(10);
    expect(two?.['attachment_urls']).toHaveLength(2);
    expect(ten?.['body']).toBeTruthy();
  });

  it('gives refused pictures as lines', async () => {
    const to = await open();
    sandbox.fault('send', { kind: 'status', status: 422, times: 1 });
    await intercom.send(context(), message(to, 2, { attachments: [{ url: 'https://f.example/a.png' }] }));
    expect(calls(/\/reply$/).at(-1)?.['body']).toBe('It says 240 instead of 24\nhttps://f.example/a.png');
  });

  it('splits a long text, marks each piece, and goes on behind the marked ones', async () => {
    const to = await open();
    const marked: number[] = [];
    const parts = { done: 1, mark: async (done: number) => void marked.push(done) };
    await intercom.send(context(), message(to, 2, { text: 'x'.repeat(25_000), parts }));
    expect(lines(to.deskConversationId).slice(2)).toEqual([
      ['user', 'x'.repeat(10_000)],
      ['user', 'x'.repeat(5_000)],
    ]);
    expect(marked).toEqual([2]);
  });

  it.each(['drop_after', 'error_after', 'garbage'] as const)('looks before it repeats after %s', async (kind) => {
    const to = await open();
    const text = 'Is <b>1 & 2</b>\n\n"ok"?';
    sandbox.fault('send', { kind, times: 1 });
    const once = message(to, 2, { text });
    await failure(intercom.send(context(), once));
    const again = await intercom.send(context(), { ...once, maybeSent: true });
    expect(await intercom.send(context(), { ...once, maybeSent: true })).toEqual(again);
    expect(lines(to.deskConversationId).slice(2)).toEqual([['user', text]]);
  });

  it('tells two equal messages apart', async () => {
    const to = await open();
    await intercom.send(context(), message(to, 2, { text: 'ok' }));
    sandbox.fault('send', { kind: 'drop_before', times: 1 });
    await failure(intercom.send(context(), message(to, 3, { text: 'ok' })));
    await intercom.send(context(), message(to, 3, { text: 'ok', maybeSent: true }));
    await intercom.send(context(), message(to, 4, { text: 'ok', maybeSent: true }));
    expect(lines(to.deskConversationId).slice(2)).toEqual([1, 2, 3].map(() => ['user', 'ok']));
  });

  it('says when to come back, by either header', async () => {
    const to = await open();
    sandbox.fault('send', { kind: 'rate_limit', resetInMs: 7_000, times: 1 });
    const { kind, retryAfterMs } = await failure(intercom.send(context(), message(to)));
    expect(kind).toBe('rate_limited');
    expect(retryAfterMs).toBeGreaterThan(4_000);
    expect(retryAfterMs).toBeLessThanOrEqual(8_000);
    sandbox.fault('send', { kind: 'status', status: 429, retryAfter: 3, times: 1 });
    expect((await failure(intercom.send(context(), message(to)))).retryAfterMs).toBe(3_000);
  });

  it('knows when the conversation is gone', async () => {
    const to = await open();
    await sandbox.deleteConversation(to.deskConversationId);
    expect(await failure(intercom.send(context(), message(to)))).toMatchObject({ kind: 'not_found', status: 404 });
  });

  it.each([
    [400, 'rejected'],
    [401, 'auth'],
    [403, 'auth'],
    [408, 'timeout'],
    [409, 'conflict'],
    [422, 'rejected'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('status %i is %s', async (status, kind) => {
    const to = await open();
    sandbox.fault('send', { kind: 'status', status, times: 1 });
    expect(await failure(intercom.send(context(), message(to)))).toMatchObject({ kind, status, operation: 'send' });
  });
});

describe('close', () => {
  it('closes as the teammate of the bot; closed already and repeated is fine', async () => {
    const to = await open();
    await intercom.close(context(), closing(to));
    await intercom.close(context(), closing(to));
    expect(sandbox.conversation(to.deskConversationId)?.closed).toBe(true);
    expect(calls(/\/parts$/).at(-1)).toEqual({ message_type: 'close', type: 'admin', admin_id: settings().adminId });
    sandbox.fault('close', { kind: 'status', status: 422, times: 1 });
    await intercom.close(context(), closing(to));
  });

  it('finds what an unclear opening has left', async () => {
    const request = opening();
    sandbox.fault('open', { kind: 'drop_after', times: 1 });
    await failure(intercom.open(context(), request));
    await intercom.close(context(), closing({ ...request, deskConversationId: request.handoffId }));
    expect(sandbox.conversations().map(({ closed }) => closed)).toEqual([true]);
  });

  it('has nothing to do when the opening never reached Intercom', async () => {
    const id = `h_${randomUUID()}`;
    const before = sandbox.arrivals();
    await intercom.close(context(), closing({ handoffId: id, deskConversationId: id }));
    expect(sandbox.arrivals()).toBe(before);
  });
});

describe('native', () => {
  const native = () => context(settings({}, 'native'));
  const begun = async () => {
    const deskConversationId = await sandbox.user.writes('Hello?');
    return { ...opening({ mode: 'native', deskConversationId }), deskConversationId };
  };
  const bot = (to: { handoffId: string; deskConversationId: string }, n = 2, more: Partial<OutboundMessage> = {}) =>
    message(to, n, { from: 'bot', text: 'One <moment>\nplease', ...more });

  it('answers as the teammate, with safe HTML, once', async () => {
    const to = await begun();
    sandbox.fault('send', { kind: 'drop_after', times: 1 });
    await failure(intercom.send(native(), bot(to)));
    await intercom.send(native(), bot(to, 2, { maybeSent: true }));
    expect(calls(/\/reply$/)).toEqual([
      {
        message_type: 'comment',
        type: 'admin',
        admin_id: settings().adminId,
        body: '<p>One &lt;moment&gt;<br>please</p>',
      },
    ]);
  });

  it('assigns the team with the context as a note, and takes the bot out', async () => {
    const to = await begun();
    await sandbox.human.transfer(to.deskConversationId, settings().adminId ?? '');
    expect(await intercom.open(native(), to)).toEqual({ deskConversationId: to.deskConversationId });
    await intercom.open(native(), to);
    expect(lines(to.deskConversationId).map(([from]) => from)).toEqual(['user', 'note']);
    const { adminId, teamId } = settings();
    expect(calls(/\/parts$/)).toMatchObject([{ assignee_id: teamId }, { assignee_id: '0' }]);
    await intercom.close(native(), { ...closing(to), mode: 'native' });
    expect(calls(/\/parts$/).at(-1)).toEqual({
      message_type: 'assignment',
      type: 'admin',
      admin_id: adminId,
      assignee_id: adminId,
    });
    await intercom.send(native(), bot(to));
  });

  it('leaves a conversation closed that a human closed, and has it again when the user writes', async () => {
    const to = await begun();
    await intercom.open(native(), to);
    await sandbox.human.reply(to.deskConversationId, 'Hi');
    await sandbox.human.transfer(to.deskConversationId, '7001001');
    await sandbox.human.close(to.deskConversationId);
    await intercom.close(native(), { ...closing(to), mode: 'native' });
    expect(sandbox.conversation(to.deskConversationId)?.closed).toBe(true);
    await sandbox.user.writes('Me again', { conversationId: to.deskConversationId });
    await intercom.send(native(), bot(to));
    expect(calls(/\/parts$/).at(-1)).toMatchObject({ assignee_id: settings().adminId });
  });

  it('does not speak over a human', async () => {
    const to = await begun();
    await sandbox.human.reply(to.deskConversationId, 'I take this');
    expect(await failure(intercom.send(native(), bot(to)))).toMatchObject({ kind: 'rejected' });
    expect(calls(/\/reply$/)).toEqual([]);
  });
});

describe('verify', () => {
  it('names the workspace, and changes nothing', async () => {
    const { detail, warnings } = await intercom.verify(context(), 'external');
    expect(detail).toContain(sandbox.workspaceId);
    expect(warnings ?? []).toEqual([]);
    expect(sandbox.contacts).toHaveLength(0);
  });

  it.each([
    ['accessToken', 'auth', { accessToken: 'wrong' }],
    ['region', 'rejected', { region: 'eu' }],
    ['adminId', 'rejected', { adminId: '99' }],
    ['teamId', 'rejected', { teamId: '99' }],
  ] as const)('blames %s', async (field, kind, wrong) => {
    expect(await failure(intercom.verify(context(settings(wrong)), 'native'))).toMatchObject({ field, kind });
  });

  it('says what is better set', async () => {
    const { warnings = [] } = await intercom.verify(context(without('adminId', 'teamId')), 'external');
    expect(warnings).toHaveLength(2);
  });

  it('says what is wrong with the permissions', async () => {
    sandbox.fault('verify', { kind: 'status', status: 403, code: 'forbidden', times: 1 });
    const error = await failure(intercom.verify(context(), 'external'));
    expect(error).toMatchObject({ kind: 'auth', field: 'accessToken', status: 403 });
    expect(error.message).toContain('forbidden');
  });
});
