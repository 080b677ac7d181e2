import { heartbeat } from '@temporalio/activity';
import type { Agent, HandoffSignal, Mode } from '../workflows/contracts.ts';
import { deskSignalId, isConversationId } from '../workflows/ids.ts';
import type { Deps } from './deps.ts';
import type { CallDesk } from './desk-calls.ts';
import { boundedEvents } from './desks/bounds.ts';
import type { DeskEvent } from './desks/desk.ts';
import { inOwnMessenger } from './desks/messenger.ts';
import { tellRun } from './native.ts';
import type { QuietConversation } from './store/types.ts';
import { withoutHeard } from './words.ts';

/** A conversation that is to be compared with what its desk has. */
export interface Look {
  /** Of a handoff, or of a native conversation. */
  handoffId: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  mode: Mode;
  /** Epoch milliseconds. */
  sinceMs: number;
  /** The end is decided: only what was said is of interest. */
  isEnding: boolean;
}

/** Clocks differ, and some desks cut to seconds. Milliseconds. */
const EARLIER_MS = 5_000;

/** How long a desk may take to answer, milliseconds: the user of a handoff that ends waits for it. */
const ANSWER_MS = 4_000;

/** A sweep begins no further looks after this time, milliseconds, nor after so many. */
const SWEEP = { ms: 20_000, looks: 200 };

/** Looks side by side: fewer than a bot has places, so that its messages go on. */
const LOOKS_AT_ONCE = 8;

const MESSAGES: readonly HandoffSignal['kind'][] = ['agentReply', 'userMessage'];

/** What a found event puts right, as the metric names it. */
const REPAIRS: Partial<Record<HandoffSignal['kind'], string>> = {
  agentReply: 'message',
  userMessage: 'user_message',
  close: 'closed',
  agentJoined: 'agent',
  agentChanged: 'agent',
};

