/** The address that a desk calls: signed notifications of Intercom, from the call to its 2xx, and on to the bot. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createIntercomSandbox } from '../../../api/sandbox/intercom/index.ts';
import { until } from '../../support/poll.ts';
import type { Context, Json } from '../context.ts';
import { startDesk, type BenchDesk } from '../desk.ts';
import { textOf } from '../system.ts';
import { BOT, forEach, makeBot, startOne, viewOf } from './handoffs.ts';
import { install, type Installation } from './installation.ts';
import { percentile, rounded } from '../percentile.ts';

const CONVERSATIONS = 50;
const EACH = 40;
const SHORT_EACH = 5;
const ALONE = 100;
const REFUSED = 500;

/** Who sends as Intercom does. */
interface Sender {
  url: string;
  secret: string;
}

interface Talk {
  handoffId: string;
  deskConversationId: string;
  sent: number;
}

export async function stage(context: Context): Promise<Json> {
  const each = context.short ? SHORT_EACH : EACH;
  const bot = await startDesk();
  context.later(() => bot.stop());
  const intercom = createIntercomSandbox();
  context.later(() => intercom.stop());
  const settings = intercom.settings(await intercom.listen(), 'external');
  const installation = await install(context);
  context.later(() => installation.stop());
  const desk = { kind: 'intercom', ...settings };
  await makeBot(installation, bot, { desk });
  await installation.startWorker();
  const { webhookUrl } = (await installation.get(`/v1/bots/${BOT}`)) as { webhookUrl: string };
  const sender = {
    url: `${installation.url}${new URL(webhookUrl).pathname}`,
    secret: String(settings['clientSecret']),
  };
  const [single, ...talks] = await openTalks(installation, bot, CONVERSATIONS + 1);
  for (const talk of [single!, ...talks]) await next(sender, talk);

  const alone: number[] = [];
  for (let turn = 0; turn < ALONE; turn += 1) alone.push(await next(sender, single!));
  const together: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    talks.map(async (talk) => {
      for (let turn = 0; turn < each; turn += 1) together.push(await next(sender, talk));
    }),
  );
  const accepted = (performance.now() - startedAt) / 1_000;
  await allAtBot(bot, [single!, ...talks]);
  const delivered = (performance.now() - startedAt) / 1_000;
  const refused = await measureRefused(sender, talks[0]!);
  await allAtBot(bot, [single!, ...talks]);
  const result = {
    desk: 'intercom',
    webhooks: talks.length * each,
    conversations: talks.length,
    aloneP50Ms: rounded(percentile(alone, 0.5)),
    aloneP99Ms: rounded(percentile(alone, 0.99)),
    togetherP50Ms: rounded(percentile(together, 0.5)),
    togetherP99Ms: rounded(percentile(together, 0.99)),
    acceptedPerSecond: rounded((talks.length * each) / accepted),
    atBotPerSecond: rounded((talks.length * each) / delivered),
    ...refused,
  };
  context.say(JSON.stringify(result));
  return result;
}

async function openTalks(installation: Installation, bot: BenchDesk, count: number): Promise<Talk[]> {
  const talks: Talk[] = [];
  await forEach(Array.from({ length: count }), async () => {
    const handoffId = await startOne(installation);
    await until(() => bot.events(handoffId).length > 0, { timeoutMs: 120_000, message: `${handoffId} at the desk` });
    const deskConversationId = await until(async () => (await viewOf(installation, handoffId)).deskConversationId, {
      timeoutMs: 60_000,
      message: `the conversation of ${handoffId}`,
    });
    talks.push({ handoffId, deskConversationId, sent: 0 });
  });
  return talks;
}

/** The agent's next reply; milliseconds until it was accepted. */
async function next(sender: Sender, talk: Talk): Promise<number> {
  const body = replyOf(talk.deskConversationId, textOf('toBot', (talk.sent += 1)));
  const startedAt = performance.now();
  const status = await send(sender.url, body, sender.secret);
  if (status !== 200) throw new Error(`The webhook was answered with ${status}.`);
  return performance.now() - startedAt;
}

async function send(url: string, body: string, secret: string): Promise<number> {
  const signature = createHmac('sha1', secret).update(body).digest('hex');
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature': `sha1=${signature}` },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

async function measureRefused({ url }: Sender, talk: Talk) {
  const startedAt = performance.now();
  await forEach(Array.from({ length: REFUSED }), async () => {
    const status = await send(url, replyOf(talk.deskConversationId, 'forged'), 'a wrong secret');
    if (status !== 401) throw new Error(`A wrong signature was answered with ${status}.`);
  });
  return { refusedPerSecond: rounded((REFUSED * 1_000) / (performance.now() - startedAt)) };
}

/** Every reply is at the bot's callback, once and in order; rejects otherwise. */
async function allAtBot(bot: BenchDesk, talks: Talk[]): Promise<void> {
  for (const { handoffId, sent } of talks) {
    const got = (): string[] => bot.texts('toBot', handoffId);
    await until(() => got().length >= sent, { timeoutMs: 120_000, message: `all replies of ${handoffId}` });
    if (got().some((text, at) => text !== textOf('toBot', at + 1)) || got().length !== sent)
      throw new Error(`${handoffId}: the bot got ${got().length} of ${sent} replies, or not in order`);
  }
}

/** As Intercom notifies of a comment of a teammate. */
function replyOf(conversationId: string, text: string): string {
  const atSeconds = Math.floor(Date.now() / 1_000);
  const author = { type: 'admin', id: '7001001', name: 'Dana Reyes', email: 'dana@acme.example' };
  const part = {
    type: 'conversation_part',
    id: String(randomBytes(6).readUIntBE(0, 6)),
    part_type: 'comment',
    body: `<p>${text}</p>`,
    created_at: atSeconds,
    updated_at: atSeconds,
    notified_at: atSeconds,
    assigned_to: null,
    author,
    attachments: [],
    external_id: null,
    redacted: false,
  };
  const item = {
    type: 'conversation',
    id: conversationId,
    created_at: atSeconds,
    updated_at: atSeconds,
    open: true,
    state: 'open',
    read: true,
    admin_assignee_id: 7001001,
    team_assignee_id: null,
    contacts: { type: 'contact.list', contacts: [] },
    conversation_parts: { type: 'conversation_part.list', conversation_parts: [part], total_count: 1 },
  };
  return JSON.stringify({
    type: 'notification_event',
    app_id: 'bench',
    topic: 'conversation.admin.replied',
    id: `notif_${randomUUID()}`,
    created_at: atSeconds,
    delivery_attempts: 1,
    first_sent_at: atSeconds,
    data: { type: 'notification_event_data', item },
  });
}
