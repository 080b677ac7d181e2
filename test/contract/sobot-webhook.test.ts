import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TurnItem } from '../../activities/desks/desk.ts';
import { sobotConfig } from '../../activities/desks/sobot/config.ts';
import { sobot } from '../../activities/desks/sobot/index.ts';
import { testSeed } from '../support/seed.ts';
import { APP, COMPANY, FORWARD_KEY, forwardHeaders, question, request } from './sobot-fixture.ts';

const forwarding = { companyId: COMPANY, forwardKey: FORWARD_KEY };
const widget = sobotConfig.parse({ way: 'widget', groupName: 'After-sales', ...forwarding });
const openapi = sobotConfig.parse({ way: 'openapi', ...APP, ...forwarding });

const { webhook } = sobot;
if (webhook?.answer === undefined) throw new Error('Sobot waits for answers');
const { authenticate, parse, answer } = webhook;

const isTaken = (body: unknown, config = widget, headers = {}): boolean =>
  authenticate(request(body, headers), config).ok;
const eventsOf = (body: unknown, config = widget) => parse(request(body), config);
const signalsOf = (body: unknown, config = widget) => eventsOf(body, config).map(({ signal }) => signal);

describe('a question of Sobot', () => {
  it("is the user's message, and ends a handoff that has the visitor", () => {
    const [back, said] = eventsOf(question());
    expect(back).toEqual({
      dedupeKey: 'cid-1.rt-1.back',
      deskConversationId: 'cid-1',
      duringHandoff: true,
      comesWith: said?.dedupeKey,
      signal: { kind: 'close', id: 'cid-1.rt-1.back', by: 'agent' },
    });
    expect(said).toEqual({
      dedupeKey: 'cid-1.rt-1',
      deskConversationId: 'cid-1',
      signal: {
        kind: 'userMessage',
        id: 'cid-1.rt-1',
        text: 'I want to talk to a person',
        user: { id: 'visitor-001', name: 'Dana' },
      },
    });
  });

  it('needs nothing but its words and its conversation, and ignores what is new', () => {
    const [, said] = signalsOf({ question: 'Hi', ai_agent_cid: 'cid-1', surprise: { a: [1] } });
    expect(said).toMatchObject({ kind: 'userMessage', text: 'Hi', user: {} });
  });

  it('that is repeated has the same keys, and without an id the same words have', () => {
    const keys = (change: Record<string, unknown>) => eventsOf(question(change)).map(({ dedupeKey }) => dedupeKey);
    expect(keys({})).toEqual(keys({ question: 'I want to talk to a person!' }));
    expect(keys({ runtimeid: 'rt-2' })).not.toEqual(keys({}));
    expect(keys({ ai_agent_cid: 'cid-2' })).not.toEqual(keys({}));
    expect(keys({ runtimeid: undefined })).toEqual(keys({ runtimeid: undefined }));
    expect(keys({ runtimeid: undefined })).not.toEqual(keys({ runtimeid: undefined, question: 'Other' }));
  });

  it.each(['https://f.example/up/bill.pdf', 'http://f.example/a.PNG?sign=x&y=1', ' https://f.example/%E4%BD%A0.docx '])(
    'that is the address of a file is an attachment: %s',
    (address) => {
      const [, said] = signalsOf(question({ question: address, msg_type: 'TEXT' }));
      expect(said).toMatchObject({
        text: '',
        attachments: [{ url: address.trim(), name: expect.stringMatching(/\.\w+$/) }],
      });
    },
  );

  it.each([
    'https://shop.example/orders/12',
    'https://shop.example/?file=a.pdf',
    'see https://f.example/bill.pdf',
    'ftp://f.example/bill.pdf',
    'javascript:alert(1).pdf',
    'https://f.example/a.exe',
    'bill.pdf',
  ])('with other words is a text: %s', (words) => {
    const [, said] = signalsOf(question({ question: words, msg_type: 'IMG' }));
    expect(said).toMatchObject({ text: words });
    expect(said).not.toHaveProperty('attachments');
  });

  it.each([{ copilot: true }, { copilot: 'true' }, { question: '' }, { question: undefined }, { question: '  ' }])(
    'with %j is nobody’s message, and waits for nothing',
    (change) => {
      expect(eventsOf(question(change))).toEqual([]);
      expect(answer.turn(request(question(change)), widget)).toBeUndefined();
    },
  );

  it('waits for its turn under the id that Sobot gave it, not longer than ten seconds', () => {
    expect(answer.turn(request(question()), widget)).toEqual({ deskConversationId: 'cid-1', key: 'rt-1' });
    expect(answer.waitMs).toBeLessThanOrEqual(10_000);
  });
});

