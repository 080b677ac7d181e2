import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { handOver, takeTurn } from '../../activities/desks/mailbox.ts';
import { sobot } from '../../activities/desks/sobot/index.ts';
import { sobotConfig } from '../../activities/desks/sobot/config.ts';
import {
  closing,
  connected,
  type Fake,
  failure,
  item,
  items,
  line,
  opening,
  outbound,
  prefixOf,
  refusal,
  startFake,
} from './sobot-fixture.ts';

let fake: Fake;
beforeAll(async () => {
  fake = await startFake();
});
beforeEach(() => fake.reset());
afterAll(() => fake.stop());

const contents = (): unknown[] => fake.of('chat_send').map(({ body }) => body['content']);
const TRANSCRIPT = 'Conversation with the bot:\nUser: Where is my parcel?\nBot: I do not know.';

describe('the settings of Sobot', () => {
  it('take the widget without credentials, and the open API only with both', () => {
    expect(sobotConfig.parse({})).toMatchObject({ way: 'widget', region: 'sg', transferOnFailure: false });
    const fields = (config: object): unknown[] =>
      sobotConfig.safeParse(config).error?.issues.map(({ path }) => path.join('.')) ?? [];
    expect(fields({ way: 'openapi' })).toEqual(['appId', 'appKey']);
    expect(fields({ way: 'openapi', appId: 'a' })).toEqual(['appKey']);
    expect(fields({ appKey: 'k' })).toEqual(['appId']);
    expect(fields({ forwardKey: 'k' })).toEqual(['companyId']);
    expect(fields({ baseUrl: 'ftp://a.example' })).toEqual(['baseUrl']);
  });

  it('say whether the user is in the widget', () => {
    expect(sobot.messengerInExternal?.(sobotConfig.parse({}))).toBe(true);
    expect(sobot.messengerInExternal?.(sobotConfig.parse({ way: 'openapi', appId: 'a', appKey: 'k' }))).toBe(false);
    expect(sobot.externalChannels).toEqual(['sobot']);
  });
});

describe('the token of Sobot', () => {
  it('is asked for with the signature of the reference, and sent as a header', async () => {
    await sobot.open(fake.context(), opening());
    const [asked] = fake.of('get_token');
    expect(asked?.method).toBe('GET');
    expect(prefixOf(asked!)).toBe('/api');
    expect(asked?.query).toEqual({
      appid: 'demo-appid',
      create_time: '1700000000',
      sign: '891cbeb13b396d2af03816c325839337',
    });
    const calls = fake.seen.filter(({ what }) => what !== 'get_token');
    expect(calls.map(({ headers }) => headers['token'])).toEqual(calls.map(() => 'token1'));
    expect(fake.of('get_token')).toHaveLength(1);
  });

  it('is made once for many calls at once', async () => {
    const open = (conversationId: string) => sobot.open(fake.context(), opening({ conversationId }));
    await Promise.all(['a', 'b', 'c', 'd'].map(open));
    expect(fake.of('get_token')).toHaveLength(1);
  });

  it.each(['900001', '900002'])('is renewed once when it is refused with %s, and the call repeated', async (code) => {
    fake.set({ chat_send: ({ headers }) => (headers['token'] === 'token1' ? refusal(code) : item({ status: 1 })) });
    await sobot.open(fake.context(), opening());
    expect(fake.of('get_token')).toHaveLength(2);
    expect(fake.of('chat_send').map(({ headers }) => headers['token'])).toEqual(['token1', 'token2', 'token2']);
  });

  it('that is refused for ever is auth', async () => {
    fake.set({ chat_connect: () => refusal('900002') });
    expect(await failure(sobot.open(fake.context(), opening()))).toMatchObject({ kind: 'auth', operation: 'open' });
    expect(fake.of('chat_connect')).toHaveLength(2);
  });

  it('is renewed when nine tenths of its time are over', async () => {
    fake.set({ get_token: (_seen, count) => item({ token: `token${count}`, expires_in: 1000 }) });
    await sobot.open(fake.context(), opening({ conversationId: 'a' }));
    fake.pass(899_000);
    await sobot.open(fake.context(), opening({ conversationId: 'b' }));
    expect(fake.of('get_token')).toHaveLength(1);
    fake.pass(2_000);
    await sobot.open(fake.context(), opening({ conversationId: 'c' }));
    expect(fake.of('get_token')).toHaveLength(2);
  });

  it('of other credentials is not used', async () => {
    await sobot.open(fake.context(), opening({ conversationId: 'a' }));
    await sobot.open(fake.context({ appKey: 'another-key' }), opening({ conversationId: 'b' }));
    expect(fake.of('get_token')).toHaveLength(2);
  });
});

