/**
 * A bot's second desk: while nobody has answered at the first one, the request goes on there with all that the user has
 * said, and what the first one says from then on is late.
 */
import type { DeskChangeReason, HandoffInput, HandoffSignal, HandoffState } from './contracts.ts';
import type { Happening } from './core.ts';
import { attachmentsOf } from './counter.ts';
import type { Draft } from './draft.ts';
import { isOfDesk } from './ids.ts';
import { newest } from './outboxes.ts';

/** Whether the request may still go to the second desk. */
export const mayMove = ({ secondDesk }: HandoffInput, { left, closing, status }: HandoffState): boolean =>
  secondDesk !== undefined && left === undefined && closing === undefined && status !== 'active';

/** The desk that has the request now, or is to get it. */
export const deskOf = ({ desk, secondDesk = desk }: HandoffInput, { left }: HandoffState): string =>
  left === undefined ? desk : secondDesk;

/** The first desk has taken a message of the user: the second one would need it as well. */
export function keepSaid(draft: Draft, n: number): void {
  if (!mayMove(draft.input, draft.state)) return;
  const delivery = draft.waiting.find((waiting) => waiting.n === n);
  if (delivery?.kind !== 'message') return;
  const { messageId, text } = delivery;
  draft.state.said = newest([...(draft.state.said ?? []), { messageId, text, ...attachmentsOf(delivery) }]);
}

/**
 * Takes the request away from the first desk and opens the second: the same handoff, as if it began there, with what the
 * user has said since. False when there is no second desk, or the handoff is there already.
 */
export function moveOn(draft: Draft, why: DeskChangeReason): boolean {
  const { input, state } = draft;
  if (!mayMove(input, state)) return false;
  const { desk: from, secondDesk: to } = input;
  const { deskConversationId, deskHasIt, said = [] } = state;
  const known = deskConversationId === undefined ? {} : { deskConversationId };
  state.left = { desk: from, why, ...known };
  // Taken in any case, so that whoever counts deliveries by the journal need not know what the desk had.
  const n = draft.nextN();
  if (deskHasIt) draft.withdraw({ n, timestamp: draft.nextTimestamp(), desk: from, ...known });
  const pending = new Set(state.pending.map((message) => message.n));
  const undelivered = draft.waiting.flatMap((delivery) =>
    delivery.kind === 'message' && pending.has(delivery.n) ? [delivery] : [],
  );
  Object.assign(state, { status: 'opening', deskHasIt: false, pending: [] });
  for (const field of ['deskConversationId', 'agent', 'deadline', 'said'] as const) delete state[field];
  const messages = [...said, ...undelivered];
  draft.emit('handoff.desk_changed', { from, to, why, text: draft.text('desk_changed'), messages: messages.length });
  draft.toDesk({ kind: 'open', n: draft.nextN(), timestamp: draft.nextTimestamp() });
  for (const message of messages) {
    draft.messageToDesk({ id: message.messageId, text: message.text, ...attachmentsOf(message) });
  }
  return true;
}

/** Told by the desk that the handoff has left: it counts no more, and words of an agent are kept as late. */
export function isLeftBehind(draft: Draft, happening: Happening): boolean {
  const { left } = draft.state;
  if (left === undefined || !('id' in happening) || !isDesks(happening) || !isOfDesk(left.desk, happening.id))
    return false;
  if (happening.kind === 'agentReply') draft.keepLate('agent', { ...happening, desk: left.desk });
  return true;
}

/** What only desks tell: the ids of everything else are chosen by the bot's backend. */
const isDesks = (signal: HandoffSignal): boolean =>
  signal.kind === 'close' ? signal.by === 'agent' : DESK_KINDS.includes(signal.kind);

const DESK_KINDS: readonly HandoffSignal['kind'][] = [
  'agentReply',
  'agentJoined',
  'agentChanged',
  'read',
  'snooze',
  'unsnooze',
];