describe('the answer to a question', () => {
  const message = (text: string, attachments: { url: string; name?: string }[] = []): TurnItem => ({
    kind: 'message',
    key: text,
    text,
    attachments,
  });
  const handoff: TurnItem = { kind: 'handoff', key: 'ho_1.d1' };
  const answered = (said: TurnItem[], change: Record<string, unknown> = {}, config = widget) =>
    answer.render(request(question(change)), config, said);
  const dataOf = (said: TurnItem[], change: Record<string, unknown> = {}, config = widget) =>
    (JSON.parse(answered(said, change, config).body ?? '') as { data: Record<string, unknown> }).data;

  it('is the envelope of the reference', () => {
    const { status, headers, body } = answered([message('Your parcel left the warehouse today.')]);
    expect(status).toBe(200);
    expect(headers?.['content-type']).toContain('application/json');
    expect(JSON.parse(body ?? '')).toEqual({
      ret_code: '000000',
      ret_msg: 'success',
      data: {
        llm_answer: 'Your parcel left the warehouse today.',
        answer_type: 'QA_DIRECT',
        robot_answer_message_type: 'THIRD_ANSWER_INFO',
        success: true,
        message_end: true,
        hit_sensitive_word: false,
        runtimeid: 'rt-1',
      },
    });
  });

  it('transfers with the flag and the name of the group, with the words of the bot or ours', () => {
    const flags = { third_transfer_flag: true, third_transfer_groupName: 'After-sales' };
    expect(dataOf([handoff])).toMatchObject({ ...flags, llm_answer: widget.transferText });
    expect(dataOf([message('One moment'), handoff])).toMatchObject({ ...flags, llm_answer: 'One moment' });
    const { groupName: _, ...without } = widget;
    expect(dataOf([handoff], {}, without)).not.toHaveProperty('third_transfer_groupName');
  });

  it('has all messages and the links of their files', () => {
    const said = [message('One'), message('', [{ url: 'https://f.example/a.pdf', name: 'a.pdf' }]), message('Three')];
    expect(dataOf(said)['llm_answer']).toBe('One\n\na.pdf: https://f.example/a.pdf\n\nThree');
  });

  it('is an apology when nothing came in time, and a transfer only when that is wanted', () => {
    expect(dataOf([])).toMatchObject({ llm_answer: widget.noAnswerText });
    expect(dataOf([])).not.toHaveProperty('third_transfer_flag');
    const transfers = { ...widget, transferOnFailure: true };
    expect(dataOf([], {}, transfers)).toMatchObject({ llm_answer: widget.transferText, third_transfer_flag: true });
    expect(dataOf([message('Here')], {}, transfers)).not.toHaveProperty('third_transfer_flag');
  });

  it('has no key without a value, and no id that was not asked with', () => {
    expect(dataOf([handoff], { runtimeid: undefined })).not.toHaveProperty('runtimeid');
    for (const said of [[], [handoff], [message('x')]]) {
      expect(Object.values(dataOf(said))).not.toContain(null);
      expect(dataOf(said)).not.toHaveProperty('ai_agent_cid');
    }
  });

  it('is one last event of a stream when Sobot asks for a stream', () => {
    const { status, headers, body } = answered([message('One\ntwo'), handoff], { req_stream: true });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    const lines = (body ?? '').split('\n');
    expect(lines).toHaveLength(3);
    expect(lines.slice(1)).toEqual(['', '']);
    const { data } = JSON.parse((lines[0] ?? '').replace(/^data:/, '')) as { data: object };
    expect(data).toMatchObject({ llm_answer: 'One\ntwo', message_end: true, third_transfer_flag: true });
  });
});

