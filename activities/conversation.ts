import { activityInfo } from '@temporalio/activity';
import type { DeskCloseReason, LeftDesk, Mode, Turn, User } from '../workflows/contracts.ts';
import { deliveryKey } from '../workflows/ids.ts';
import type { Deps } from './deps.ts';
import type { CallDesk } from './desk-calls.ts';
import type { Desk } from './desks/desk.ts';
import { DeskError } from './errors.ts';
import { toFailure } from './failures.ts';
import { contextRounds } from './text/rounds.ts';

export interface OpenConversation {
  handoffId: string;
  botId: string;
  desk: string;
  n: number;
  timestamp: number;
  conversationId: string;
  deskConversationId?: string;
  channel: string;
  mode: Mode;
  user: User;
  email?: string;
  question: string;
  history: Turn[];
  contextRounds: number;
  /** `traceparent` of the request that caused it. */
  trace?: string;
  /** The user leaves a message and goes. */
  leftMessage?: { emailIsDefault: boolean };
  /** The user has waited for the opening. */
  wasScheduled?: boolean;
  /** The desk that the request was at before. */
  left?: LeftDesk;
}

export interface CloseConversation {
  handoffId: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  mode: Mode;
  n: number;
  timestamp: number;
  /** `traceparent` of the request that caused it. */
  trace?: string;
  reason: DeskCloseReason;
  /** Where the ledger has the mark: with `withdrawal` the desk is told that the request has left it. */
  lane?: 'desk' | 'withdrawal';
  /** Agents are to read why. Not where only an unclear opening may have left something. */
  note?: boolean;
}

export interface OpenOutcome {
  deskConversationId: string;
}

/** Errors after which an opening ends at once. In native mode the conversation was there before: gone, it stays gone. */
const HOPELESS = { external: ['auth', 'rejected'], native: ['auth', 'rejected', 'not_found'] } as const;

/** A message that a user leaves can wait until somebody has given the desk new credentials. */
const HOPELESS_TO_LEAVE = ['rejected'] as const;

/** Where we can look later, a server error counts as unclear: such desks act on a call and fail to answer it. */
const mayHaveActed = (error: DeskError, desk: Desk | undefined): boolean =>
  error.unclear || (desk?.capabilities.lookup === true && (error.status ?? 0) >= 500);

/** Said in the user's place, as every desk can take that. English, as all that is for agents. */
const MOVED_NOTE = '[The user waits here no longer: nobody had answered, and the request has gone to another desk.]';

/** Errors after which there is nobody to read a note. */
const NO_NOTE: readonly DeskError['kind'][] = ['rejected', 'not_found', 'conflict'];

