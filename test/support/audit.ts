import type { WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import type { HandoffEvent, LateMessage } from '../../workflows/contracts.ts';
import { deskSignalId } from '../../workflows/ids.ts';
import type { Talk } from './bots.ts';

export interface Account {
  /** One sentence for everything lost, doubled or out of order; empty is what we want. */
  problems: string[];
  figures: { said: number; replied: number; failed: number; late: number; refused: number };
}

/**
 * Holds what both sides sent against what both sides got. A user's message that was accepted is in the journal and then
 * at the desk or named by `message.failed`, or it is late; an agent's reply that was accepted is in the journal or late.
 */
export async function audit(talk: Talk, desk: WebhookSandbox): Promise<Account> {
  const [events, late] = [await talk.events(), await talk.late()];
  const atDesk = desk.messages(talk.id).map((message) => message.text);
  const lateUsers = idsOf(late, 'user');
  const lateAgents = idsOf(late, 'agent');
  const failed = new Set(events.filter((e) => e.type === 'message.failed').map((e) => String(e.data['messageId'])));
  const journaled = (type: HandoffEvent['type']): string[] =>
    events.filter((event) => event.type === type).map((event) => String(event.data['text']));
  const asSaid = talk.said.filter(({ id }) => !lateUsers.has(id));
  const asReplied = talk.replied.filter(({ id }) => !lateAgents.has(deskSignalId('webhook', `id:${talk.id}:${id}`)));
  const problems = [
    ...sequenceProblems(events),
    ...compare('the journal has of the user', asSaid, journaled('message.user')),
    ...compare(
      'the desk has',
      asSaid.filter(({ id }) => !failed.has(id)),
      atDesk,
    ),
    ...compare('the journal has of the agent', asReplied, journaled('message.agent')),
    ...asReplied
      .filter(({ outcome }) => outcome === 'closed')
      .map(({ text }) => `lost: refused and not kept "${text}"`),
    ...lateAndShown(late, events),
  ];
  return {
    problems: problems.map((problem) => `${talk.id}: ${problem}`),
    figures: {
      said: talk.said.length,
      replied: talk.replied.length,
      failed: failed.size,
      late: late.length,
      refused: [...talk.said, ...talk.replied].filter(({ outcome }) => outcome === 'closed').length,
    },
  };
}

export async function auditAll(talks: Talk[], desk: WebhookSandbox): Promise<Account> {
  const accounts = await Promise.all(talks.map((talk) => audit(talk, desk)));
  const sum = (key: keyof Account['figures']): number => accounts.reduce((total, one) => total + one.figures[key], 0);
  return {
    problems: accounts.flatMap((account) => account.problems),
    figures: {
      said: sum('said'),
      replied: sum('replied'),
      failed: sum('failed'),
      late: sum('late'),
      refused: sum('refused'),
    },
  };
}

/** After an outage the last things may still be on their way: asks again until nothing is missing or the time is over. */
export async function auditSettled(talks: Talk[], desk: WebhookSandbox, timeoutMs: number): Promise<Account> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const account = await auditAll(talks, desk);
    if (account.problems.length === 0 || Date.now() > end) return account;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const idsOf = (late: LateMessage[], from: LateMessage['from']): Set<string> =>
  new Set(late.filter((message) => message.from === from).map((message) => message.id));

/** `seq` from 1 without a gap, at most one `handoff.closed`, and nothing behind it. */
export function sequenceProblems(events: HandoffEvent[]): string[] {
  const problems: string[] = [];
  if (events.some((event, index) => event.seq !== index + 1)) {
    problems.push(`seq has a gap or a repeat: ${events.map((event) => event.seq).join(' ')}`);
  }
  const closed = events.findIndex((event) => event.type === 'handoff.closed');
  if (closed >= 0 && closed !== events.length - 1) problems.push(`${events[closed + 1]!.type} behind handoff.closed`);
  return problems;
}

/** Texts of one talk are unique, so that they tell which message is which. */
export function compare(
  who: string,
  sent: { text: string; outcome: 'accepted' | 'closed' | 'unknown' }[],
  got: string[],
): string[] {
  const problems: string[] = [];
  const order = new Map(sent.map(({ text }, index) => [text, index]));
  const seen = new Set(got);
  for (const { text, outcome } of sent) {
    if (outcome === 'accepted' && !seen.has(text)) problems.push(`lost: ${who} not "${text}"`);
    if (outcome === 'closed' && seen.has(text)) problems.push(`refused and yet taken: ${who} "${text}"`);
  }
  for (const text of seen) {
    if (!order.has(text)) problems.push(`unexpected: ${who} "${text}"`);
    if (got.indexOf(text) !== got.lastIndexOf(text)) problems.push(`doubled: ${who} twice "${text}"`);
  }
  const positions = [...seen].flatMap((text) => order.get(text) ?? []);
  if (positions.some((position, index) => position < (positions[index - 1] ?? -1))) {
    problems.push(`out of order: ${who} ${JSON.stringify([...seen])}`);
  }
  return problems;
}

function lateAndShown(late: LateMessage[], events: HandoffEvent[]): string[] {
  const shown = new Set(events.filter((event) => event.type.startsWith('message.')).map((e) => e.data['messageId']));
  return late.filter(({ id }) => shown.has(id)).map(({ text }) => `doubled: "${text}" is shown and late`);
}