describe('a push of the open API', () => {
  const push = (change: object = {}) => ({
    type: 202,
    partnerId: 'baton-1',
    msgId: 'm-501',
    content: 'Hi Dana, how can I help?',
    msgType: 'text',
    aname: 'Alex',
    aface: 'https://files.example.test/alex.png',
    params: '{"handoff_id":"ho-1"}',
    sysNum: COMPANY,
    aid: 'a-7',
    cid: 'c-9001',
    uid: 'v-77',
    ts: 1790000022000,
    ...change,
  });
  const agent = { id: 'a-7', name: 'Alex', avatar: 'https://files.example.test/alex.png' };
  const signals = (change: object) => signalsOf(push(change), openapi);

  it("is an agent's message with its own id, in both published forms", () => {
    const [event] = eventsOf(push(), openapi);
    expect(event).toEqual({
      dedupeKey: 'baton-1.m-501',
      deskConversationId: 'baton-1',
      signal: { kind: 'agentReply', id: 'baton-1.m-501', text: 'Hi Dana, how can I help?', agent },
    });
    const short = { type: '202', partnerId: 'baton-1', msgId: 5, content: 'Hi', msgType: 'text', aname: 'Alex' };
    expect(signalsOf(short, openapi)).toMatchObject([{ text: 'Hi', agent: { name: 'Alex' } }]);
  });

  it('words stay as they are, also those that look like HTML', () => {
    const content = '1 < 2 & <b>not bold</b> “Zoë” 你好 🙂\n{"a":1}';
    expect(signals({ content })).toMatchObject([{ text: content }]);
    expect(signals({ content: '{"a":1}' })).toMatchObject([{ text: '{"a":1}' }]);
  });

  it('content may be JSON of its own', () => {
    const content = JSON.stringify({ msg: 'https://f.example/a.png', msgType: 'image' });
    expect(signals({ content })).toMatchObject([{ attachments: [{ url: 'https://f.example/a.png', name: 'a.png' }] }]);
    expect(signals({ content: JSON.stringify({ msg: 'Hello' }) })).toMatchObject([{ text: 'Hello' }]);
  });

  it.each(['image', 'file', 'voice', 'video'])('the address of a file of the type %s is an attachment', (msgType) => {
    const url = 'https://f.example/x/a%20b.bin';
    expect(signals({ msgType, content: url })).toMatchObject([{ text: '', attachments: [{ url, name: 'a b.bin' }] }]);
    expect(signals({ msgType, content: 'javascript:alert(1)' })).toMatchObject([{ text: 'javascript:alert(1)' }]);
    expect(signals({ content: url })).toMatchObject([{ text: url }]);
  });

  it('rich text is read as text', () => {
    const [said] = signals({ msgType: 'richtext', content: '<p>Hi &amp; bye</p><img src="https://f.example/a.png">' });
    expect(said).toMatchObject({ text: 'Hi & bye', attachments: [{ url: 'https://f.example/a.png' }] });
  });

  it('tells who comes, who takes over and that it is over; the rest tells nothing', () => {
    expect(signals({ type: 200, msgId: undefined })).toMatchObject([{ kind: 'agentJoined', agent }]);
    expect(signals({ type: 210, msgId: undefined, name: 'Ben', face: '' })).toMatchObject([
      { kind: 'agentChanged', agent: { name: 'Ben' } },
    ]);
    expect(signals({ type: 204, status: '2', msgId: undefined })).toMatchObject([{ kind: 'close', by: 'agent' }]);
    for (const type of [201, 209, 211, 213, 215, 217, 999, 'x']) expect(signals({ type }), String(type)).toEqual([]);
  });

  it('without an id of its own is known by its time, or else only within a handoff', () => {
    const of = (change: object) => eventsOf(push({ type: 204, msgId: undefined, ...change }), openapi)[0];
    expect(of({ status: 1 })?.dedupeKey).toBe(of({ status: 2 })?.dedupeKey);
    expect(of({ ts: 1 })?.dedupeKey).not.toBe(of({ ts: 2 })?.dedupeKey);
    expect(of({})?.perHandoff).toBeUndefined();
    expect(of({ ts: undefined })?.perHandoff).toBe(true);
  });

  it('is taken by the open API way only, and of the right company', () => {
    expect(isTaken(push(), openapi)).toBe(true);
    expect(isTaken(push({ sysNum: undefined }), openapi)).toBe(true);
    expect(isTaken(push({ sysNum: 'another' }), openapi)).toBe(false);
    expect(isTaken(push(), widget)).toBe(false);
    expect(eventsOf(push(), widget)).toEqual([]);
  });
});

