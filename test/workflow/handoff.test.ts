import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReturnPacket } from '../../workflows/contracts.ts';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import type { CallbackReceiver } from '../support/callback.ts';
import { settings } from '../support/input.ts';
import { soon, until } from '../support/poll.ts';

let baton: TestBaton;
let callback: CallbackReceiver;

beforeAll(async () => {
  [baton, callback] = await Promise.all([startTestBaton(), startCallbackReceiver()]);
});
afterAll(async () => {
  await baton.stop();
  await callback.stop();
});

describe('a handoff on a real Temporal server', () => {
  it('carries messages both ways in order and ends by the agent', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    await handoff.says('1');
    await handoff.replies('a1');
    await handoff.says('2');
    await handoff.says('3');
    await handoff.replies('a2');
    await until(() => textsAtDesk(baton, handoff.id).length === 3, { message: 'three messages at the desk' });
    await until(async () => (await handoff.types()).length === 7, { message: 'all of them in the journal' });
    const counts = { user: 3, agent: 2, failed: 0, duplicates: 0, late: 0 };
    const open = await baton.store.handoffs.get(handoff.id);
    expect(open).toMatchObject({ deadline: { kind: 'inactivity' }, counts });
    expect(Date.parse(open?.deadline?.at ?? '')).toBeGreaterThan(Date.now() + 100_000);
    await handoff.closes('agent');
    await handoff.ended();
    expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({ deadline: null, counts });
    expect(textsAtDesk(baton, handoff.id)).toEqual(['user 1', 'user 2', 'user 3']);
    expect(await handoff.types()).toEqual([
      'handoff.connecting',
      'message.user',
      'handoff.active',
      'message.agent',
      'message.user',
      'message.user',
      'message.agent',
      'handoff.closed',
    ]);
    expect(baton.desk.conversation(handoff.id)?.closed).toBeUndefined();
    expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({ status: 'closed', closeReason: 'agent_closed' });
  });

  it('rule 1: one signal with several events keeps their order', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    await handoff.signal(
      { kind: 'agentReply', id: 'a1', text: 'hello' },
      { kind: 'userMessage', id: 'u1', text: 'hi' },
      { kind: 'agentReply', id: 'a2', text: 'bye' },
      { kind: 'close', id: 'c', by: 'agent' },
    );
    await handoff.ended();
    const events = await handoff.events();
    expect(events.filter((event) => event.type.startsWith('message')).map((event) => event.data.messageId)).toEqual([
      'a1',
      'u1',
      'a2',
    ]);
    expect(textsAtDesk(baton, handoff.id)).toEqual(['hi']);
  });

  it('rule 13: a desk that fails at opening is retried, then busy, then closed', async () => {
    baton.desk.fault('establish', { kind: 'status', status: 500, times: 2 });
    const works = await baton.start();
    await works.sees('handoff.connecting');
    await works.closes('user');
    await works.ended();

    const bot = await baton.bot({ waitTimeoutSeconds: 5, desk: { kind: 'webhook', url: 'http://127.0.0.1:9' } });
    const fails = await baton.start({ botId: bot });
    const closed = await fails.sees('handoff.closed', 60_000);
    expect(closed.data.reason).toBe('desk_unavailable');
    expect(await fails.types()).toEqual(['handoff.busy', 'handoff.closed']);
  });

  it('rule 13: a desk that accepts when the wait is over is told that nobody waits there any more', async () => {
    baton.desk.fault('establish', { kind: 'slow', ms: 6_000, times: 1 });
    const bot = await baton.bot({ waitTimeoutSeconds: 5 });
    const handoff = await baton.start({ botId: bot, settings: settings({ waitTimeoutMs: 5_000 }) });
    const closed = await handoff.sees('handoff.closed', 60_000);
    expect(closed.data.reason).toBe('desk_unavailable');
    await until(() => baton.desk.conversation(handoff.id)?.closed === 'TIMEOUT', { message: 'the desk to know' });
    await handoff.ended();
  });

  it('rule 13: refused credentials end at once and make the service unavailable', async () => {
    baton.desk.setAuth({ username: 'baton', password: 'right' });
    const bot = await baton.bot({
      desk: { kind: 'webhook', url: baton.deskUrl, username: 'baton', password: 'wrong' },
    });
    const handoff = await baton.start({ botId: bot });
    const startedAt = Date.now();
    await handoff.sees('handoff.closed');
    // The wait time is a minute.
    expect(Date.now() - startedAt).toBeLessThan(40_000);
    await soon(async () => expect((await baton.store.bots.get(bot))?.service.state).toBe('unavailable'));
    baton.desk.setAuth({});
  });

  it('rule 9: a message whose answer was lost arrives once', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'drop_after', times: 1 });
    await handoff.says('1');
    await handoff.says('2');
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'both messages' });
    await handoff.closes('user');
    await handoff.ended();
    expect(textsAtDesk(baton, handoff.id)).toEqual(['user 1', 'user 2']);
    expect(baton.desk.conversation(handoff.id)?.closed).toBe('USER_CLOSED');
  });

  it('rule 10: a message that the desk refuses becomes message.failed and the next one goes on', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 422, times: 1 });
    await handoff.signal({ kind: 'userMessage', id: '1', text: 'one' }, { kind: 'userMessage', id: '2', text: 'two' });
    const failed = await handoff.sees('message.failed');
    expect(failed.data).toMatchObject({ messageId: '1', reason: 'rejected' });
    await until(() => textsAtDesk(baton, handoff.id).length === 1, { message: 'the second message' });
    expect(textsAtDesk(baton, handoff.id)).toEqual(['two']);
    await handoff.closes('user');
    await handoff.ended();
  });

  it('a message with an attachment is repeated without what the desk has of it', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'slow', ms: 0, times: 1 });
    baton.desk.fault('chat', { kind: 'status', status: 503, times: 2 });
    const attachments = [{ url: 'https://files.example/a.png' }];
    await handoff.signal({ kind: 'userMessage', id: '1', text: 'see this', attachments });
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'both parts' });
    const texts = baton.desk.calls.map(({ rawBody }) => rawBody).filter((body) => body.includes(handoff.id));
    expect(texts.filter((body) => body.includes('see this'))).toHaveLength(1);
    expect(texts.filter((body) => body.includes('a.png'))).toHaveLength(3);
    await handoff.closes('user');
    await handoff.ended();
  });

  it('rule 18: a desk that is down gets the messages from a regular activity when it is back', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'drop_before', times: 3 });
    await handoff.says('1');
    await handoff.says('2');
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'both messages' });
    expect(textsAtDesk(baton, handoff.id)).toEqual(['user 1', 'user 2']);
    const history = await baton.client.workflow.getHandle(handoff.id).fetchHistory();
    const regular = history.events?.filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'deliverToDesk',
    );
    expect(regular?.length).toBeGreaterThan(0);
    await handoff.closes('user');
    await handoff.ended();
  });

  it('rule 17: a desk that is down holds back neither the journal nor the other direction', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 503 });
    await handoff.says('1');
    await handoff.replies('a1');
    await handoff.says('2');
    await until(async () => (await handoff.types()).filter((type) => type === 'message.user').length === 2, {
      message: 'both user messages in the journal while the desk is down',
    });
    expect(await handoff.types()).toContain('message.agent');
    baton.desk.clearFaults('chat');
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { timeoutMs: 60_000, message: 'both at the desk' });
    await handoff.closes('agent');
    await handoff.ended();
  });

  it('rule 10: closing with the desk down fails what is on its way within the grace, then ends', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 503 });
    await handoff.says('1');
    await handoff.closes('user');
    const closed = await handoff.sees('handoff.closed', 60_000);
    expect(closed.data.reason).toBe('user_closed');
    expect(await handoff.types()).toEqual(['handoff.connecting', 'message.user', 'message.failed', 'handoff.closed']);
    baton.desk.clearFaults('chat');
    await handoff.ended(60_000);
    expect(textsAtDesk(baton, handoff.id)).toEqual([]);
    expect(baton.desk.conversation(handoff.id)?.closed).toBe('USER_CLOSED');
  });

  it('rule 17: events reach the callback in order, and one that is down does not delay the end', async () => {
    const bot = await baton.bot({ callback: { url: callback.url } });
    callback.behave(500);
    const handoff = await baton.start({ botId: bot });
    await handoff.sees('handoff.connecting');
    await handoff.replies('a1');
    await handoff.says('1');
    await handoff.closes('user');
    await handoff.sees('handoff.closed');
    await handoff.ended();
    expect(callback.taken(handoff.id)).toEqual([]);
    await soon(async () => expect((await baton.store.callbacks.health(bot)).failingSince).not.toBeNull());
    callback.behave('well');
    const total = (await handoff.events()).length;
    await until(() => callback.taken(handoff.id).length === total, { timeoutMs: 60_000, message: 'all callbacks' });
    expect(callback.taken(handoff.id).map((event) => event.seq)).toEqual(
      Array.from({ length: total }, (_, index) => index + 1),
    );
    expect(
      callback.calls.every(({ event, headers }) => headers['webhook-id'] === `${event.handoffId}.${event.seq}`),
    ).toBe(true);
    await until(async () => (await baton.store.callbacks.health(bot)).failingSince === null, { message: 'health' });
  });

  it('rule 11: continue-as-new with a small limit loses nothing', async () => {
    const bot = await baton.bot({ callback: { url: callback.url } });
    const handoff = await baton.start({ botId: bot, continueAfterEvents: 40 });
    await handoff.sees('handoff.connecting');
    const sent: string[] = [];
    for (let i = 1; i <= 60; i += 1) {
      sent.push(`user ${i}`);
      await handoff.says(String(i));
      await handoff.replies(`a${i}`);
      if (i !== 50) continue;
      await baton.hasRuns(handoff.id, 2);
      await handoff.says('1'); // a repeat of a message of an earlier run
    }
    await until(() => textsAtDesk(baton, handoff.id).length === 60, { message: 'all messages', timeoutMs: 60_000 });
    await handoff.closes('user');
    await handoff.ended();
    expect(textsAtDesk(baton, handoff.id)).toEqual(sent);
    const events = await handoff.events();
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter((event) => event.type === 'message.agent')).toHaveLength(60);
    const packet = events.at(-1)?.data['packet'] as ReturnPacket;
    expect(packet).toMatchObject({ outcome: 'answered', lastWords: 'agent a60', omitted: 80 });
    expect(packet.durationSeconds).toBeGreaterThan(0);
    const said = events.filter(({ type }) => type === 'message.user' || type === 'message.agent').slice(-40);
    expect(packet.messages.map(({ content }) => content)).toEqual(said.map(({ data }) => data['text']));
    await until(() => callback.taken(handoff.id).length === events.length, { message: 'all callbacks' });
    expect(callback.taken(handoff.id)).toEqual(events);
    const { historyLength, raw } = await baton.client.workflow.getHandle(handoff.id).describe();
    expect(historyLength).toBeLessThan(400);
    expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(raw.workflowExecutionInfo?.execution?.runId);
  });

  it('rule 16: cancel in the Temporal UI is an operator close for everybody', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    await baton.client.workflow.getHandle(handoff.id).cancel();
    await handoff.sees('handoff.closed');
    await handoff.ended();
    expect((await handoff.events()).at(-1)?.data.reason).toBe('operator_closed');
    expect(baton.desk.conversation(handoff.id)?.closed).toBe('TIMEOUT');
    expect((await baton.client.workflow.getHandle(handoff.id).describe()).status.name).toBe('CANCELLED');
  });

  it('rule 7: a reply after the end is kept as late', async () => {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    await handoff.signal(
      { kind: 'agentReply', id: 'a1', text: 'hello' },
      { kind: 'close', id: 'c', by: 'agent' },
      { kind: 'agentReply', id: 'a2', text: 'one more thing' },
    );
    await handoff.ended();
    expect(await baton.store.journal.late(handoff.id)).toMatchObject([
      { id: 'a2', from: 'agent', text: 'one more thing' },
    ]);
    expect((await handoff.types()).at(-1)).toBe('handoff.closed');
  });

  it('rule 12: a worker that restarts in the middle goes on where it was', async () => {
    const handoff = await baton.start({ settings: settings({ waitTimeoutMs: 20_000, onWaitTimeout: 'close' }) });
    await handoff.sees('handoff.connecting');
    await baton.stopWorker();
    await handoff.says('1');
    await handoff.replies('a1');
    await baton.startWorker();
    await handoff.sees('message.agent');
    await until(() => textsAtDesk(baton, handoff.id).length === 1, { message: 'the message at the desk' });
    await handoff.closes('agent');
    await handoff.ended();
    expect(await handoff.types()).not.toContain('handoff.wait_timeout');
  });
});

it('every run of every handoff above replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
