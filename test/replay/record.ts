/**
 * Records one history per path of a handoff into `histories/<reason>.json`: `npm run record`. A released change of the
 * workflow keeps replaying the old files, so record under a new reason instead of over an old one.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { Handoff, NativeTalk, TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import setup from '../support/global-setup.ts';
import { settings } from '../support/input.ts';
import { until } from '../support/poll.ts';
import { atDesk, createSeeingDesk } from '../support/seeing-desk.ts';

const FOLDER = new URL('./histories/', import.meta.url);
const overwrite = process.argv.includes('--overwrite');

/** Gives back whose history is to be stored. */
type Scenario = (baton: TestBaton, callbackUrl: string) => Promise<Pick<Handoff, 'id' | 'ended'>>;

const short = { waitTimeoutMs: 1_500, inactivityTimeoutMs: 1_500, emailTimeoutMs: 1_500 };

const seeing = createSeeingDesk();

const messenger = { mode: 'native', desk: { kind: 'messenger' } };

async function nativeTalk(baton: TestBaton, callbackUrl: string, more = {}): Promise<NativeTalk> {
  const botId = await baton.bot({ ...messenger, callback: { url: callbackUrl } });
  const deskConversationId = `d-${botId}`;
  return await baton.conversation({ botId, desk: 'messenger', deskConversationId, idleTimeoutMs: 1_000, ...more });
}

async function talking(baton: TestBaton, callbackUrl?: string): Promise<Handoff> {
  const handoff = await baton.start({}, callbackUrl ? { callback: { url: callbackUrl } } : {});
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.says('u1');
  await handoff.sees('message.user');
  return handoff;
}

const second = { secondDesk: { kind: 'messenger' } };

/** Nobody has answered at the first desk, which has a message or holds it up. */
async function atSecondDesk(baton: TestBaton, before?: () => void, more = {}): Promise<Handoff> {
  const handoff = await baton.start({ secondDesk: 'messenger', settings: settings(short), ...more }, second);
  await handoff.sees('handoff.connecting');
  before?.();
  await handoff.says('u1');
  await handoff.sees('handoff.desk_changed');
  return handoff;
}

const closedBy =
  (by: 'user' | 'bot' | 'agent' | 'operator'): Scenario =>
  async (baton) => {
    const handoff = await talking(baton);
    await handoff.closes(by);
    return handoff;
  };