/** Opening and closing of a conversation at the desk: regular activities, whose retries an operator can see. */
export function createConversationActivities(deps: Deps, callDesk: CallDesk) {
  const { store } = deps;

  async function replayEarlyEvents(open: OpenConversation, deskConversationId: string): Promise<void> {
    const early = await store.inbox.adopt(open.handoffId, open.botId, open.desk, deskConversationId);
    if (early.length === 0) return;
    await deps.runs.signal(
      open.handoffId,
      early.map((row) => row.signal),
    );
    await store.inbox.forwarded(
      early.map((row) => row.inboxId),
      'forwarded',
    );
  }

  /** Before anything happens at the desk: what it tells is looked for by the handoff's row. */
  async function moveHere({ handoffId, desk }: OpenConversation, left: LeftDesk): Promise<void> {
    if (!(await store.handoffs.move(handoffId, left, desk))) return; // an earlier try did it
    deps.metrics.deskChanges.inc({ from: left.desk, to: desk, why: left.why });
    deps.log.info({ handoffId, from: left.desk, to: desk, why: left.why }, 'the handoff goes to the second desk');
  }

  /**
   * The desk was away when the handoff ended, and has given the conversation to the humans of the next one since: to give
   * it back now would take it from them. A desk that asks the bot turn by turn only takes back what it has not asked for.
   */
  async function isNextOnesNow({ mode, botId, desk, deskConversationId, handoffId }: CloseConversation) {
    if (mode !== 'native' || deps.desks.get(desk)?.webhook?.answer !== undefined) return false;
    const open = await store.handoffs.openFor(botId, deskConversationId);
    return open !== undefined && open.id !== handoffId && (await store.ledger.get(open.id, 'desk')).sent > 0;
  }

  /** Agents read why nobody writes there any more. Once: a mark says so, whatever becomes of the close. */
  async function leaveNote({ handoffId, botId, desk: id, n, trace, ...at }: CloseConversation): Promise<void> {
    const { started } = await store.ledger.get(handoffId, 'withdrawal');
    if (started >= n) return;
    const { deskConversationId, timestamp } = at;
    const note = { text: MOVED_NOTE, attachments: [], maybeSent: activityInfo().attempt > 1 };
    const key = `${deliveryKey(handoffId, n)}.note`;
    try {
      await callDesk({ botId, desk: id, operation: 'send', trace }, (desk, ctx) =>
        desk.send(ctx, { key, handoffId, from: 'user', deskConversationId, timestamp, ...note }),
      );
    } catch (error) {
      if (!(error instanceof DeskError && NO_NOTE.includes(error.kind))) throw toFailure(error, []);
    }
    await store.ledger.started(handoffId, 'withdrawal', n);
  }

  return {
    /**
     * Creates the conversation at the desk, once: a retry carries the same key, and what an earlier try recorded is
     * not called again. Refused credentials and a refused request end at once; the rest is retried.
     */
    async openConversation(open: OpenConversation): Promise<OpenOutcome> {
      if (open.wasScheduled) await store.handoffs.asked(open.handoffId);
      if (open.left) await moveHere(open, open.left);
      // Native mode: the conversation is there before the handoff, so only the ledger knows whether it was assigned.
      const done =
        open.mode === 'native'
          ? (await store.ledger.get(open.handoffId, 'desk')).sent >= open.n && open.deskConversationId
          : (await store.handoffs.get(open.handoffId))?.deskConversationId;
      if (done) {
        // An earlier try may have ended between the binding and this.
        await replayEarlyEvents(open, done);
        return { deskConversationId: done };
      }
      let accepted = false;
      try {
        const { deskConversationId } = await callDesk(
          { botId: open.botId, desk: open.desk, operation: 'open', trace: open.trace },
          (desk, ctx) =>
            desk.open(ctx, {
              key: deliveryKey(open.handoffId, open.n),
              handoffId: open.handoffId,
              botId: open.botId,
              conversationId: open.conversationId,
              ...(open.deskConversationId === undefined ? {} : { deskConversationId: open.deskConversationId }),
              channel: open.channel,
              mode: open.mode,
              timestamp: open.timestamp,
              user: open.user,
              ...(open.email === undefined ? {} : { email: open.email }),
              history: contextRounds(open.history, open.contextRounds),
              question: open.question,
              ...(open.leftMessage && { leftMessage: open.leftMessage }),
            }),
        );
        accepted = true;
        if (open.mode === 'native') await store.ledger.sent(open.handoffId, 'desk', open.n);
        else await store.handoffs.bindDesk(open.handoffId, deskConversationId, open.desk);
        await replayEarlyEvents(open, deskConversationId);
        return { deskConversationId };
      } catch (error) {
        // The mark tells the workflow that the desk may hold a conversation, so that it is closed there as well.
        if (accepted || (error instanceof DeskError && mayHaveActed(error, deps.desks.get(open.desk))))
          await store.ledger.started(open.handoffId, 'desk', open.n);
        throw toFailure(error, open.leftMessage ? HOPELESS_TO_LEAVE : HOPELESS[open.mode]);
      }
    },

    /** Whether a try to open ended without a clear answer. */
    async deskMayHaveIt(open: { handoffId: string; n: number }): Promise<boolean> {
      return (await store.ledger.get(open.handoffId, 'desk')).started >= open.n;
    },

    /** Tells the desk that the user's side has ended. A desk that has no such conversation open any more is content. */
    async closeConversation(close: CloseConversation): Promise<void> {
      const { lane = 'desk' } = close;
      if ((await store.ledger.get(close.handoffId, lane)).sent >= close.n) return;
      if (close.note) await leaveNote(close);
      if (await isNextOnesNow(close)) return await store.ledger.sent(close.handoffId, 'desk', close.n);
      try {
        const { botId, desk: deskId, trace } = close;
        await callDesk({ botId, desk: deskId, operation: 'close', trace }, (desk, ctx) =>
          desk.close(ctx, {
            key: deliveryKey(close.handoffId, close.n),
            mode: close.mode,
            handoffId: close.handoffId,
            deskConversationId: close.deskConversationId,
            timestamp: close.timestamp,
            reason: close.reason,
          }),
        );
      } catch (error) {
        if (!(error instanceof DeskError && (error.kind === 'not_found' || error.kind === 'conflict'))) {
          throw toFailure(error, ['rejected']);
        }
      }
      await store.ledger.sent(close.handoffId, lane, close.n);
    },
  };
}
