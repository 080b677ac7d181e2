import { resolveText } from '../../activities/text/texts.ts';
import type { HandoffRow } from '../../activities/store/store.ts';
import type { HandoffEvent } from '../../workflows/contracts.ts';
import { giveEmail } from '../acts.ts';
import { startHandoff, type Refusal } from '../starts.ts';
import { ANSWERS, waitForEvent } from '../wait.ts';
import { actingFor, type BotPrincipal, type Call } from './call.ts';
import type { Args, Result } from './schemas.ts';
import { aboutOf, endOf, MOST_EVENTS } from './view.ts';
import { BUSY, OFFER, REFUSED } from './words.ts';

type Requested = Result<'request_handoff'>;

const DECISIONS = new Set([...ANSWERS].filter((type) => type !== 'handoff.email_required'));

/** Asks for a human, or gives the address that an open handoff waits for; then waits for the desk's decision. */
export async function requestHandoff(call: Call, args: Args<'request_handoff'>): Promise<Requested> {
  const { context } = call;
  const by = actingFor(call, args.botId);
  const email = args.email ?? args.user.email;
  const { conversationId, channel, question, history, user, kind } = args;
  const outcome = await startHandoff(context, {
    botId: by.botId,
    conversationId,
    channel,
    question,
    history,
    kind,
    user: { ...user, ...(email !== undefined && { email }) },
  });
  if (outcome.outcome === 'refused') return await refused(call, by, args, outcome);
  const { handoff } = outcome;
  const gives = outcome.outcome === 'existing' && handoff.status === 'awaiting_email' && email !== undefined;
  if (gives) await giveEmail(context, by, handoff.id, email);
  await waitForEvent(context.store, handoff.id, {
    types: gives ? DECISIONS : ANSWERS,
    seconds: args.waitSeconds,
    signal: call.signal,
  });
  return await decided(call, (await context.store.handoffs.get(handoff.id)) ?? handoff, outcome.outcome);
}

async function decided(call: Call, row: HandoffRow, outcome: 'started' | 'existing'): Promise<Requested> {
  const { journal } = call.context.store;
  const events = await journal.read(row.id, Math.max(0, row.lastSeq - MOST_EVENTS), MOST_EVENTS);
  const about = { ...aboutOf(row, events), ...lastSeqOf(events, outcome) };
  const busy = events.find((event) => event.type === 'handoff.busy');
  if (busy !== undefined) {
    const text = busy.data['text'];
    const say = typeof text === 'string' ? text : about.say;
    const end = endOf(row, events);
    return { ...about, ...end, say, outcome: 'busy', whatToDo: end.offers === undefined ? BUSY : `${BUSY} ${OFFER}` };
  }
  const opensAt = row.status === 'scheduled' && row.opensAt !== null ? { opensAt: row.opensAt } : {};
  return { ...about, ...endOf(row, events), ...opensAt, outcome: outcomeOf(row, outcome), agent: row.agent };
}

/**
 * Behind what this result tells. It does not tell what an agent has said: of a new handoff that is still to come, and of
 * one that was there the model may know it already, or not.
 */
function lastSeqOf(events: HandoffEvent[], outcome: 'started' | 'existing'): { lastSeq?: number } {
  const said = events.find(({ type }) => type === 'message.agent');
  if (said === undefined) return { lastSeq: events.at(-1)?.seq ?? 0 };
  return outcome === 'started' ? { lastSeq: said.seq - 1 } : {};
}

function outcomeOf({ status, closeReason }: HandoffRow, outcome: 'started' | 'existing') {
  if (status === 'awaiting_email') return 'email_required' as const;
  if (status === 'scheduled') return 'scheduled' as const;
  if (closeReason === 'message_left') return 'message_left' as const;
  if (status === 'closed') return 'ended' as const;
  return status === 'opening' ? ('pending' as const) : outcome;
}

/** Where the API leaves the words to the bot, the sentence for a desk that cannot be reached is true as well. */
async function refused(
  { context }: Call,
  { botId }: BotPrincipal,
  { conversationId, user }: Args<'request_handoff'>,
  { reason, reply, nextOpening, offers }: Refusal,
): Promise<Requested> {
  const bot = await context.store.bots.get(botId);
  const otherwise = reason === 'out_of_hours' ? null : resolveText('busy', bot?.settings.texts ?? {}, user.locale);
  return {
    outcome: 'refused',
    reason,
    ...(nextOpening !== undefined && { nextOpening }),
    ...(offers !== undefined && { offers }),
    conversationId,
    say: reply ?? otherwise,
    botMustBeSilent: false,
    whatToDo: offers === undefined ? REFUSED : `${REFUSED} ${OFFER}`,
  };
}