const SCENARIOS: Record<string, Scenario> = {
  async normal(baton, callbackUrl) {
    const handoff = await talking(baton, callbackUrl);
    for (let i = 2; i <= 12; i += 1) await Promise.all([handoff.says(`u${i}`), handoff.replies(`a${i}`)]);
    await until(() => textsAtDesk(baton, handoff.id).length === 12, { message: 'all messages' });
    await handoff.closes('agent');
    return handoff;
  },
  'user-closed': closedBy('user'),
  'bot-closed': closedBy('bot'),
  'agent-closed': closedBy('agent'),
  'operator-closed': closedBy('operator'),
  async 'email-given'(baton) {
    const handoff = await baton.start({ emailRequired: true });
    await handoff.sees('handoff.email_required');
    await handoff.says('u1');
    await handoff.signal({ kind: 'emailGiven', id: 'e1', email: 'lea@example.org' });
    await handoff.sees('handoff.connecting');
    await handoff.closes('user');
    return handoff;
  },
  async 'snoozed-then-answered'(baton) {
    const handoff = await baton.start({ settings: settings(short) });
    await handoff.replies('a1');
    await handoff.signal({ kind: 'snooze', id: 's1', until: new Date(Date.now() + 3_000).toISOString() });
    return handoff;
  },
  async 'native-handoff'(baton) {
    const botId = await baton.bot(messenger);
    const there = { conversationId: 'd-1', deskConversationId: 'd-1' };
    const handoff = await baton.start({ botId, desk: 'messenger', mode: 'native', channel: 'messenger', ...there });
    await handoff.replies('a1');
    await handoff.says('u1');
    await handoff.closes('bot');
    await handoff.says('u2');
    return handoff;
  },
  async 'native-conversation'(baton, callbackUrl) {
    const talk = await nativeTalk(baton, callbackUrl);
    await talk.userSays('u1');
    await talk.botSays('b1', 'b2');
    return talk;
  },
  async 'native-conversation-continued'(baton, callbackUrl) {
    const talk = await nativeTalk(baton, callbackUrl, { continueAfterEvents: 30 });
    for (let i = 1; i <= 15; i += 1) await Promise.all([talk.userSays(`u${i}`), talk.botSays(`b${i}`)]);
    return talk;
  },
  async 'email-not-given'(baton) {
    return await baton.start({ emailRequired: true, settings: settings(short) });
  },
  async 'keep-waiting-then-answered'(baton) {
    const handoff = await baton.start({ settings: settings(short) });
    await handoff.sees('handoff.wait_timeout');
    await handoff.signal({ kind: 'waitChoice', id: 'c1', choice: 'wait' });
    await handoff.replies('a1');
    await handoff.sees('handoff.active');
    await handoff.closes('agent');
    return handoff;
  },
  async 'wait-timeout'(baton) {
    return await baton.start({ settings: settings(short) });
  },
  async 'inactivity-timeout'(baton) {
    const handoff = await baton.start({ settings: settings(short) });
    await handoff.replies('a1');
    return handoff;
  },
  async 'desk-down'(baton) {
    const bot = await baton.bot({ desk: { kind: 'webhook', url: 'http://127.0.0.1:9' } });
    return await baton.start({ botId: bot, settings: settings(short) });
  },
  async 'message-failed'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 422, times: 1 });
    await handoff.says('u1');
    await handoff.sees('message.failed');
    await handoff.closes('user');
    return handoff;
  },
  async 'desk-down-for-messages'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'drop_before', times: 3 });
    await handoff.says('u1');
    await handoff.says('u2');
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'both messages' });
    await handoff.closes('user');
    return handoff;
  },
  async 'grace-over'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 503 });
    await handoff.says('u1');
    await handoff.closes('user');
    await handoff.sees('handoff.closed', 30_000);
    baton.desk.clearFaults();
    return handoff;
  },
  async 'last-tries'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    const before = baton.desk.raw.chat;
    baton.desk.fault('chat', { kind: 'slow', ms: 30_000 });
    // In one signal: the first regular try begins after the decision and hangs for longer than the grace.
    await handoff.signal({ kind: 'userMessage', id: 'u1', text: 'user u1' }, { kind: 'close', id: 'c', by: 'user' });
    await until(() => baton.desk.raw.chat >= before + 2, { message: 'two tries' });
    baton.desk.clearFaults();
    return handoff;
  },
  async 'hurried-end'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    const before = baton.desk.raw.chat;
    baton.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
    await handoff.says('u1');
    await until(() => baton.desk.raw.chat >= before + 2, { message: 'two tries' });
    await handoff.closes('user');
    return handoff;
  },
  async 'operator-on-messages'(baton) {
    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    baton.desk.fault('chat', { kind: 'status', status: 422, times: 1 });
    await handoff.says('u1');
    await handoff.sees('message.failed');
    await handoff.signal({ kind: 'retryMessage', id: 'o1', messageId: 'u1' });
    await until(() => textsAtDesk(baton, handoff.id).length === 1, { message: 'the first message' });
    const before = baton.desk.raw.chat;
    baton.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
    await handoff.says('u2');
    await handoff.says('u3');
    await until(() => baton.desk.raw.chat >= before + 2, { message: 'two tries' });
    await handoff.signal({ kind: 'giveUpMessage', id: 'o2', messageId: 'u2' });
    await until(() => textsAtDesk(baton, handoff.id).length === 2, { message: 'the third message' });
    await handoff.closes('agent');
    return handoff;
  },
  async 'message-left'(baton) {
    baton.desk.fault('establish', { kind: 'status', status: 503, times: 2 });
    const handoff = await baton.start({ kind: 'message' });
    await handoff.says('u1');
    return handoff;
  },
  async 'scheduled-then-answered'(baton) {
    const handoff = await baton.start({ kind: 'next_opening', opensAtMs: Date.now() + 2_000, emailRequired: true });
    await handoff.signal({ kind: 'emailGiven', id: 'e1', email: 'lea@example.org' });
    await handoff.sees('handoff.scheduled');
    await handoff.says('u1');
    await handoff.sees('handoff.connecting');
    await handoff.replies('a1');
    await handoff.closes('agent');
    return handoff;
  },
  async 'scheduled-and-continued'(baton) {
    const opensAtMs = Date.now() + 6_000;
    const history = [{ role: 'user' as const, text: 'before' }];
    const handoff = await baton.start({ kind: 'next_opening', opensAtMs, history, continueAfterEvents: 30 });
    for (let i = 1; i <= 12; i += 1) await handoff.says(`u${i}`);
    await baton.hasRuns(handoff.id, 2);
    await handoff.sees('handoff.connecting');
    await until(() => textsAtDesk(baton, handoff.id).length === 12, { message: 'all messages' });
    await handoff.closes('user');
    return handoff;
  },
  async 'callback-down'(baton) {
    const bot = await baton.bot({ callback: { url: 'http://127.0.0.1:9/' } });
    const handoff = await baton.start({ botId: bot });
    await handoff.sees('handoff.connecting');
    await handoff.closes('agent');
    return handoff;
  },
  async 'second-desk'(baton) {
    const handoff = await atSecondDesk(baton);
    await handoff.signal(
      { kind: 'agentReply', id: 'webhook:a1', text: 'too late' },
      { kind: 'agentReply', id: 'messenger:a1', text: 'hello' },
    );
    await handoff.says('u2');
    await handoff.closes('user');
    return handoff;
  },
  async 'second-desk-at-once'(baton) {
    const desk = { kind: 'webhook', url: 'http://127.0.0.1:9' };
    const handoff = await baton.start({ secondDesk: 'messenger', settings: settings(short) }, { desk, ...second });
    await handoff.sees('handoff.desk_changed');
    return handoff;
  },
  async 'second-desk-past-a-hanging-first'(baton) {
    const handoff = await atSecondDesk(baton, () => baton.desk.fault('chat', { kind: 'slow', ms: 30_000 }));
    baton.desk.clearFaults();
    await handoff.closes('agent');
    return handoff;
  },
  async 'second-desk-continued'(baton) {
    const handoff = await atSecondDesk(baton, undefined, { continueAfterEvents: 12 });
    for (let i = 2; i <= 6; i += 1) await handoff.says(`u${i}`);
    await handoff.closes('bot');
    return handoff;
  },
  async 'late-reply'(baton) {
    const handoff = await talking(baton);
    await handoff.signal(
      { kind: 'close', id: 'c', by: 'agent' },
      { kind: 'agentReply', id: 'a9', text: 'one more thing' },
    );
    return handoff;
  },
  async 'operator-cancel'(baton) {
    const handoff = await talking(baton);
    await baton.client.workflow.getHandle(handoff.id).cancel();
    return handoff;
  },
  async 'found-at-the-end'(baton) {
    const handoff = await baton.start({ desk: 'messenger', reconciles: true }, { desk: { kind: 'messenger' } });
    await handoff.sees('handoff.connecting');
    await handoff.replies('a1');
    await handoff.says('u1');
    const there = `desk-${handoff.id}`;
    seeing.has(there, atDesk(there, 'm1', { kind: 'agentReply', text: 'lost' }));
    await handoff.closes('user');
    return handoff;
  },
  async 'found-before-a-timeout'(baton) {
    const over = { desk: 'messenger', reconciles: true, settings: settings(short) } as const;
    const handoff = await baton.start(over, { desk: { kind: 'messenger' } });
    await handoff.sees('handoff.connecting');
    const there = `desk-${handoff.id}`;
    seeing.has(there, atDesk(there, 'm1', { kind: 'agentReply', text: 'lost' }));
    return handoff;
  },
  async 'rearmed-silence'(baton) {
    const handoff = await baton.start({ settings: settings(short) });
    await handoff.sees('handoff.connecting');
    await handoff.replies('a1');
    await handoff.says('u1');
    await handoff.sees('message.user');
    // The timer of the first silence is over before the next one begins.
    await new Promise((resolve) => setTimeout(resolve, 2 * short.inactivityTimeoutMs));
    await handoff.replies('a2');
    return handoff;
  },
  async 'desk-hangs-at-the-end'(baton) {
    const handoff = await baton.start({ desk: 'messenger', reconciles: true }, { desk: { kind: 'messenger' } });
    await handoff.sees('handoff.connecting');
    seeing.hangs(true);
    await handoff.closes('agent');
    await handoff.sees('handoff.closed', 30_000);
    seeing.hangs(false);
    return handoff;
  },
  async 'continue-as-new'(baton, callbackUrl) {
    const bot = await baton.bot({ callback: { url: callbackUrl } });
    const handoff = await baton.start({ botId: bot, continueAfterEvents: 40 });
    await handoff.sees('handoff.connecting');
    for (let i = 1; i <= 25; i += 1) {
      await handoff.says(`u${i}`);
      await handoff.replies(`a${i}`);
    }
    await until(() => textsAtDesk(baton, handoff.id).length === 25, { message: 'all messages', timeoutMs: 30_000 });
    await handoff.closes('user');
    return handoff;
  },
  async 'continued-in-a-lull'(baton) {
    const handoff = await baton.start({ continueAfterEvents: 40 });
    await handoff.sees('handoff.connecting');
    for (let i = 1; i <= 40; i += 1) await handoff.says(`u${i}`);
    await until(() => textsAtDesk(baton, handoff.id).length === 40, { message: 'all messages', timeoutMs: 30_000 });
    await baton.hasRuns(handoff.id, 2);
    await handoff.closes('user');
    return handoff;
  },
};

/** Names and paths of the machine that recorded have no part in a replay. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'identity' || key === 'stackTrace') return undefined;
  return typeof value === 'string' ? value.replaceAll(`@${hostname()}`, '@worker') : value;
}

const tearDown = await setup();
const baton = await startTestBaton({ desks: createRegistry([webhook, seeing]) });
const callback = await startCallbackReceiver();
try {
  await mkdir(FOLDER, { recursive: true });
  const stored = await readdir(FOLDER);
  for (const [reason, scenario] of Object.entries(SCENARIOS)) {
    if (!overwrite && stored.some((name) => name.startsWith(`${reason}.`))) continue;
    const handoff = await scenario(baton, callback.url);
    await handoff.ended(60_000);
    const histories = await baton.histories(handoff.id);
    for (const [index, history] of histories.entries()) {
      const name = histories.length === 1 ? `${reason}.json` : `${reason}.${index + 1}.json`;
      await writeFile(new URL(name, FOLDER), `${JSON.stringify(JSON.parse(historyToJSON(history), withoutMachine))}\n`);
      console.log(`recorded ${name}: ${history.events?.length ?? 0} events`);
    }
  }
} finally {
  await callback.stop();
  await baton.stop();
  await tearDown();
}
