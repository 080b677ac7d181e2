import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { settings } from '../support/input.ts';
import { until } from '../support/poll.ts';

let baton: TestBaton;

beforeAll(async () => {
  baton = await startTestBaton();
});
afterAll(() => baton.stop());

const establishedBy = (id: string) =>
  baton.desk.calls
    .filter((call) => call.endpoint === 'establish')
    .map((call) => call.body as Record<string, unknown>)
    .filter((body) => body['conversation_id'] === id);

describe('a message that the user leaves', () => {
  const message = { kind: 'message', user: { email: 'lea@example.org' } } as const;

  it('becomes a conversation at the desk that stays open when the handoff has ended', async () => {
    const handoff = await baton.start({ ...message, history: [{ role: 'user', text: 'Is it in stock?' }] });
    await handoff.ended();
    expect(await handoff.types()).toEqual(['handoff.closed']);
    expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({
      status: 'closed',
      closeReason: 'message_left',
      kind: 'message',
    });
    expect(establishedBy(handoff.id)).toMatchObject([
      {
        left_message: true,
        email: 'lea@example.org',
        body: [
          { text: 'Is it in stock?' },
          { message_type: 'QUESTION' },
          { message_type: 'ANSWER', text: expect.stringContaining('by e-mail: lea@example.org') },
        ],
      },
    ]);
    expect(baton.desk.conversation(handoff.id)).toBeDefined();
    expect(baton.desk.conversation(handoff.id)?.closed).toBeUndefined();
  });

  it('outlasts a desk that is down for longer than a wait time, and takes along what the user wrote meanwhile', async () => {
    baton.desk.fault('establish', { kind: 'status', status: 503 });
    const handoff = await baton.start({ ...message, settings: settings({ waitTimeoutMs: 500 }) });
    const before = baton.desk.raw.establish;
    await handoff.says('u1');
    await until(() => baton.desk.raw.establish >= before + 2, { message: 'further tries' });
    expect(await handoff.view()).toMatchObject({ status: 'opening', deadline: null });
    baton.desk.clearFaults();
    await handoff.ended(60_000);
    expect(await handoff.types()).toEqual(['message.user', 'handoff.closed']);
    expect(textsAtDesk(baton, handoff.id)).toEqual(['user u1']);
    expect(establishedBy(handoff.id).length).toBeGreaterThan(0);
  });

  it('waits for new credentials, and ends when the desk refuses it', async () => {
    baton.desk.fault('establish', { kind: 'status', status: 401, times: 2 });
    const allowed = await baton.start(message);
    await allowed.ended(60_000);
    expect((await allowed.events()).at(-1)?.data).toMatchObject({ reason: 'message_left' });
    baton.desk.fault('establish', { kind: 'status', status: 422, times: 1 });
    const refused = await baton.start(message);
    await refused.ended();
    expect((await refused.events()).at(-1)?.data).toMatchObject({ reason: 'desk_unavailable' });
  });
});

describe('a request for the next opening', () => {
  it('asks the desk when the hours open, with the talk before and what the user wrote meanwhile', async () => {
    const opensAtMs = Date.now() + 6_000;
    const handoff = await baton.start({
      kind: 'next_opening',
      opensAtMs,
      history: [{ role: 'user', text: 'Is it in stock?' }],
      continueAfterEvents: 20,
    });
    await handoff.sees('handoff.scheduled');
    const status = { status: 'scheduled', kind: 'next_opening', deadline: { kind: 'opening' } };
    expect(await baton.store.handoffs.get(handoff.id)).toMatchObject(status);
    for (let i = 1; i <= 10; i += 1) await handoff.says(`u${i}`);
    await baton.hasRuns(handoff.id, 2);
    const connecting = await handoff.sees('handoff.connecting', 60_000);
    expect(Date.parse(connecting.at)).toBeGreaterThanOrEqual(opensAtMs);
    await until(() => textsAtDesk(baton, handoff.id).length === 10, { message: 'all messages' });
    const [body] = establishedBy(handoff.id);
    expect(body).toMatchObject({ body: [{ text: 'Is it in stock?' }, { message_type: 'QUESTION' }, { text: '' }] });
    expect(body).not.toHaveProperty('left_message');
    await handoff.closes('user');
    await handoff.ended();
  });

  it('shows in the row that the desk is being asked, before the desk has answered', async () => {
    baton.desk.fault('establish', { kind: 'status', status: 503 });
    const handoff = await baton.start({ kind: 'next_opening', opensAtMs: Date.now() + 500 });
    const row = () => baton.store.handoffs.get(handoff.id);
    await until(async () => (await row())?.status === 'opening', { message: 'opening in the row' });
    expect(await row()).toMatchObject({ deadline: null, opensAt: expect.any(String) });
    baton.desk.clearFaults();
    await handoff.sees('handoff.connecting');
    await handoff.closes('user');
    await handoff.ended();
  });

  it('the user ends it before the opening, and the desk never hears of it', async () => {
    const handoff = await baton.start({ kind: 'next_opening', opensAtMs: Date.now() + 3_600_000 });
    await handoff.sees('handoff.scheduled');
    await handoff.closes('user');
    await handoff.ended();
    expect(await handoff.types()).toEqual(['handoff.scheduled', 'handoff.closed']);
    expect(establishedBy(handoff.id)).toEqual([]);
  });
});

it('every run of these replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
