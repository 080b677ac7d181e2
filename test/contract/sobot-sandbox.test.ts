import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSobotSandbox, type SobotSandbox } from '../../api/sandbox/sobot/index.ts';
import { until } from '../support/poll.ts';

interface Arrival {
  headers: IncomingHttpHeaders;
  // oxlint-disable-next-line typescript/no-explicit-any -- requests of many shapes, looked at by matchers
  body: any;
}
type Data = Record<string, unknown>;

/** Stands where Baton is: what it says to the robot's questions, in parts. */
let baton: Server;
let arrivals: Arrival[] = [];
let robot: (question: Arrival['body']) => Data[] | Promise<Data[]>;
/** Puts something wrong in the answer. */
let spoil: (body: string) => { body: string; type?: string; status?: number };

let sandbox: SobotSandbox;
let baseUrl = '';
let settings: Record<string, string>;

const FIELDS = {
  answer_type: 'QA_DIRECT',
  robot_answer_message_type: 'THIRD_ANSWER_INFO',
  success: true,
  message_end: true,
  hit_sensitive_word: false,
};
const TRANSFER = { third_transfer_flag: true, third_transfer_groupName: 'After-sales' };

async function answer(question: Arrival['body']): Promise<{ body: string; type?: string; status?: number }> {
  if (question.runtimeid === undefined) return { body: '{}' };
  const parts = await robot(question);
  const envelopes = parts.map((data) =>
    JSON.stringify({
      ret_code: '000000',
      ret_msg: 'success',
      data: { ...FIELDS, runtimeid: question.runtimeid, ...data },
    }),
  );
  const isStream = question.req_stream === true;
  const spoilt = spoil(isStream ? envelopes.map((one) => `data:${one}\n\n`).join('') : (envelopes[0] ?? ''));
  return { type: isStream ? 'text/event-stream' : 'application/json', ...spoilt };
}

beforeAll(async () => {
  baton = createServer((request, response) => {
    let raw = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (raw += chunk));
    request.on('end', () => {
      const body = JSON.parse(raw);
      arrivals.push({ headers: request.headers, body });
      void answer(body).then(({ body: text, type = 'application/json', status = 200 }) =>
        response.writeHead(status, { 'content-type': type }).end(text),
      );
    });
  });
  await new Promise<void>((resolve) => baton.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  baton.closeAllConnections();
  return new Promise((resolve) => baton.close(resolve));
});
beforeEach(async () => {
  arrivals = [];
  robot = () => [{ llm_answer: 'I am the bot' }];
  spoil = (body) => ({ body });
  await start();
});
afterEach(() => sandbox.stop());

async function start(options: Parameters<typeof createSobotSandbox>[0] = {}): Promise<void> {
  sandbox = createSobotSandbox({ packMs: 30, ...options });
  baseUrl = await sandbox.listen();
  settings = sandbox.openapiSettings(baseUrl) as Record<string, string>;
  sandbox.connect({ webhookUrl: `http://127.0.0.1:${(baton.address() as AddressInfo).port}/hook` });
}
async function restarted(options: Parameters<typeof createSobotSandbox>[0]): Promise<void> {
  await sandbox.stop();
  await start(options);
}

const lines = (id: string): string[] =>
  sandbox.conversation(id)?.messages.map(({ from, text }) => `${from}: ${text}`) ?? [];
const faultsOf = (): string[] => sandbox.robotCalls.flatMap(({ answer: { faults } }) => faults);
const questions = (): string[] => arrivals.flatMap(({ body }) => body.question ?? []);
async function transferred(): Promise<string> {
  robot = () => [{ llm_answer: 'One moment', ...TRANSFER }];
  const id = await sandbox.user.writes('A human, please');
  robot = () => [{ llm_answer: 'I am the bot' }];
  return id;
}

