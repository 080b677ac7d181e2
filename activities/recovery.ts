import { heartbeat } from '@temporalio/activity';
import type { ConversationInput, HandoffInput, Recalled } from '../workflows/contracts.ts';
import { isConversationId } from '../workflows/ids.ts';
import type { Deps } from './deps.ts';
import type { Journaled } from './store/types.ts';

/** Runs that are asked at the same moment: each may have to be replayed. */
const ASKED_AT_ONCE = 10;

export interface RecoveredPage {
  looked: number;
  restored: number;
  ahead: string[];
  failed: string[];
  /** Absent: this was the last page. */
  token?: string;
}

type Outcome = 'whole' | 'restored' | 'ahead';

/** Gives a journal back what only Temporal still has. Everything in here may be repeated, also beside the run itself. */
export function createRecovery({ store, runs, log, metrics }: Pick<Deps, 'store' | 'runs' | 'log' | 'metrics'>) {
  /** Says whether the journal has all of it, had lost some and has it again, or knows more than the run. */
  async function recoverRun(id: string): Promise<Outcome> {
    const had = await store.upkeep.journaled(id);
    if (had.erased) return 'whole';
    let lastSeq = 0;
    let restored = 0;
    for await (const recalled of runs.recall(id, had.known && had.whole ? had.lastSeq : 0)) {
      lastSeq = Math.max(lastSeq, recalled.lastSeq);
      if (restored === 0 && recalled.events.length + recalled.late.length > 0) await prepare(id, had);
      restored += recalled.events.length;
      await keep(id, recalled);
    }
    if (had.lastSeq > lastSeq && lastSeq > 0) return 'ahead';
    if (restored === 0 || (had.known && had.whole && lastSeq <= had.lastSeq)) return 'whole';
    metrics.repairs.inc({ kind: 'journal_restored', desk: '' });
    log.warn({ handoffId: id, had: had.lastSeq, lastSeq }, 'a journal that had lost something has it again');
    return 'restored';
  }

  async function prepare(id: string, had: Journaled): Promise<void> {
    if (!had.known) await makeRow(id);
    else if (!had.whole) await store.upkeep.rewind(id);
  }

  async function makeRow(id: string): Promise<void> {
    const begun = await runs.begun(id);
    if (begun === undefined) throw new Error('its first run is gone');
    if (isConversationId(id)) await store.conversations.restore(begun.input as ConversationInput);
    else await makeHandoff(begun.input as HandoffInput, begun.startedAt);
  }

  async function makeHandoff(input: HandoffInput, startedAt: string): Promise<void> {
    const {
      handoffId: id,
      botId,
      conversationId,
      desk,
      channel,
      mode,
      user,
      question,
      history,
      kind,
      opensAtMs,
    } = input;
    const waits = opensAtMs === undefined ? 'opening' : 'scheduled';
    const { created, handoff } = await store.handoffs.open({
      id,
      botId,
      conversationId,
      desk,
      channel,
      mode,
      status: input.emailRequired ? 'awaiting_email' : waits,
      user,
      question,
      history,
      metadata: null,
      startedAt,
      ...(kind === undefined ? {} : { kind }),
      ...(opensAtMs === undefined ? {} : { opensAt: new Date(opensAtMs).toISOString() }),
      ...(input.deskConversationId === undefined ? {} : { deskConversationId: input.deskConversationId }),
    });
    if (!created && handoff.id !== id) throw new Error(`its conversation has an open handoff, ${handoff.id}`);
    await store.handoffs.runStarted(id);
  }

  async function keep(id: string, recalled: Recalled): Promise<void> {
    const { events, late, status, email, deadline, counts, human, desk, deskConversationId, left } = recalled;
    const [event] = events;
    const botId = event?.botId ?? (await store.handoffs.find(id))?.botId;
    if (botId === undefined) return;
    await store.journal.append({ handoffId: id, botId, events, late, status, email, deadline, counts, human });
    if (left !== undefined && desk !== undefined) await store.handoffs.move(id, left, desk);
    if (deskConversationId !== undefined) await store.handoffs.bindDesk(id, deskConversationId, desk);
  }

  return recoverRun;
}

export function createRecoveryActivities(deps: Deps) {
  const recoverRun = createRecovery(deps);

  async function recoverAll(ids: string[]): Promise<RecoveredPage> {
    const done: RecoveredPage = { looked: ids.length, restored: 0, ahead: [], failed: [] };
    const recoverOne = async (id: string): Promise<void> => {
      try {
        const outcome = await recoverRun(id);
        if (outcome === 'restored') done.restored += 1;
        if (outcome === 'ahead') done.ahead.push(id);
      } catch (error) {
        deps.log.error({ handoffId: id, err: error }, 'a journal cannot be compared with its run');
        done.failed.push(id);
      }
    };
    for (let at = 0; at < ids.length; at += ASKED_AT_ONCE) {
      heartbeat(at);
      await Promise.all(ids.slice(at, at + ASKED_AT_ONCE).map(recoverOne));
    }
    return done;
  }

  return {
    /** One page of the runs that run or ended since then. */
    async recoverPage({ since, token }: { since: string; token?: string }): Promise<RecoveredPage> {
      const page = await deps.runs.active(since, token);
      const done = await recoverAll([...new Set(page.ids)]);
      return { ...done, ...(page.token === undefined ? {} : { token: page.token }) };
    },
    recoverAgain: recoverAll,
  };
}
