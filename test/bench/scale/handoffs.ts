import { randomBytes } from 'node:crypto';
import { until } from '../../support/poll.ts';
import type { BenchDesk } from '../desk.ts';
import type { Installation } from './installation.ts';
import { textOf } from '../system.ts';

export const BOT = 'bench';
/** Calls of one client at the same time. */
export const AT_ONCE = 32;
const PATIENCE_MS = 120_000;
/** No handoff of a benchmark ends by itself. */
const DAY_SECONDS = 86_400;

/** Runs `work` for each item, some at the same time; rejects with the first failure. */
export async function forEach<T>(items: T[], work: (item: T) => Promise<unknown>, atOnce = AT_ONCE): Promise<void> {
  const rest = items.values();
  const runner = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, runner));
}

/** A bot with `desk` as its desk and its backend, by default with a signed callback. */
export async function makeBot(
  to: Installation,
  desk: BenchDesk,
  options: { callback?: boolean; desk?: Record<string, unknown> } = {},
): Promise<void> {
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  await to.put(`/v1/bots/${BOT}`, {
    enabled: true,
    desk: options.desk ?? { kind: 'webhook', url: desk.url },
    waitTimeoutSeconds: DAY_SECONDS,
    inactivityTimeoutSeconds: DAY_SECONDS,
    ...(options.callback === false ? {} : { callback: { url: desk.callbackUrl, secret } }),
  });
}

/** Asks for a human; resolves with the handoff's id when the API has answered. */
export async function startOne(to: Installation): Promise<string> {
  const request = {
    botId: BOT,
    conversationId: `conversation-${randomBytes(8).toString('hex')}`,
    channel: 'api',
    user: { id: 'u-1', name: 'Ada' },
    question: 'A person?',
  };
  const { handoff } = (await to.post('/v1/handoffs', request)) as { handoff: { id: string } };
  return handoff.id;
}

/** Handoffs in which a human has answered. `desk`: where the bot's callback is, which knows soonest. */
export async function openMany(to: Installation, count: number, desk?: BenchDesk): Promise<string[]> {
  const ids: string[] = [];
  await forEach(Array.from({ length: count }), async () => {
    const id = await startOne(to);
    ids.push(id);
    // From now on the desk may answer; one more event each for the human and for what he says.
    await reached(to, id, { status: 'connecting', events: 1 }, desk);
    const reply = { conversation_id: id, timestamp: Date.now(), body: 'Hello, how can I help?' };
    await to.post('/v1/human/message/receive', reply);
    await reached(to, id, { status: 'active', events: 3 }, desk);
  });
  return ids;
}

interface Step {
  status: string;
  events: number;
}

async function reached(to: Installation, id: string, { status, events }: Step, desk?: BenchDesk): Promise<void> {
  const options = { timeoutMs: PATIENCE_MS, message: `${id} is ${status}` };
  if (desk !== undefined) await until(() => desk.events(id).length >= events, options);
  // Asked less often, so that the asking is not what is measured.
  else await until(async () => (await viewOf(to, id)).status === status, { ...options, everyMs: 200 });
}

/** A handoff as the API shows it. */
export async function viewOf(
  to: Installation,
  id: string,
): Promise<{ status: string; deskConversationId: string | null }> {
  return (await to.get(`/v1/handoffs/${id}`)) as { status: string; deskConversationId: string | null };
}

/** The user's next message: what it says, once it was accepted. */
export async function say(to: Installation, id: string, n: number): Promise<string> {
  const text = textOf('toDesk', n);
  await to.post(`/v1/handoffs/${id}/messages`, { id: randomBytes(12).toString('hex'), text });
  return text;
}