describe('a forwarded batch', () => {
  const message = (change: object = {}) => ({
    cid: 'cid-1',
    companyid: COMPANY,
    timems: '1790000022000',
    senderid: 'a-7',
    sender_name: 'Alex',
    receiverid: 'v-77',
    receiver_name: 'Dana',
    msg: 'Hi Dana',
    sender_type: 2,
    receiver_type: 0,
    msg_offline: 0,
    ...change,
  });
  const conversation = (change: object = {}) => ({
    companyid: COMPANY,
    cid: 'cid-1',
    partnerid: 'baton-1',
    visitorid: 'v-77',
    start_time: '1790000000000',
    end_time: '1790000600000',
    staff_name: 'Alex',
    offline_type: '2',
    transfer_tohuman_time: '1790000010000',
    ...change,
  });
  const batch = (type: string, ...content: object[]) => ({ type, sys_code: 'comp-1', content });

  it('tells of the human chat of the widget, in order and only for a handoff', () => {
    const events = eventsOf(
      batch('msg', message(), message({ sender_type: '0', receiver_type: '2', senderid: 'v-77', msg: 'Thanks' })),
    );
    expect(events).toMatchObject([
      {
        deskConversationId: 'cid-1',
        duringHandoff: true,
        dedupeKey: 'cid-1.1790000022000.a-7',
        signal: { kind: 'agentReply', text: 'Hi Dana', agent: { id: 'a-7', name: 'Alex' } },
      },
      { deskConversationId: 'cid-1', duringHandoff: true, signal: { kind: 'userMessage', text: 'Thanks' } },
    ]);
  });

  it('what is said to the robot or by it is none of it', () => {
    const robot = [message({ sender_type: 0, receiver_type: 1 }), message({ sender_type: 1 }), message({ msg: '' })];
    expect(eventsOf(batch('msg', ...robot, message({ sender_type: null })))).toEqual([]);
  });

  it('the end of a chat with a human is a close, by the id of each way', () => {
    const [close] = eventsOf(batch('conversation', conversation()));
    expect(close).toMatchObject({
      deskConversationId: 'cid-1',
      duringHandoff: true,
      signal: { kind: 'close', by: 'agent' },
    });
    expect(eventsOf(batch('conversation', conversation()), openapi)).toMatchObject([{ deskConversationId: 'baton-1' }]);
    const later = eventsOf(batch('conversation', conversation({ end_time: 1790000700000 })))[0];
    expect(later?.dedupeKey).not.toBe(close?.dedupeKey);
  });

  it.each([{ end_time: '' }, { end_time: 0 }, { end_time: null }, { staff_name: '', transfer_tohuman_time: '' }])(
    'a chat that goes on, or that no human had, is none: %j',
    (change) => expect(eventsOf(batch('conversation', conversation(change)))).toEqual([]),
  );

  it('messages of the open API come as pushes, and other kinds and companies are left out', () => {
    expect(eventsOf(batch('msg', message()), openapi)).toEqual([]);
    for (const type of ['evaluation', 'user', 'userinfo', 'summary'])
      expect(eventsOf(batch(type, message()))).toEqual([]);
    expect(eventsOf(batch('msg', message({ companyid: 'another' })))).toEqual([]);
  });

  const body = batch('msg', message());
  const right = forwardHeaders();

  it('is taken with the signature of the reference', () => {
    expect(right['x-log-sign']).toBe('0ec0f47451d73bdee0bb0bf99aa8bb81');
    expect(isTaken(body, widget, right)).toBe(true);
    expect(isTaken(body, openapi, right)).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no signature', { 'x-log-sign': undefined }],
    ['no time', { 'x-log-timestamp': undefined }],
    ['no code', { 'x-log-randomcode': undefined }],
    ['another key', forwardHeaders({ key: 'another' })],
    ['an empty key', forwardHeaders({ key: '' })],
    ['another company', forwardHeaders({ company: 'another' })],
    ['another time', { 'x-log-timestamp': '1700000000001' }],
    ['another code', { 'x-log-randomcode': 'a1b2c4' }],
    ['a shorter one', { 'x-log-sign': right['x-log-sign'].slice(1) }],
    ['a longer one', { 'x-log-sign': `${right['x-log-sign']}0` }],
    ['two', { 'x-log-sign': [right['x-log-sign'], right['x-log-sign']] }],
    ['another letter', { 'x-log-sign': right['x-log-sign'].replace('0', '1') }],
    ['an empty one', { 'x-log-sign': '' }],
  ])('is refused with %s', (_what, change) => {
    expect(isTaken(body, widget, { ...right, ...change })).toBe(false);
  });

  it('is refused while no key or no company is set', () => {
    const { forwardKey: _key, ...noKey } = widget;
    const { companyId: _company, ...noCompany } = widget;
    for (const config of [noKey, noCompany, { ...widget, forwardKey: '' }]) {
      expect(isTaken(body, config, right)).toBe(false);
      expect(isTaken(body, config, forwardHeaders({ key: '' }))).toBe(false);
      expect(isTaken(body, config, forwardHeaders({ key: 'undefined', company: 'undefined' }))).toBe(false);
    }
  });
});

