import { beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import {
  begin,
  botCalls,
  call,
  codeOf,
  exchange,
  lines,
  names,
  on,
  signed,
  told,
  useZohoSandbox,
  type Json,
} from './zoho-salesiq-portal.ts';

useZohoSandbox();

describe('the bot of the site', () => {
  beforeEach(() => void on.sandbox.settings(on.base, 'native'));

  it('is asked for each word, by trigger first, and says what is answered', async () => {
    on.bot = ({ handler }) =>
      handler === 'trigger'
        ? { json: { action: 'reply', replies: ['Welcome'] } }
        : {
            json: {
              action: 'reply',
              replies: ['Sure.', { type: 'file', text: 'Your bill', url: 'https://acme.example/i.pdf' }],
            },
          };
    const id = await on.sandbox.user.writes('Hello?', {
      files: [{ url: 'https://cdn.example.org/1.png', name: '1.png' }],
    });
    expect(await on.sandbox.user.writes('More', { conversationId: id })).toBe(id);
    const [trigger, first, second] = botCalls() as [Json, Json, Json];
    expect(trigger).toMatchObject({ handler: 'trigger', request: { app_id: on.settings['appId'] } });
    expect(trigger['visitor']).not.toHaveProperty('active_conversation_id');
    expect(Object.keys(trigger)).not.toEqual(expect.arrayContaining(['message']));
    expect(first).toMatchObject({
      handler: 'message',
      operation: 'chat',
      message: { text: 'Hello?' },
      attachments: [{ url: 'https://cdn.example.org/1.png' }],
      visitor: { active_conversation_id: id, name: 'Visitor 1', channel: 'Website' },
    });
    expect(second).toMatchObject({ operation: 'message', attachments: [] });
    expect(new Set(botCalls().map(({ request }) => request.id)).size).toBe(3);
    expect(lines(id).filter((line) => line.startsWith('bot'))).toEqual([
      'bot: Welcome',
      'bot: Sure.',
      'bot: Your bill',
      'bot: Sure.',
      'bot: Your bill',
    ]);
    expect(on.sandbox.conversation(id)).toMatchObject({ assignee: 'Zobot', closed: false });
    expect(on.arrivals.every((arrival) => signed(on.settings['publicKey']!, arrival))).toBe(true);
    expect(told('operator.replied')['entity'].message.sender).toMatchObject({ type: 'bot' });
  });

  it('forwards to a group, is silent then, and operators and visitor are told of by events', async () => {
    on.bot = () => ({
      json: { action: 'forward', department: on.settings['departmentId'], replies: ['A colleague comes'] },
    });
    const id = await on.sandbox.user.writes('A human, please');
    expect(on.sandbox.conversation(id)!.assignee).toBe('Support');
    const before = botCalls().length;
    await on.sandbox.user.writes('Anybody?', { conversationId: id });
    await on.sandbox.human.reply(id, 'Me');
    await on.sandbox.user.writes('Good', { conversationId: id });
    await on.sandbox.human.close(id);
    expect(botCalls()).toHaveLength(before);
    expect(names().slice(-6)).toEqual([
      'operator.replied',
      'visitor.replied',
      'attender.updated',
      'operator.replied',
      'visitor.replied',
      'completed',
    ]);
    expect(told('visitor.replied')['entity'].message).toMatchObject({ text: 'Good', sender: { type: 'visitor' } });
    on.bot = () => ({ json: { action: 'end', replies: ['Goodbye'] } });
    const next = await on.sandbox.user.writes('Again', { conversationId: id });
    expect(next).not.toBe(id);
    expect(botCalls().at(-1)).toMatchObject({ handler: 'message', operation: 'chat' });
    await until(() => on.sandbox.conversation(next)!.closed, { message: 'the end' });
  });

  it.each([
    ['a switch', () => on.sandbox.switch({ forwarding: 1001 }), {}, 1001, 'offline_hours'],
    ['no operator who is there', () => on.sandbox.setOperatorsAvailable(false), {}, 1002, 'operators_not_available'],
    ['a group that does not exist', () => undefined, { department: '1' }, 1003, 'invalid_operators'],
    ['an operator who does not exist', () => undefined, { operators: ['x@example.org'] }, 1003, 'invalid_operators'],
    ['a preview', () => on.sandbox.switch({ preview: true }), {}, 1002, 'operators_not_available'],
  ])('a forward fails because of %s: the bot is told, and goes on', async (_why, prepare, where, code, desc) => {
    prepare();
    on.bot = ({ handler }) =>
      handler === 'failure'
        ? { json: { action: 'reply', replies: ['Nobody is there'] } }
        : { json: { action: 'forward', replies: ['One moment'], ...where } };
    const id = await on.sandbox.user.writes('A human, please');
    await until(() => lines(id).includes('bot: Nobody is there'), { message: 'the words of the failure handler' });
    expect(lines(id)).not.toContain('bot: One moment');
    const call = botCalls().find(({ handler }) => handler === 'failure');
    expect(call).toMatchObject({ cause: { code, desc }, failed_response: { action: 'forward' } });
    expect(on.sandbox.conversation(id)!.assignee).toBe('Zobot');
    expect(id.startsWith('botpreview_')).toBe(_why === 'a preview');
  });

  it('does not forward again after a failure', async () => {
    on.sandbox.switch({ forwarding: 1002 });
    on.bot = () => ({ json: { action: 'forward' } });
    await on.sandbox.user.writes('A human, please');
    await until(() => on.sandbox.zobot.problems.some((problem) => problem.includes('loop')), { message: 'the loop' });
  });

  it('may answer later by a callback, once', async () => {
    on.token = (await exchange(on.sandbox.grantCode('native'))).body['access_token'];
    on.bot = ({ handler }) => ({ json: handler === 'message' ? { action: 'pending' } : {} });
    const id = await on.sandbox.user.writes('Think');
    const request = botCalls().at(-1)!['request'].id as string;
    const callback = `v2/acme/callbacks/${request}`;
    await call('POST', `${callback}/progress`, { text: 'I think' });
    await call('POST', callback, { action: 'reply', replies: ['I know'] });
    expect(lines(id)).toEqual(['user: Think', 'bot: I think', 'bot: I know']);
    expect(codeOf(await call('POST', callback, { action: 'reply', replies: ['Again'] }))).toBe(1019);
  });

  it('lets the visitor go on when the bot thinks, and asks it for one word after the other', async () => {
    const waiting: (() => void)[] = [];
    on.bot = async ({ handler, message }) => {
      if (handler === 'trigger') return {};
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { json: { action: 'reply', replies: [`re: ${message.text}`] } };
    };
    await begin({ patienceMs: 20 });
    on.sandbox.settings(on.base, 'native');
    const id = await on.sandbox.user.writes('one');
    await on.sandbox.user.writes('two', { conversationId: id });
    await until(() => waiting.length === 1, { message: 'the first call' });
    waiting.shift()!();
    await until(() => waiting.length === 1, { message: 'the second call' });
    expect(lines(id)).toEqual(['user: one', 'user: two', 'bot: re: one']);
    waiting.shift()!();
    await until(() => lines(id).includes('bot: re: two'), { message: 'the second answer' });
  });

  it('is disabled at the fourth failure, and at once by a 410; visitors get humans then', async () => {
    on.bot = ({ handler }) => (handler === 'trigger' ? {} : { status: 500 });
    const id = await on.sandbox.user.writes('1');
    // The trigger of the first was a success.
    for (const text of ['2', '3']) await on.sandbox.user.writes(text, { conversationId: id });
    expect(on.sandbox.zobot.disabled).toBe(false);
    await on.sandbox.user.writes('4', { conversationId: id });
    expect(on.sandbox.zobot.disabled).toBe(true);
    expect(on.sandbox.conversation(id)!.assignee).toBe('All operators');
    const before = botCalls().length;
    expect(on.sandbox.conversation(await on.sandbox.user.writes('5'))!.assignee).toBe('Support');
    expect(botCalls()).toHaveLength(before);
    on.sandbox.connect({ webhookUrl: on.webhookUrl });
    on.bot = () => ({ status: 410 });
    await on.sandbox.user.writes('6');
    expect(on.sandbox.zobot.disabled).toBe(true);
  });

  it('gives up on an answer that comes too late', async () => {
    await begin({ answerMs: 30 });
    on.sandbox.settings(on.base, 'native');
    let answer = (): void => undefined;
    on.bot = async () => {
      await new Promise<void>((resolve) => (answer = resolve));
      return { json: { action: 'reply', replies: ['Too late'] } };
    };
    const id = await on.sandbox.user.writes('Hello?');
    await until(() => on.sandbox.zobot.calls.length === 2, { message: 'both calls' });
    answer();
    expect(on.sandbox.zobot.calls.map(({ status }) => status)).toEqual([0, 0]);
    expect(lines(id)).toEqual(['user: Hello?']);
  });

  it('is told when a reply is too long, and that an answer cannot be used', async () => {
    await begin({ replyMax: 10 });
    on.sandbox.settings(on.base, 'native');
    on.bot = ({ handler }) =>
      ({ message: { json: { action: 'reply', replies: ['x'.repeat(11)] } }, failure: { json: { action: 'dance' } } })[
        handler as string
      ] ?? {};
    const id = await on.sandbox.user.writes('Hello?');
    await until(() => botCalls().some(({ cause }) => cause?.code === 1005), { message: 'the failure' });
    await until(() => on.sandbox.zobot.problems.includes('unknown action: "dance"'), { message: 'the problem' });
    expect(lines(id)).toEqual(['user: Hello?']);
  });

  it('loses the chat to an operator who takes it', async () => {
    const id = await on.sandbox.user.writes('Hello?');
    await on.sandbox.human.reply(id, 'I do that', { agent: 'Ben' });
    const before = botCalls().length;
    await on.sandbox.user.writes('Fine', { conversationId: id });
    expect(botCalls()).toHaveLength(before);
    expect(on.sandbox.conversation(id)!.assignee).toBe('Ben');
    await expect(on.sandbox.human.transfer(id, 'Zobot')).rejects.toThrow('operator only');
  });
});