describe('addresses and codes of Sobot', () => {
  it('an unknown path is tried with the other prefix, which is then kept', async () => {
    const only = (prefix: string, reply: object) => (seen: Parameters<typeof prefixOf>[0]) =>
      prefixOf(seen) === prefix ? reply : { status: 404 };
    fake.set({
      chat_connect: only('/api/5/user', connected(1)),
      chat_send: only('/api/5/user', item({ status: 1 })),
    });
    await sobot.open(fake.context(), opening());
    expect(fake.of('chat_connect').map(prefixOf)).toEqual(['/api/chat/5/user', '/api/5/user']);
    expect(fake.of('chat_send').map(prefixOf)).toEqual(['/api/5/user', '/api/5/user']);
  });

  it.each([
    ['900003', 'auth'],
    ['900004', 'auth'],
    ['700046', 'auth'],
    ['400012', 'rejected'],
    ['500157', 'rejected'],
    ['999999', 'unavailable'],
    ['123', 'unavailable'],
  ])('the code %s is %s', async (code, kind) => {
    fake.set({ chat_connect: () => refusal(code) });
    const error = await failure(sobot.open(fake.context(), opening()));
    expect(error).toMatchObject({ kind, status: 200, unclear: false });
    expect(error.message).toContain(code);
    expect(error.message).not.toContain('quote');
  });

  it('a bad status says more than the code for anything, and less than a code that tells', async () => {
    const answered = (status: number, ret_code: string) => async () => {
      fake.set({ chat_connect: () => ({ status, body: { ret_code, ret_msg: 'x' } }) });
      return await failure(sobot.open(fake.context(), opening()));
    };
    expect(await answered(422, '999999')()).toMatchObject({ kind: 'rejected', status: 422 });
    expect(await answered(429, '999999')()).toMatchObject({ kind: 'rate_limited', status: 429 });
    expect(await answered(500, '700046')()).toMatchObject({ kind: 'auth', status: 500 });
  });

  it('both spellings of the code are read, and no code is not a success', async () => {
    fake.set({ chat_connect: () => ({ body: { retCode: '400004', retMsg: 'x' } }) });
    expect(await failure(sobot.open(fake.context(), opening()))).toMatchObject({ kind: 'rejected' });
    fake.set({ chat_connect: () => ({ body: { item: { status: 1 } } }) });
    expect(await failure(sobot.open(fake.context(), opening()))).toMatchObject({ kind: 'protocol', unclear: true });
  });
});