describe('the third-party robot', () => {
  it('is asked what the visitor writes, and its answer is shown', async () => {
    const id = await sandbox.user.writes('Hello', {
      files: [{ url: 'https://files.example.com/a.png', name: 'a.png', contentType: 'image/png' }],
    });
    expect(arrivals.map(({ body }) => body)).toMatchObject([
      {
        question: 'Hello',
        ai_agent_cid: id,
        uid: expect.any(String),
        user_name: 'Visitor 1',
        msg_type: 'TEXT',
        req_stream: false,
        copilot: false,
        robot_model: 'THIRD_STANDARD',
        runtimeid: expect.any(String),
      },
      { question: 'https://files.example.com/a.png', ai_agent_cid: id, msg_type: 'IMG' },
    ]);
    expect(lines(id)).toEqual(['user: Hello', 'bot: I am the bot', 'bot: I am the bot']);
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: 'Robot' });
    expect(faultsOf()).toEqual([]);
    expect(await sandbox.user.writes('Again', { conversationId: id })).toBe(id);
    expect(await sandbox.user.writes('Somebody else')).not.toBe(id);
    sandbox.switch({ oddRequests: true });
    await sandbox.user.writes('Odd', { conversationId: id });
    expect(arrivals.at(-1)?.body).toMatchObject({ question: 'Odd', surprise: expect.anything(), params: null });
  });

  it('may answer in parts of a stream', async () => {
    sandbox.switch({ stream: true });
    robot = () => [
      { llm_answer: 'One moment', robot_answer_message_type: 'MESSAGE', message_end: false },
      { llm_answer: 'To a colleague', ...TRANSFER },
    ];
    const id = await sandbox.user.writes('Hello');
    expect(lines(id)).toEqual(['user: Hello', 'bot: One moment', 'bot: To a colleague']);
    expect(sandbox.conversation(id)?.assignee).toBe('After-sales');
    expect(faultsOf()).toEqual([]);
  });

  it('is out of it while humans have the visitor, and asked again behind them', async () => {
    sandbox.switch({ forwarding: 'off' });
    const id = await transferred();
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: 'After-sales' });
    await sandbox.user.writes('Anyone?', { conversationId: id });
    expect(await sandbox.human.reply(id, 'I am human', { agent: 'Dana Reyes' })).toBe(0);
    expect(await sandbox.human.note(id, 'internal')).toBe(0);
    await sandbox.human.transfer(id, 'Alex');
    expect(sandbox.conversation(id)?.assignee).toBe('Alex');
    expect(await sandbox.human.close(id, { text: 'Bye' })).toBe(0);
    expect(sandbox.conversation(id)?.closed).toBe(true);
    expect(arrivals).toHaveLength(1);
    expect(await sandbox.user.writes('One more thing', { conversationId: id })).toBe(id);
    expect(questions()).toEqual(['A human, please', 'One more thing']);
    expect(lines(id)).toEqual([
      'user: A human, please',
      'bot: One moment',
      'user: Anyone?',
      'agent: I am human',
      'note: internal',
      'agent: Bye',
      'user: One more thing',
      'bot: I am the bot',
    ]);
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: 'Robot' });
  });

  it('may be asked under a new id after a human session', async () => {
    sandbox.switch({ newCid: true });
    const id = await transferred();
    await sandbox.human.close(id);
    const next = await sandbox.user.writes('Hello again', { conversationId: id });
    expect(next).not.toBe(id);
    expect(arrivals[1]?.body.ai_agent_cid).toBe(next);
    expect(arrivals[1]?.body.uid).toBe(arrivals[0]?.body.uid);
  });

  it('does not get a visitor to a group that does not exist', async () => {
    robot = () => [{ llm_answer: 'Wait', third_transfer_flag: true, third_transfer_groupName: 'Nobody' }];
    const id = await sandbox.user.writes('A human, please');
    expect(faultsOf()).toEqual(['there is no group of this name']);
    expect(sandbox.conversation(id)?.assignee).toBe('Robot');
    robot = () => [{ llm_answer: 'Wait', third_transfer_flag: true }];
    await sandbox.user.writes('A human, please', { conversationId: id });
    expect(sandbox.conversation(id)?.assignee).toBe('After-sales');
  });

  it('must answer a repeat of a turn in the same way', async () => {
    sandbox.switch({ repeats: 1 });
    await sandbox.user.writes('Hello');
    expect(new Set(arrivals.map(({ body }) => body.runtimeid)).size).toBe(1);
    expect([arrivals.length, faultsOf()]).toEqual([2, []]);
    sandbox.switch({ repeats: 0 });
    sandbox.webhooks({ copies: 2 });
    let n = 0;
    robot = () => [{ llm_answer: `answer ${(n += 1)}` }];
    const id = await sandbox.user.writes('Hello');
    expect(faultsOf()).toEqual(['a repeat is answered in another way']);
    expect(lines(id)).toHaveLength(2);
    sandbox.webhooks({ drop: true });
    const before = arrivals.length;
    await sandbox.user.writes('Nobody hears this', { conversationId: id });
    expect(arrivals).toHaveLength(before);
  });

  it('helps agents, and must not transfer them', async () => {
    const id = await transferred();
    const proposal = await sandbox.copilotAsks(id, 'What do we say?');
    expect(arrivals.at(-1)?.body).toMatchObject({ copilot: true, ai_agent_cid: id });
    expect([proposal?.parts[0]?.text, proposal?.faults]).toEqual(['I am the bot', []]);
    robot = () => [{ llm_answer: 'x', ...TRANSFER }];
    expect((await sandbox.copilotAsks(id, 'Once more'))?.faults).toEqual(['an agent who asks is transferred']);
    expect(lines(id)).toEqual(['user: A human, please', 'bot: One moment']);
  });

  it.each<[string, Data[] | undefined, Partial<ReturnType<typeof spoil>>, string]>([
    ['another turn', [{ llm_answer: 'x', runtimeid: 'other' }], {}, 'runtimeid is not that of the question'],
    ['a null', [{ llm_answer: 'x', roundid: null }], {}, 'a field is null'],
    ['no end', [{ llm_answer: 'x', message_end: false }], {}, '0 parts are the end'],
    ['its own id', [{ llm_answer: 'x', ai_agent_cid: '1' }], {}, 'ai_agent_cid is in the answer'],
    ['a flag that is off', [{ llm_answer: 'x', third_transfer_flag: false }], {}, 'third_transfer_flag is there'],
    ['no text', [{}], {}, 'llm_answer is no text'],
    ['another status', undefined, { status: 503 }, 'status 503'],
    ['another type', undefined, { type: 'text/plain' }, 'content type text/plain'],
    ['no envelope', undefined, { body: '{}' }, 'no envelope'],
  ])('is found out with %s', async (_, parts, spoilt, fault) => {
    if (parts !== undefined) robot = () => parts;
    spoil = (body) => ({ body, ...spoilt });
    await sandbox.user.writes('Hello');
    expect(faultsOf().join()).toContain(fault);
  });

  it('is found out with a stream that goes on behind its end, or transfers in the middle', async () => {
    sandbox.switch({ stream: true });
    robot = () => [{ llm_answer: 'x' }, { llm_answer: 'y', message_end: false }];
    await sandbox.user.writes('Hello');
    robot = () => [{ llm_answer: 'x', message_end: false, ...TRANSFER }, { llm_answer: 'y' }];
    await sandbox.user.writes('Hello');
    spoil = (body) => ({ body: body.trimEnd() });
    robot = () => [{ llm_answer: 'x' }];
    await sandbox.user.writes('Hello');
    expect(faultsOf()).toEqual([
      'there is a part after the end',
      'a part before the last one transfers',
      'the stream ends in the middle of an event',
    ]);
  });

  it('is waited for, but not for ever, and the visitor need not wait', async () => {
    await restarted({ robotTimeoutMs: 200, settleMs: 20 });
    robot = () => new Promise<Data[]>(() => undefined);
    const id = await sandbox.user.writes('Hello');
    expect(lines(id)).toEqual(['user: Hello']);
    await sandbox.answered(id);
    expect(lines(id)).toEqual(['user: Hello', 'system: The robot has not answered.']);
    sandbox.switch({ stream: true, cutStreams: true });
    robot = () => [{ llm_answer: 'a', message_end: false }, { llm_answer: 'b' }];
    const cut = await sandbox.user.writes('Hello');
    await sandbox.answered(cut);
    expect(lines(cut)).toEqual(['user: Hello', 'system: The robot has not answered.']);
  });
});

