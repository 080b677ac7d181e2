import type { HandoffEvent, HandoffSignal, Mode, ReturnPacket } from '../workflows/contracts.ts';
import type { Deps } from './deps.ts';
import { tellConversation, tellRun } from './native.ts';
import { createRecovery } from './recovery.ts';
import { handoffSettings } from './settings.ts';
import { lateReplies } from './store/late.ts';
import { withoutTold } from './store/told.ts';
import type { HandoffRow, UnforwardedEvent } from './store/types.ts';

/** A conversation at a desk whose handoff ended without being able to say so. */
export interface ConversationToClose {
  handoffId: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  mode: Mode;
}

/** A webhook's own call forwards it; what is older than this was left behind by a crash or an outage. Seconds. */
const LEFT_BEHIND_SECONDS = 5;

/** An event of an unknown conversation may wait this long for its handoff before it is an alert. Seconds. */
const UNKNOWN_SECONDS = 3_600;

const PAGE = 200;

/** A sweep begins no further page after this time. Milliseconds, well below what the activity may take. */
const SWEEP_MS = 20_000;

/** The `detail` of `handoff.closed` when the run itself could not say it. */
const RUN_GONE = 'run_gone';

/** The run took its memory of what was said with it; the journal has all of it. */
function packetOfRow({ startedAt, activeAt, agent, counts }: HandoffRow, nowMs: number): ReturnPacket {
  const startedMs = Date.parse(startedAt);
  return {
    outcome: 'ended_by_operator',
    reason: 'operator_closed',
    durationSeconds: Math.round((nowMs - startedMs) / 1_000),
    waitSeconds: activeAt === null ? null : Math.round((Date.parse(activeAt) - startedMs) / 1_000),
    agent,
    lastWords: null,
    messages: [],
    omitted: counts.user + counts.agent,
  };
}