describe('open by the open API', () => {
  it('connects the user, and gives the agent the talk and the question', async () => {
    const request = opening();
    const { deskConversationId } = await sobot.open(fake.context({ groupId: 'g-100' }), request);
    expect(deskConversationId).toBe(`baton-${request.handoffId}`);
    expect(fake.of('admin_is_work')[0]?.query['groupid']).toBe('g-100');
    expect(fake.of('chat_connect').map(({ body }) => body)).toEqual([
      {
        partnerid: deskConversationId,
        source: 0,
        groupid: 'g-100',
        user_nick: 'Dana',
        user_emails: 'dana@example.test',
        params: JSON.stringify({ handoff_id: request.handoffId }),
      },
    ]);
    expect(fake.of('chat_send').map(({ body }) => body)).toEqual([
      { partnerid: deskConversationId, content: TRANSCRIPT, msg_type: 'text' },
      { partnerid: deskConversationId, content: 'I want to talk to a person', msg_type: 'text' },
    ]);
  });

  it('has a user of its own for each handoff, so that nothing late of an old one touches the next', async () => {
    const [first, second] = [opening(), opening()];
    const idOf = async (request: typeof first) => (await sobot.open(fake.context(), request)).deskConversationId;
    expect(await idOf(first)).toBe(await idOf(first));
    expect(await idOf(second)).not.toBe(await idOf(first));
    await sobot.close(fake.context(), closing(first));
    expect(fake.of('out').map(({ body }) => body['partnerid'])).toEqual([await idOf(first)]);
  });

  it.each([1, '1', 4, 10, -1])('goes on when the user is connected, or was: status %s', async (status) => {
    fake.set({ chat_connect: () => item({ status, cid: 'c-9001' }) });
    await sobot.open(fake.context(), opening());
    expect(contents()).toEqual([TRANSCRIPT, 'I want to talk to a person']);
  });

  it.each([2, 3, 7])('is rejected at once with status %i', async (status) => {
    fake.set({ chat_connect: () => connected(status) });
    expect(await failure(sobot.open(fake.context(), opening()))).toMatchObject({ kind: 'rejected' });
    expect(fake.of('chat_send')).toEqual([]);
  });

  it('waits in the queue try by try, and the agent gets everything once when he takes the user', async () => {
    const request = opening();
    fake.set({ chat_connect: (_seen, n) => (n === 1 ? connected(0, { count: 2 }) : connected(-1, { cid: '' })) });
    fake.set({ chat_send: (_seen, n) => item({ status: n === 1 ? 2 : 1 }) });
    const queued = await failure(sobot.open(fake.context(), request));
    expect(queued).toMatchObject({ kind: 'timeout', unclear: true, retryAfterMs: 5_000 });
    expect(queued.message).toContain('number 2 in the queue');
    expect(await failure(sobot.open(fake.context(), request))).toMatchObject({ kind: 'timeout' });
    await sobot.open(fake.context(), request);
    await sobot.open(fake.context(), request);
    expect(contents()).toEqual([TRANSCRIPT, TRANSCRIPT, 'I want to talk to a person']);
  });

  it('takes the user out of the queue when the handoff ends there', async () => {
    const request = opening();
    fake.set({ chat_connect: () => connected(0, { count: 5 }) });
    await failure(sobot.open(fake.context(), request));
    await sobot.close(fake.context(), closing(request));
    expect(fake.of('out')).toHaveLength(1);
  });

  it('looks for what an earlier try has said before it repeats it', async () => {
    const request = opening();
    fake.set({ chat_send: (_seen, n) => (n === 2 ? { cut: true } : item({ status: 1 })) });
    expect(await failure(sobot.open(fake.context(), request))).toMatchObject({ kind: 'timeout', unclear: true });
    fake.set({
      get_detail_by_cid: () => items([line(request.question, 2), line(TRANSCRIPT, 1), line('Hi', 3, 2)]),
    });
    await sobot.open(fake.context(), request);
    expect(fake.of('get_detail_by_cid')[0]?.body).toEqual({ cid: 'c-9001' });
    expect(contents()).toEqual([TRANSCRIPT, request.question]);
  });

  it('is rejected outside the working hours of the group, before anybody is called', async () => {
    fake.set({ admin_is_work: () => item({ is_work: 'false' }) });
    const error = await failure(sobot.open(fake.context({ groupId: 'g-100' }), opening()));
    expect(error).toMatchObject({ kind: 'rejected' });
    expect(fake.of('chat_connect')).toEqual([]);
  });
});

