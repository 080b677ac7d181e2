import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { Desk } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { DeskError } from '../../activities/errors.ts';
import { startTestBaton } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';

/** A desk that lets us look, loses answers as told, and would keep every message that is sent to it, also twice. */
const kept: string[] = [];
const looked: string[] = [];
let answersToLose = 0;

const looking: Desk<Record<string, never>> = {
  id: 'looking',
  wireName: 'Looking',
  title: 'Looking',
  docs: 'https://example.org',
  capabilities: {
    modes: ['external'],
    files: true,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: false,
    lookup: true,
    reportsForeign: false,
    signsWebhooks: 'none',
  },
  limits: { textMax: 1_000, requestsPerSecond: 100 },
  config: z.strictObject({}),
  ownChannels: [],
  verify: async () => ({ detail: 'fine' }),
  open: async (_ctx, request) => ({ deskConversationId: `desk-${request.handoffId}` }),
  async send(_ctx, message) {
    if (message.maybeSent) {
      looked.push(message.key);
      if (kept.includes(message.key)) return {};
    }
    kept.push(message.key);
    if (answersToLose > 0) {
      answersToLose -= 1;
      throw new DeskError({ desk: 'looking', operation: 'send', kind: 'timeout', reason: 'no answer' });
    }
    return {};
  },
  close: async () => undefined,
};

let baton: TestBaton;

beforeAll(async () => {
  baton = await startTestBaton({ desks: createRegistry([looking]) });
});
afterAll(async () => {
  await baton.stop();
});

it('rule 9: a send without an answer is looked up at the desk before it is repeated', async () => {
  const bot = await baton.bot({ desk: { kind: 'looking' } });
  const handoff = await baton.start({ botId: bot, desk: 'looking' });
  await handoff.sees('handoff.connecting');
  await handoff.says('1');
  await until(() => kept.length === 1, { message: 'the first message' });
  expect(looked).toEqual([]);

  answersToLose = 1;
  await handoff.signal({ kind: 'userMessage', id: '2', text: 'two' }, { kind: 'userMessage', id: '3', text: 'three' });
  await until(() => kept.length >= 3, { message: 'all messages' });
  await handoff.closes('user');
  await handoff.ended();

  const keys = [2, 3, 4].map((n) => `${handoff.id}.d${n}`);
  expect(kept).toEqual(keys);
  expect(looked).toEqual([keys[1]]);
  expect(await handoff.types()).not.toContain('message.failed');
});