/** Reads conversations at their desks and gives what no webhook has told the ordinary way: inbox, then signal. */
export function createReconcileActivities(deps: Deps, callDesk: CallDesk) {
  const { store, log, metrics } = deps;
  const canLook = (): string[] => deps.desks.all().flatMap(({ id, recent }) => (recent === undefined ? [] : [id]));

  /** How many things were found. Throws when the desk or PostgreSQL does not answer. */
  async function compare(look: Look): Promise<number> {
    const { handoffId, botId, desk, deskConversationId, mode } = look;
    const request = { handoffId, deskConversationId, mode, sinceMs: look.sinceMs - EARLIER_MS };
    const call = { botId, desk, operation: 'recent', timeoutMs: ANSWER_MS, isExtra: true } as const;
    const read = await callDesk(call, async (it, ctx) => (await it.recent?.(ctx, request)) ?? []);
    const events = boundedEvents(read);
    let found = 0;
    for (const event of await news(look, events)) {
      const { fresh } = await store.inbox.receive({
        botId,
        desk,
        dedupeKey: event.dedupeKey,
        deskConversationId,
        handoffId,
        signal: { ...event.signal, id: deskSignalId(desk, event.dedupeKey), recovered: true },
        awaitsWebhook: event.isNamedOtherwise === true && event.signal.kind === 'agentReply',
      });
      if (!fresh) continue;
      found += 1;
      metrics.repairs.inc({ kind: REPAIRS[event.signal.kind] ?? 'state', desk });
    }
    await forward(look, found > 0);
    if (found > 0) log.warn({ handoffId, desk, found }, 'found at the desk what no webhook had told');
    return found;
  }

  /** What may be new: the inbox knows the rest by its key. */
  async function news(look: Look, events: DeskEvent[]): Promise<DeskEvent[]> {
    const { handoffId, botId, desk, mode, isEnding } = look;
    const isHandoff = !isConversationId(handoffId);
    const agent = isHandoff && !isEnding ? ((await store.handoffs.get(handoffId))?.agent ?? null) : null;
    const found: DeskEvent[] = [];
    for (const event of events) {
      const { signal, comesWith } = event;
      // In external mode the desk's user is us.
      if (signal.kind === 'userMessage' && mode === 'external') continue;
      if (event.duringHandoff === true && !isHandoff) continue;
      if (isEnding && !MESSAGES.includes(signal.kind)) continue;
      if ((signal.kind === 'agentChanged' || signal.kind === 'agentJoined') && isSame(agent, signal.agent)) continue;
      if (comesWith !== undefined && (await store.inbox.knows(botId, desk, comesWith))) continue;
      const ofHandoff = event.perHandoff === true ? `.${isHandoff ? handoffId : 'none'}` : '';
      found.push({ ...event, dedupeKey: `${event.dedupeKey}${ofHandoff}` });
    }
    if (!found.some(({ isNamedOtherwise }) => isNamedOtherwise === true)) return found;
    return withoutHeard(found, await store.inbox.heard({ ...look, sinceMs: look.sinceMs - 2 * EARLIER_MS }));
  }

  async function forward({ handoffId, botId, desk, deskConversationId }: Look, hasNews: boolean): Promise<void> {
    const pending = await store.inbox.adopt(handoffId, botId, desk, deskConversationId);
    // Without anything of ours it is what a webhook's own call forwards right now.
    if (!hasNews && !pending.some(({ signal }) => signal.recovered === true)) return;
    const signals = pending.map(({ signal }) => ({ ...signal, atMs: deps.clock.now() }));
    // A handoff that has ended leaves it in the inbox, where maintenance finds it and keeps it as late.
    if (!(await tellRun(deps, handoffId, signals))) return;
    const inboxIds = pending.map(({ inboxId }) => inboxId);
    await store.inbox.forwarded(inboxIds, 'forwarded');
  }

  /** A conversation in a messenger that the bot has left is nobody's. */
  async function isStillTheBots({ kind, botId, desk: id }: QuietConversation): Promise<boolean> {
    if (kind !== 'conversation') return true;
    const settings = (await store.bots.get(botId))?.settings;
    const desk = deps.desks.get(id);
    return desk !== undefined && settings?.desk?.kind === id && inOwnMessenger(desk, settings);
  }

  async function lookAt(quiet: QuietConversation): Promise<number> {
    const { id: handoffId, kind, botId, desk, deskConversationId, mode, sinceMs } = quiet;
    if (!(await isStillTheBots(quiet))) return 0;
    const isEnding = kind === 'ended';
    return await compare({ handoffId, botId, desk, deskConversationId, mode, sinceMs, isEnding });
  }

  return {
    /** What the desk has of a handoff that ends, or would by a silence. Gives back how many things were found. */
    async reconcile(look: Look): Promise<number> {
      if (deps.desks.get(look.desk)?.recent === undefined) return 0;
      const found = await compare(look);
      if (look.isEnding) await store.quiet.looked(look.handoffId);
      return found;
    },

    /** Looks at conversations that have been quiet for long, some of each kind. A desk that fails is left until later. */
    async lookAtQuiet(): Promise<{ looked: number; found: number }> {
      const quietMs = deps.reconcileAfterMs ?? 0;
      const total = { looked: 0, found: 0 };
      if (quietMs === 0) return total;
      const search = { desks: canLook(), quietMs, limit: LOOKS_AT_ONCE };
      const failing = new Set<string>();
      const endMs = deps.clock.now() + SWEEP.ms;
      // What has ended is looked at in its minutes or never. The rest is for both, whatever one of them has.
      for (const [take, part] of [
        [store.quiet.ended, 1],
        [store.quiet.handoffs, 1 / 2],
        [store.quiet.conversations, 1],
      ] as const) {
        const most = total.looked + (SWEEP.looks - total.looked) * part;
        const untilMs = deps.clock.now() + (endMs - deps.clock.now()) * part;
        while (total.looked < most && deps.clock.now() < untilMs) {
          const page = await take(search);
          heartbeat(total.looked);
          await Promise.all(
            page.map(async (quiet) => {
              const desk = `${quiet.botId} ${quiet.desk}`;
              if (failing.has(desk)) return;
              try {
                total.found += await lookAt(quiet);
              } catch (error) {
                failing.add(desk);
                log.info({ handoffId: quiet.id, err: error }, 'could not look at the desk');
              }
            }),
          );
          total.looked += page.length;
          if (page.length < LOOKS_AT_ONCE) break;
        }
      }
      return total;
    },
  };
}

const isSame = (known: Agent | null, agent: Agent): boolean =>
  known !== null && (known.id ?? known.name) === (agent.id ?? agent.name);