describe('who may ask', () => {
  it('a question needs the widget way, and the robot of the settings', () => {
    expect(isTaken(question())).toBe(true);
    expect(isTaken(question(), openapi)).toBe(false);
    expect(eventsOf(question(), openapi)).toEqual([]);
    expect(isTaken(question(), { ...widget, robotId: '12' })).toBe(true);
    expect(isTaken(question({ robotid: 12 }), { ...widget, robotId: '12' })).toBe(true);
    expect(isTaken(question({ robotid: '13' }), { ...widget, robotId: '12' })).toBe(false);
    expect(isTaken(question({ robotid: undefined }), { ...widget, robotId: '12' })).toBe(false);
  });

  it('what is nothing of Sobot is refused', () => {
    for (const body of [{}, [], null, 'x', { question: 'x' }, { type: 202 }, { content: [] }, { ai_agent_cid: '' }]) {
      expect(isTaken(body), JSON.stringify(body)).toBe(false);
      expect(isTaken(body, openapi), JSON.stringify(body)).toBe(false);
    }
    expect(isTaken(Buffer.from('{"ai_agent_cid":"x"'))).toBe(false);
  });
});

describe('any body', () => {
  const others =
    'type partnerId content msgType msgId aname aid ts cid msg timems end_time sender_type receiver_type companyid ' +
    'partnerid staff_name name';
  const names = [...Object.keys(question()), ...others.split(' ')];
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, true, 0, 2, 202, 204, 210, '202', 'msg', 'conversation', '', [], {}, COMPANY),
    fc.constantFrom('https://f.example/%', 'https://f.example/%E4.pdf', '{"msg":"https://x/%.png","msgType":"image"}'),
    fc.string(),
    fc.jsonValue(),
  );
  const some = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 16 });
  const body = fc.oneof(
    some,
    fc.record({ base: fc.constant(question()), some }).map(({ base, some: change }) => ({ ...base, ...change })),
    fc.record({ type: fc.constantFrom('msg', 'conversation'), content: fc.array(some, { maxLength: 3 }) }),
  );

  it('is read without an exception, and events have ids and texts', () => {
    const seed = testSeed('sobot parse');
    fc.assert(
      fc.property(body, fc.constantFrom(widget, openapi), (sent, config) => {
        const raw = request(sent);
        expect(typeof authenticate(raw, config).ok).toBe('boolean');
        for (const event of parse(raw, config)) {
          expect(event.dedupeKey).toBeTruthy();
          expect(event.signal).toMatchObject({ id: event.dedupeKey });
          expect(event.deskConversationId).toBeTruthy();
          expect(typeof event.deskConversationId).toBe('string');
          if ('text' in event.signal) expect(typeof event.signal.text).toBe('string');
          const files = 'attachments' in event.signal ? (event.signal.attachments ?? []) : [];
          for (const { url } of files) expect(url).toMatch(/^https?:\/\//);
        }
        const turn = answer.turn(raw, config);
        if (turn === undefined) return;
        expect(turn.key && turn.deskConversationId).toBeTruthy();
        const { body: rendered = '' } = answer.render(raw, config, []);
        expect(JSON.parse(rendered.replace(/^data:/, ''))).toMatchObject({ ret_code: '000000' });
      }),
      { seed, numRuns: 3_000 },
    );
  });

  it('of bytes that are no JSON is refused', () => {
    const seed = testSeed('sobot bytes');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const raw = request(Buffer.from(bytes));
        expect(authenticate(raw, widget).ok).toBe(false);
        expect(parse(raw, widget)).toEqual([]);
      }),
      { seed, numRuns: 300 },
    );
  });
});