describe('send and close by the open API', () => {
  it('sends pictures as such, other files as a line with name and address', async () => {
    const request = opening();
    await sobot.open(fake.context(), request);
    fake.seen.length = 0;
    const attachments = [
      { url: 'https://f.example/a.png' },
      { url: 'https://f.example/b', contentType: 'audio/mpeg' },
      { url: 'https://f.example/c.mp4', contentType: 'video/mp4' },
      { url: 'https://f.example/d.pdf', name: 'bill.pdf' },
    ];
    await sobot.send(fake.context(), outbound(request, 2, { attachments }));
    expect(fake.of('chat_send').map(({ body }) => [body['msg_type'], body['content']])).toEqual([
      ['text', 'Hello'],
      ['image', 'https://f.example/a.png'],
      ['voice', 'https://f.example/b'],
      ['video', 'https://f.example/c.mp4'],
      ['text', 'bill.pdf: https://f.example/d.pdf'],
    ]);
  });

  it('a user who is not connected any more is not found, and a chat nobody knows too', async () => {
    const request = opening();
    await sobot.open(fake.context(), request);
    fake.set({ chat_send: () => item({ status: 2 }) });
    expect(await failure(sobot.send(fake.context(), outbound(request, 2)))).toMatchObject({ kind: 'not_found' });
    const unknown = outbound({ handoffId: 'ho_unknown' }, 2);
    expect(await failure(sobot.send(fake.context(), unknown))).toMatchObject({ kind: 'not_found' });
  });

  it('an unclear message is looked for among those that are not known, so that equal ones count', async () => {
    const request = opening({ history: [] });
    await sobot.open(fake.context(), request);
    await sobot.send(fake.context(), outbound(request, 2, { text: 'ok' }));
    fake.set({ get_detail_by_cid: () => items([line(request.question, 1), line('ok', 2)]) });
    await sobot.send(fake.context(), outbound(request, 3, { text: 'ok', maybeSent: true }));
    expect(contents()).toEqual([request.question, 'ok', 'ok']);
    const four = [request.question, 'ok', 'ok', 'bye'].map((words, t) => line(words, t));
    fake.set({ get_detail_by_cid: () => items(four) });
    await sobot.send(fake.context(), outbound(request, 4, { text: 'bye', maybeSent: true }));
    expect(contents()).toHaveLength(3);
  });

  it('goes on behind the parts that have arrived, also when nobody could mark them', async () => {
    const request = opening({ history: [] });
    await sobot.open(fake.context(), request);
    const attachments = [{ url: 'https://f.example/a.png' }, { url: 'https://f.example/b.png' }];
    const whole = outbound(request, 2, { attachments });
    fake.set({
      chat_send: (_seen, n) => (n === 3 ? refusal('400004') : n === 4 ? { status: 500 } : item({ status: 1 })),
    });
    expect(await failure(sobot.send(fake.context(), whole))).toMatchObject({ kind: 'unavailable' });
    await sobot.send(fake.context(), whole);
    await sobot.send(fake.context(), { ...whole, maybeSent: true });
    const [text, first, second] = ['Hello', 'https://f.example/a.png', 'https://f.example/b.png'];
    expect(contents().slice(1)).toEqual([text, first, second, second]);
  });
});

describe('verify', () => {
  it('of the widget without credentials calls nobody, and says what will not be seen', async () => {
    const { detail, warnings } = await sobot.verify(
      { ...fake.context(), config: sobotConfig.parse({ way: 'widget' }) },
      'external',
    );
    expect(detail).toContain('Nothing to call');
    expect(warnings?.join(' ')).toContain('waitTimeoutSeconds');
    expect(fake.seen).toEqual([]);
  });

  it('counts the agents and names the group, always with a new token', async () => {
    const ctx = fake.context({ groupId: 'g-100' });
    expect((await sobot.verify(ctx, 'external')).detail).toBe('2 agents logged in, group After-sales');
    await sobot.verify(ctx, 'external');
    expect(fake.of('get_token')).toHaveLength(2);
    fake.set({ get_once_data: () => item({ admin_size: '0' }) });
    expect((await sobot.verify(ctx, 'external')).warnings?.join(' ')).toContain('No agent is logged in');
  });

  it.each([
    ['900003', 'appKey', 'auth'],
    ['900004', 'appId', 'auth'],
    ['700046', 'appId', 'auth'],
  ])('blames for code %s the field %s', async (code, field, kind) => {
    fake.set({ get_token: () => refusal(code) });
    expect(await failure(sobot.verify(fake.context(), 'external'))).toMatchObject({ field, kind, operation: 'verify' });
  });

  it('blames the group that Sobot does not know', async () => {
    const open = sobot.verify(fake.context({ groupId: 'g-1' }), 'external');
    expect(await failure(open)).toMatchObject({ field: 'groupId', kind: 'rejected' });
    const widget = sobot.verify(fake.context({ way: 'widget', groupName: 'After sales' }), 'external');
    expect(await failure(widget)).toMatchObject({ field: 'groupName', kind: 'rejected' });
    await sobot.verify(fake.context({ way: 'widget', groupName: 'After-sales' }), 'external');
  });

  it('blames the region when nothing of Sobot is there', async () => {
    fake.set({ get_token: () => ({ status: 404 }) });
    expect(await failure(sobot.verify(fake.context(), 'external'))).toMatchObject({ field: 'region' });
  });
});