describe('the feed', () => {
  const feed = (type: string): Arrival[] => arrivals.filter(({ body }) => body.type === type && 'content' in body);

  it('tells of sessions and messages, signed', async () => {
    sandbox.switch({ forwarding: 'signed' });
    const id = await transferred();
    expect(await sandbox.human.reply(id, 'I am human')).toBe(200);
    expect(await sandbox.human.close(id)).toBe(200);
    const [{ body, headers }] = feed('conversation') as [Arrival];
    expect(body).toMatchObject({
      sys_code: settings['companyId'],
      content: [{ cid: id, end_time: expect.stringMatching(/^\d{13}$/), offline_type: '1', staff_name: 'Alex' }],
    });
    const covered = `${settings['companyId']}${String(headers['x-log-timestamp'])}${String(headers['x-log-randomcode'])}`;
    const sign = (key: string): string => createHash('md5').update(`${covered}${key}`).digest('hex');
    expect(headers['x-log-sign']).toBe(sign(settings['forwardKey']!));
    const records = feed('msg').flatMap((one) => one.body.content);
    expect(records.map(({ msg, sender_type: from }) => [msg, from])).toEqual([
      ['A human, please', 0],
      ['One moment', 1],
      ['I am human', 2],
    ]);
    arrivals = [];
    sandbox.switch({ forwarding: 'wrong', forwardCid: 'own' });
    const other = await transferred();
    await sandbox.human.close(other);
    const [forged] = feed('conversation') as [Arrival];
    expect(forged.body.content[0].cid).not.toBe(other);
    expect(forged.headers['x-log-sign']).toMatch(/^[0-9a-f]{32}$/);
    sandbox.switch({ forwarding: 'unsigned' });
    const last = await transferred();
    await sandbox.human.reply(last, 'x');
    expect(feed('msg').at(-1)?.headers).not.toHaveProperty('x-log-sign');
  });

  it('packs up to twenty records of a type', async () => {
    sandbox.switch({ forwarding: 'unsigned' });
    const id = await transferred();
    await until(() => feed('msg').length > 0, { message: 'the first records' });
    const statuses = await Promise.all(Array.from({ length: 45 }, (_, n) => sandbox.human.reply(id, `m${n}`)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    const packs = feed('msg')
      .slice(1)
      .map(({ body }) => body.content.length);
    expect(packs).toEqual([20, 20, 5]);
  });
});

describe('the open API', () => {
  let token = '';
  const sign = (at: string): string =>
    createHash('md5').update(`${settings['appId']}${at}${settings['appKey']}`).digest('hex');
  const get = async (query: Record<string, string>) =>
    (await (
      await fetch(`${baseUrl}/api/get_token?${new URLSearchParams(query).toString()}`)
    ).json()) as Arrival['body'];
  const newToken = async (): Promise<string> => {
    const at = String(Math.floor(Date.now() / 1000));
    return (await get({ appid: settings['appId']!, create_time: at, sign: sign(at) })).item.token;
  };
  async function call(
    operation: string,
    body?: Data,
    headers: Record<string, string> = { token },
  ): Promise<Arrival['body']> {
    const response = await fetch(`${baseUrl}/api/5/user/${operation}`, {
      method: 'POST',
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { http: response.status, ...((await response.json()) as Data) };
  }
  const connect = (partnerid: string, more: Data = {}) => call('chat_connect', { partnerid, ...more });
  const say = (partnerid: string, content: string, more: Data = {}) =>
    call('chat_send', { partnerid, content, ...more });
  const pushed = (type: number): Arrival['body'][] =>
    arrivals.map(({ body }) => body).filter((body) => body.type === type);

  beforeEach(async () => {
    token = await newToken();
  });

  it('gives tokens for a right signature', async () => {
    const at = '1700000000';
    const asked = { appid: settings['appId']!, create_time: at, sign: sign(at) };
    expect(await get(asked)).toMatchObject({
      ret_code: '000000',
      item: { token: expect.stringMatching(/^[0-9a-f]{32}$/), expires_in: '86400' },
    });
    expect((await get({ ...asked, sign: sign('1700000001') })).ret_code).toBe('900003');
    expect((await get({ ...asked, appid: 'other' })).ret_code).toBe('900004');
  });

  it('checks the token of every call', async () => {
    expect(await call('query_group', undefined, {})).toMatchObject({ http: 200, ret_code: '900001' });
    expect((await call('query_group', undefined, { token: 'x' })).ret_code).toBe('900002');
    const older = token;
    token = await newToken();
    expect((await call('query_group', undefined, { token: older })).ret_code).toBe('000000');
    sandbox.switch({ strictTokens: true });
    token = await newToken();
    expect((await call('query_group', undefined, { token: older })).ret_code).toBe('900002');
    expect((await call('query_group')).items).toMatchObject([{ groupid: settings['groupId'] }, {}]);
    sandbox.switch({ tokenIn: 'bearer' });
    expect((await call('query_group')).ret_code).toBe('900001');
    expect((await call('query_group', undefined, { authorization: `Bearer ${token}` })).ret_code).toBe('000000');
    sandbox.switch({ tokenIn: 'token' });
    sandbox.expireTokens();
    expect((await call('query_group')).ret_code).toBe('900002');
    await restarted({ tokenTtlSeconds: -1 });
    token = await newToken();
    expect((await call('query_group')).ret_code).toBe('900002');
  });

  it('is under two prefixes, or one, in two spellings', async () => {
    expect((await call('../../chat/5/user/query_group')).ret_code).toBe('000000');
    sandbox.switch({ prefixes: 'chat' });
    expect((await call('query_group')).http).toBe(404);
    expect((await call('../../chat/5/user/query_group')).ret_code).toBe('000000');
    sandbox.switch({ prefixes: 'short', envelope: 'retCode', listIn: 'item', numbersAsText: true });
    const spelled = await call('query_group');
    expect([spelled.retCode, spelled.item[0].create_time]).toEqual(['000000', '1700000000']);
    expect((await call('../../chat/5/user/query_group')).http).toBe(404);
    expect((await call('nothing')).http).toBe(404);
  });

  it('connects a user with an agent, or says why not', async () => {
    const made = await connect('p1', { groupid: settings['groupId'], user_nick: 'Dana', params: '{"a":1}' });
    expect(made.item).toMatchObject({ status: 1, agent_name: 'Alex', cid: expect.any(String), count: 0 });
    const talk = sandbox.conversation('p1');
    expect([talk?.id, talk?.assignee, sandbox.conversation(made.item.cid)?.id]).toEqual([
      made.item.cid,
      'Alex',
      made.item.cid,
    ]);
    expect((await connect('p1')).item.status).toBe(4);
    sandbox.switch({ connectedAgain: -1 });
    expect((await connect('p1')).item).toMatchObject({ status: -1, cid: made.item.cid });
    sandbox.switch({ staff: 'nobody' });
    expect((await connect('p2')).item.status).toBe(2);
    expect((await call('get_once_data')).item.admin_size).toBe(0);
    sandbox.switch({ staff: 'busy' });
    expect((await connect('p2')).item).toMatchObject({ status: 0, count: 1, agentid: '' });
    expect((await connect('p2')).item.status).toBe(-1);
    expect((await say('p2', 'too early')).item.status).toBe(2);
    expect((await call('query_session_status', { partnerid: 'p2' })).item.status).toBe(0);
    expect(await sandbox.accept('p2', 'Dana Reyes')).toBe(200);
    expect(pushed(201)).toMatchObject([{ partnerId: 'p2', count: 1 }]);
    expect(pushed(200)).toMatchObject([{ partnerId: 'p2', aname: 'Dana Reyes' }]);
    expect((await call('query_session_status', { partnerid: 'p2' })).item.status).toBe(1);
    await sandbox.blacklistUser('p2');
    expect(pushed(204)).toMatchObject([{ partnerId: 'p2', status: '3' }]);
    expect((await connect('p2')).item.status).toBe(3);
    expect((await connect('')).ret_code).toBe('400004');
  });

  it('carries messages in both directions, and ends', async () => {
    const { item } = await connect('p1', { params: '{"a":1}' });
    const { cid, visitorid } = item;
    expect((await say('p1', 'Hello')).item.status).toBe(1);
    await say('p1', 'https://files.example.com/a.png', { msg_type: 'image' });
    const png = { url: 'https://files.example.com/b.png', name: 'b.png', contentType: 'image/png' };
    expect(await sandbox.human.reply(cid, 'Hi', { files: [png] })).toBe(200);
    expect(await sandbox.human.note(cid, 'internal')).toBe(0);
    expect(pushed(202)).toMatchObject([
      {
        partnerId: 'p1',
        msgId: expect.any(String),
        content: 'Hi',
        msgType: 'text',
        aname: 'Alex',
        params: '{"a":1}',
        cid,
      },
      { content: png.url, msgType: 'image' },
    ]);
    await sandbox.human.transfer('p1', 'Dana Reyes');
    await sandbox.human.unknownPart('p1');
    await sandbox.revoke('p1', sandbox.conversation('p1')!.messages[2]!.id);
    expect(arrivals.slice(2).map(({ body }) => [body.type, body.name ?? body.revokeMsgId])).toEqual([
      [210, 'Dana Reyes'],
      [299, undefined],
      [211, pushed(202)[0].msgId],
    ]);
    const { items } = await call('get_detail_by_cid', { cid });
    expect(items.map(({ sender_type: from, msg, msg_type: type }: Data) => [from, msg, type])).toEqual([
      [0, 'Hello', 0],
      [0, 'https://files.example.com/a.png', 1],
    ]);
    expect((await call('get_detail_by_cid', { partnerid: 'p1', from: 0 })).items).toEqual(items);
    expect((await call('get_detail_by_cid', { visitorid })).items).toEqual(items);
    expect((await call('query_cids', { partnerid: 'p1', from: 0 })).items).toMatchObject([{ cid, visitorid }]);
    await sandbox.human.close('p1', { text: 'Bye' });
    expect(arrivals.slice(-2).map(({ body }) => [body.type, body.content ?? body.status])).toEqual([
      [202, 'Bye'],
      [204, '1'],
    ]);
    expect((await say('p1', 'Still there?')).item.status).toBe(2);
    const again = (await connect('p1')).item;
    expect([again.cid === cid, again.visitorid === visitorid]).toEqual([false, true]);
    const before = arrivals.length;
    expect((await call('out', { partnerid: 'p1' })).item.status).toBe(1);
    expect((await call('out', { partnerid: 'p1' })).item.status).toBe(1);
    expect([sandbox.conversation(again.cid)?.closed, arrivals.length]).toEqual([true, before]);
  });

  it('has pushes in other forms, or none', async () => {
    const { cid } = (await connect('p1')).item;
    sandbox.switch({ pushForm: 'offline', pushJson: true });
    await sandbox.human.reply(cid, 'Hi');
    expect(pushed(202)[0]).not.toHaveProperty('cid');
    expect(JSON.parse(pushed(202)[0].content)).toEqual({ msg: 'Hi', msgType: 'text' });
    sandbox.switch({ pushes: false });
    expect(await sandbox.human.reply(cid, 'Unheard')).toBe(0);
    expect((await call('get_detail_by_cid', { cid })).items).toHaveLength(2);
    sandbox.switch({ pushes: true, pushConnected: true });
    sandbox.webhooks({ early: true, copies: 2 });
    await connect('p2');
    expect(pushed(200)).toHaveLength(2);
  });

  it('knows about the desk', async () => {
    const working = (groupid: string) =>
      fetch(`${baseUrl}/api/5/user/admin_is_work?groupid=${groupid}`, { method: 'POST', headers: { token } });
    expect(((await (await working('g-100')).json()) as Arrival['body']).item.is_work).toBe('true');
    sandbox.switch({ working: false });
    expect(((await (await working('g-100')).json()) as Arrival['body']).item.is_work).toBe('false');
    expect(((await (await working('x')).json()) as Arrival['body']).ret_code).toBe('400012');
    const { item } = await call('get_once_data');
    expect([item.admin_size, item.admin_list[0].status]).toEqual([2, 1]);
    expect((await call('query_agent')).items).toMatchObject([{ agent_name: 'Alex' }, {}]);
    expect((await call('offline_msg_data', { partnerid: 'p1' })).items).toEqual([]);
    expect((await call('comment', { partnerid: 'p1' })).item.status).toBe(3);
  });

  it('has faults, in its own words too', async () => {
    await connect('p1');
    sandbox.fault('send', { kind: 'status', status: 200, code: '900002', times: 1 });
    sandbox.fault('send', { kind: 'status', status: 503, retryAfter: 2, times: 1 });
    sandbox.fault('send', { kind: 'rate_limit', resetInMs: 10, times: 1 });
    sandbox.fault('send', { kind: 'drop_after', times: 1 });
    sandbox.fault('open', { kind: 'error_after', times: 1 });
    sandbox.fault('close', { kind: 'garbage', times: 1 });
    expect(await say('p1', 'a')).toMatchObject({ http: 200, ret_code: '900002' });
    expect(await say('p1', 'b')).toMatchObject({ http: 503, ret_code: '999999' });
    expect((await say('p1', 'c')).http).toBe(429);
    await expect(say('p1', 'd')).rejects.toThrow('fetch failed');
    expect((await connect('p2')).http).toBe(500);
    await expect(call('out', { partnerid: 'p1' })).rejects.toThrow('JSON');
    expect(lines('p1')).toEqual(['user: d']);
    expect(sandbox.conversation('p1')?.closed).toBe(true);
    expect(sandbox.conversation('p2')?.closed).toBe(false);
  });

  it('has a scripted human, in both ways, and begins anew on reset', async () => {
    sandbox.setScript('agent');
    await connect('p1');
    const visitor = await transferred();
    await until(() => lines(visitor).some((line) => line.includes('You asked: “A human, please”')), {
      message: () => lines(visitor).join(),
    });
    await until(() => pushed(202).length > 0, { message: 'a greeting' });
    await say('p1', 'thanks');
    await until(() => sandbox.conversation('p1')?.closed, { message: 'closed on goodbye' });
    sandbox.reset();
    expect([sandbox.conversations(), sandbox.robotCalls, sandbox.deliveries]).toEqual([[], [], []]);
  });
});