/** What a crash, an outage or a terminated run left behind is found and finished here, once a minute. */
export function createMaintenanceActivities(deps: Deps) {
  const { store, runs, log, metrics } = deps;
  const recoverRun = createRecovery(deps);

  /** Gives handoffs what the call that received it could not forward: after an outage that is more than a page. */
  async function replayKnown(): Promise<number> {
    let replayed = 0;
    for (const end = deps.clock.now() + SWEEP_MS; deps.clock.now() < end;) {
      const rows = await store.inbox.unforwarded({ known: true, olderThanSeconds: LEFT_BEHIND_SECONDS, limit: PAGE });
      const { forwarded, settled } = await replayPage(rows);
      replayed += forwarded;
      // What cannot be forwarded now would come again.
      if (rows.length < PAGE || settled < rows.length) break;
    }
    return replayed;
  }

  async function replayPage(rows: UnforwardedEvent[]): Promise<{ forwarded: number; settled: number }> {
    const byHandoff = new Map<string, UnforwardedEvent[]>();
    for (const row of rows) {
      if (row.handoffId) byHandoff.set(row.handoffId, [...(byHandoff.get(row.handoffId) ?? []), row]);
    }
    const done = { forwarded: 0, settled: 0 };
    for (const [handoffId, pending] of byHandoff) {
      const ids = pending.map((row) => row.inboxId);
      try {
        const outcome = await replay(handoffId, pending);
        await store.inbox.forwarded(ids, outcome);
        done.settled += ids.length;
        if (outcome === 'forwarded') done.forwarded += ids.length;
        const kind = outcome === 'forwarded' ? 'replayed' : 'late';
        metrics.repairs.inc({ kind, desk: pending[0]?.desk ?? '' }, ids.length);
      } catch (error) {
        log.warn({ handoffId, err: error }, 'left in the inbox'); // The other handoffs do not wait for it.
      }
    }
    return done;
  }

  /** To the handoff; when it is gone, a native one's conversation goes to its bot, and anything else is late. */
  async function replay(id: string, pending: UnforwardedEvent[]): Promise<'forwarded' | 'late'> {
    const signals = pending.map((row) => row.signal);
    if (await tellRun(deps, id, signals)) return 'forwarded';
    const handoff = await store.handoffs.get(id);
    const conversation = handoff ? await conversationOf(handoff) : await conversationOfEvent(pending[0]);
    if (conversation) {
      const news = (await withoutTold(store, id, pending)).map(({ signal }) => signal);
      if (news.length > 0) await tellConversation(deps, conversation, news);
      return 'forwarded';
    }
    await keepAsLate(id, pending);
    return 'late';
  }

  const conversationOf = async ({ mode, botId, desk, deskConversationId }: HandoffRow) =>
    mode === 'native' && deskConversationId !== null
      ? await store.conversations.open({ botId, desk, deskConversationId })
      : undefined;

  /** Its handoff was discarded, because its run never began: in native mode the bot has had it all the time. */
  const conversationOfEvent = async (event: UnforwardedEvent | undefined) =>
    event && (await store.conversations.find(event.botId, event.desk, event.deskConversationId));

  /** An event that no handoff has claimed for long is nobody's any more: it stays in the inbox, with an alert. */
  async function alarmUnknown(): Promise<number> {
    const rows = await store.inbox.unforwarded({ known: false, olderThanSeconds: UNKNOWN_SECONDS, limit: PAGE });
    const foreign = rows.filter((row) => deps.desks.get(row.desk)?.capabilities.reportsForeign === true);
    const ours = rows.filter((row) => !foreign.includes(row));
    // Of conversations that had never been ours: nothing of them stays.
    if (foreign.length > 0) await store.inbox.drop(foreign.map((row) => row.inboxId));
    if (ours.length === 0) return 0;
    for (const row of ours) metrics.inboxAlerts.inc({ desk: row.desk });
    const inboxIds = ours.map((row) => row.inboxId);
    log.error({ inboxIds }, 'webhook events of conversations that no handoff knows');
    await store.inbox.forwarded(inboxIds, 'unknown');
    return ours.length;
  }

  async function keepAsLate(handoffId: string, pending: { signal: HandoffSignal }[]): Promise<void> {
    const row = await store.handoffs.get(handoffId);
    if (!row) return;
    const at = new Date(deps.clock.now()).toISOString();
    const late = lateReplies(pending, at, row);
    await store.journal.append({ handoffId, botId: row.botId, events: [], late, status: row.status });
  }

  /** A terminated run cannot speak, so its records are closed for it and the bot and the desk are told. */
  async function closeGone(row: HandoffRow): Promise<void> {
    const bot = await store.bots.get(row.botId);
    const closed: HandoffEvent = {
      type: 'handoff.closed',
      seq: row.lastSeq + 1,
      at: new Date(deps.clock.now()).toISOString(),
      botId: row.botId,
      handoffId: row.id,
      conversationId: row.conversationId,
      data: {
        reason: 'operator_closed',
        detail: RUN_GONE,
        text: bot ? handoffSettings(bot.settings, row.user.locale).texts.closed_by_operator : null,
        packet: packetOfRow(row, deps.clock.now()),
      },
    };
    // First, because nobody comes back to a row that is closed; it waits until the journal has the event.
    if (bot?.settings.callback) {
      const { sent } = await store.ledger.get(row.id, 'callback');
      await runs.startCallbackTail({ handoffId: row.id, botId: row.botId, fromSeq: sent + 1, toSeq: closed.seq });
    }
    await store.journal.append({ handoffId: row.id, botId: row.botId, events: [closed], late: [], status: 'closed' });
    metrics.handoffsClosed.inc({ reason: 'operator_closed' });
    metrics.repairs.inc({ kind: 'run_gone', desk: row.desk });
  }

  /** As the run itself would have said it. Again: the conversation knows it. */
  async function giveBack({ id, mode, botId, desk, deskConversationId }: HandoffRow): Promise<void> {
    if (mode !== 'native' || deskConversationId === null) return;
    const conversation = await store.conversations.find(botId, desk, deskConversationId);
    if (conversation) await tellConversation(deps, conversation, [{ kind: 'handoffEnded', id }]);
  }

  /**
   * What the run has said and the journal has not: a terminated run was waiting for PostgreSQL, or PostgreSQL is a backup
   * that is older than the end of the run. Without a worker that can replay it, its records are closed as they are.
   */
  async function recallFirst(handoffId: string): Promise<void> {
    try {
      await recoverRun(handoffId);
    } catch (error) {
      log.warn({ handoffId, err: error }, 'a run that has ended cannot be asked what it has said');
    }
  }

  async function closedHere(row: HandoffRow): Promise<boolean> {
    const [last] = await store.journal.read(row.id, row.lastSeq - 1, 1);
    return last?.data.detail === RUN_GONE;
  }

  return {
    /** Forwards what the inbox still holds, and alarms about what nobody knows. */
    async sweepInbox(): Promise<{ replayed: number; unknown: number }> {
      metrics.maintenanceRuns.inc();
      await store.forgetExpiredMemory();
      return { replayed: await replayKnown(), unknown: await alarmUnknown() };
    },

    /** Closes the records of a handoff whose run is gone. Gives back where its desk has to be told, if anywhere. */
    async closeGoneHandoff(handoff: string): Promise<ConversationToClose | null> {
      // Read again: a run writes its end before it goes, and since the list was made it may have ended well.
      await recallFirst(handoff);
      const row = await store.handoffs.get(handoff);
      if (!row) return null;
      const { id: handoffId, botId, desk, deskConversationId, mode } = row;
      // Nobody was ever told of it: the request that made the row failed before its run began.
      if (!row.runStarted && row.lastSeq === 0 && (await store.handoffs.discard(row.id))) {
        metrics.repairs.inc({ kind: 'never_started', desk });
        return null;
      }
      if (row.status !== 'closed') await closeGone(row);
      // By an earlier try of this activity whose answer was lost: the desk still has to hear of it.
      else if (!(await closedHere(row))) return null;
      await giveBack(row);
      return deskConversationId ? { handoffId, botId, desk, deskConversationId, mode } : null;
    },
  };
}