describe('the widget', () => {
  const widget = (change = {}) => ({
    ...fake.context(),
    config: sobotConfig.parse({ way: 'widget', ...change }),
  });
  const cid = 'cid-1';
  const inWidget = () => opening({ deskConversationId: cid, mode: 'native' });
  const spoken = (to: { handoffId: string }, text: string) =>
    outbound(to, 1, { from: 'bot', deskConversationId: cid, timestamp: Date.now(), text });
  const turn = (ctx: ReturnType<typeof widget>, key: string, waitMs = 3_000) =>
    takeTurn(ctx.memory, { deskConversationId: cid, key }, { waitMs, signal: new AbortController().signal });

  it("gives the bot's words and then the transfer to the question that waits", async () => {
    const ctx = widget();
    const asked = turn(ctx, 'rt-1');
    const request = inWidget();
    const sent = await sobot.send(ctx, spoken(request, 'I see.'));
    expect(sent).toEqual({});
    expect(await sobot.open(ctx, request)).toEqual({ deskConversationId: cid });
    expect((await asked).map(({ kind }) => kind)).toEqual(['message', 'handoff']);
    expect(fake.seen).toEqual([]);
  });

  it('opens once: a repeat with the same key transfers nobody again', async () => {
    const ctx = widget();
    const [request, asked] = [inWidget(), turn(ctx, 'rt-1')];
    await sobot.open(ctx, request);
    await sobot.open(ctx, request);
    expect(await asked).toHaveLength(1);
    expect(await turn(ctx, 'rt-1')).toHaveLength(1);
    expect(await turn(ctx, 'rt-2', 300)).toEqual([]);
  });

  it('without a question an answer waits for the next one, and a transfer does not', async () => {
    const ctx = widget();
    const request = inWidget();
    const late = spoken(request, 'Late');
    const error = await failure(sobot.send(ctx, late));
    expect(error).toMatchObject({ kind: 'unavailable', operation: 'send' });
    // What the bot says to the next question waits behind this one.
    expect(error.retryAfterMs).toBeLessThan(sobot.webhook!.answer!.waitMs / 2);
    expect(await failure(sobot.open(ctx, request))).toMatchObject({ kind: 'unavailable', operation: 'open' });
    expect(await turn(ctx, 'rt-2')).toMatchObject([{ kind: 'message', text: 'Late' }]);
    await sobot.send(ctx, late);
  });

  it('what was said so long ago that it has been reported as failed is not said later', async () => {
    const ctx = widget();
    const old = { ...spoken(inWidget(), 'Old'), timestamp: Date.now() - 15 * 60_000 };
    expect(await failure(sobot.send(ctx, old))).toMatchObject({ kind: 'unavailable' });
    expect(await turn(ctx, 'rt-3', 300)).toEqual([]);
  });

  it('a close takes back a transfer that has not left, and only its own', async () => {
    const ctx = widget();
    const request = inWidget();
    const kept = { kind: 'handoff' as const, key: 'ho_other.d1' };
    // As a process leaves it that was killed in the middle.
    for (const item of [{ kind: 'handoff' as const, key: request.key }, kept]) {
      expect(await handOver({ memory: ctx.memory, signal: AbortSignal.abort() }, cid, item)).toBe(false);
    }
    await sobot.close(ctx, closing({ ...request, deskConversationId: cid }));
    expect(await turn(ctx, 'rt-2')).toEqual([kept]);
  });

  it('refuses who is not in the widget', async () => {
    const error = await failure(sobot.open(widget(), opening()));
    expect(error).toMatchObject({ kind: 'rejected' });
    expect(error.message).toContain('sobot_widget_only');
  });

  it('transfers nobody outside the working hours, where it may look; a look that fails says nothing', async () => {
    const ctx = fake.context({ way: 'widget', groupId: 'g-100' });
    fake.set({ admin_is_work: () => item({ is_work: false }) });
    expect(await failure(sobot.open(ctx, inWidget()))).toMatchObject({ kind: 'rejected' });
    for (const reply of [{ status: 500 }, { status: 422 }, { cut: true }, refusal('900003'), refusal('400012')]) {
      fake.set({ admin_is_work: () => reply });
      const request = inWidget();
      const asked = turn(ctx, request.handoffId);
      await sobot.open(ctx, request);
      expect(await asked).toHaveLength(1);
    }
  });
});
