import { randomBytes } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { inOwnMessenger } from '../activities/desks/messenger.ts';
import { isOpen, nextOpening } from '../activities/hours.ts';
import { tracedNow } from '../activities/platform/trace.ts';
import { handoffSettings, outOfHoursReply, type BotSettings } from '../activities/settings.ts';
import type { BotRecord, HandoffRow, NewHandoff } from '../activities/store/store.ts';
import type { HandoffInput, Offer, RequestKind, Turn, User } from '../workflows/contracts.ts';
import { handoffWorkflowId, SEARCH_ATTRIBUTES, TASK_QUEUE, WORKFLOW } from '../workflows/ids.ts';
import type { ApiContext } from './context.ts';
import { isTemporalUnavailable, notFound, unavailable } from './errors.ts';
import { secondDeskFor, servesChannel } from './messenger.ts';
import { timed } from './temporal-calls.ts';
import { isOffered, offersLater, offersNow } from './offers.ts';

export interface StartRequest {
  botId: string;
  /** In the desk's own messenger the desk's own id of the conversation. */
  conversationId: string;
  channel: string;
  user: User;
  question: string;
  history: Turn[];
  metadata?: Record<string, unknown> | undefined;
  /** `now` by default. */
  kind?: RequestKind | undefined;
}

export type RefusalReason = 'disabled' | 'not_configured' | 'channel_not_supported' | 'out_of_hours' | 'not_offered';

export interface Refusal {
  outcome: 'refused';
  reason: RefusalReason;
  /** Ready to show. */
  reply?: string;
  /** ISO 8601; null: never. */
  nextOpening?: string | null;
  /** What the user may have instead; absent when there is nothing. */
  offers?: Offer[];
}

export type StartOutcome = { outcome: 'started' | 'existing'; handoff: HandoffRow } | Refusal;

/** Web channels have no address of their own: the user is asked for one. */
const CHANNELS_THAT_ASK_FOR_EMAIL = new Set(['iframe', 'widget', 'share']);

const START_DEADLINE_MS = 5_000;

/** The row first, then the run: what crashes between the two is mended by the next request for the conversation. */
export async function startHandoff(context: ApiContext, request: StartRequest): Promise<StartOutcome> {
  const bot = await context.store.bots.get(request.botId);
  if (bot === undefined) throw notFound('bot');
  const open = await openHandoff(context, request);
  if (open !== undefined) return await existing(context, bot, open, request.history);
  const refusal = refuse(context, bot, request, Date.now());
  if (refusal !== undefined) {
    context.metrics.handoffsRefused.inc({ reason: refusal.reason });
    void context.pending.track(noteRefusal(context, request, refusal.reason));
    return refusal;
  }

  const { created, handoff } = await context.store.handoffs.open(newRow(context, bot.settings, request));
  if (!created) return await existing(context, bot, handoff, request.history);
  await context.pending.track(startRun(context, bot, handoff, request.history));
  context.metrics.handoffsStarted.inc({ desk: handoff.desk });
  return { outcome: 'started', handoff };
}

/** For the figures. Nobody waits for it: the answer is the same whether it can be kept or not. */
async function noteRefusal(context: ApiContext, request: StartRequest, reason: RefusalReason): Promise<void> {
  const { botId, channel } = request;
  try {
    await context.store.insight.refused({ botId, channel, reason });
  } catch (error) {
    context.log.warn({ err: error, botId, refusal: reason }, 'a refused request is missing in the figures');
  }
}

/** A conversation's newest handoff is the open one, if any: a new row needs that none is open. */
async function openHandoff(context: ApiContext, { botId, conversationId }: StartRequest) {
  const { handoffs } = await context.store.handoffs.list({ botId, conversationId, limit: 1 });
  const newest = handoffs[0];
  return newest === undefined || newest.status === 'closed' ? undefined : newest;
}

async function existing(
  context: ApiContext,
  bot: BotRecord,
  handoff: HandoffRow,
  history: Turn[],
): Promise<StartOutcome> {
  if (!handoff.runStarted) await context.pending.track(startRun(context, bot, handoff, history));
  return { outcome: 'existing', handoff };
}

function refuse(context: ApiContext, bot: BotRecord, request: StartRequest, nowMs: number): Refusal | undefined {
  const { settings } = bot;
  if (!settings.enabled) return { outcome: 'refused', reason: 'disabled' };
  const desk = settings.desk === null ? undefined : context.desks.get(settings.desk.kind);
  if (desk === undefined || !desk.capabilities.modes.includes(settings.mode)) {
    return { outcome: 'refused', reason: 'not_configured' };
  }
  if (!servesChannel(desk, settings, request.channel)) {
    return { outcome: 'refused', reason: 'channel_not_supported' };
  }
  const { kind = 'now', user } = request;
  const offers = offersNow(desk, settings, user.locale, nowMs);
  const instead = offers.length > 0 ? { offers } : {};
  if (kind !== 'now' && !isOffered(desk, settings, kind)) {
    return { outcome: 'refused', reason: 'not_offered', ...instead };
  }
  const opening = nextOpening(settings.hours, nowMs);
  if (kind === 'message' || (kind === 'next_opening' && opening !== null)) return undefined;
  if (isOpen(settings.hours, nowMs)) return undefined;
  const reply = outOfHoursReply(settings, user.locale);
  return {
    outcome: 'refused',
    reason: 'out_of_hours',
    ...(reply === null ? {} : { reply }),
    nextOpening: opening,
    ...instead,
  };
}

function newRow({ desks }: ApiContext, settings: BotSettings, request: StartRequest): NewHandoff {
  const desk = settings.desk === null ? undefined : desks.get(settings.desk.kind);
  // In its own messenger the desk knows the user: no address is asked for, and none is made up.
  const native = desk !== undefined && inOwnMessenger(desk, settings);
  const asks = !native && CHANNELS_THAT_ASK_FOR_EMAIL.has(request.channel);
  const email = request.user.email ?? (asks || native ? undefined : (settings.defaultEmail ?? undefined));
  // While the hours are open, the next opening is now.
  const opensAt = request.kind === 'next_opening' ? nextOpening(settings.hours, Date.now()) : null;
  const waits = opensAt === null ? ('opening' as const) : ('scheduled' as const);
  return {
    id: `ho_${randomBytes(16).toString('hex')}`,
    botId: request.botId,
    conversationId: request.conversationId,
    desk: settings.desk?.kind ?? '',
    channel: request.channel,
    mode: native ? 'native' : 'external',
    status: asks && email === undefined ? 'awaiting_email' : waits,
    ...(request.kind === 'message' && { kind: 'message' as const }),
    ...(opensAt !== null && { kind: 'next_opening' as const, opensAt }),
    user: { ...request.user, ...(email === undefined ? {} : { email }) },
    question: request.question,
    history: request.history,
    metadata: request.metadata ?? null,
    ...(native ? { deskConversationId: request.conversationId } : {}),
  };
}

/** Idempotent: the handoff's id is the run's id. Throws a 503 `ApiError` when Temporal cannot be reached. */
async function startRun(context: ApiContext, bot: BotRecord, row: HandoffRow, history: Turn[]): Promise<void> {
  const { client, store, metrics } = context;
  const input = inputOf(context, bot, row, history);
  try {
    await timed(metrics, 'start', () =>
      client.withDeadline(Date.now() + START_DEADLINE_MS, () =>
        client.workflow.start(WORKFLOW.handoff, {
          workflowId: handoffWorkflowId(row.id),
          taskQueue: TASK_QUEUE,
          args: [input],
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          typedSearchAttributes: searchAttributes(row),
          staticSummary: `${row.botId} · ${row.desk} · ${row.channel}`,
        }),
      ),
    );
  } catch (error) {
    // A run of this id that has ended already: it was started.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return await store.handoffs.runStarted(row.id);
    throw isTemporalUnavailable(error) ? unavailable('temporal', error) : error;
  }
  await store.handoffs.runStarted(row.id);
}

/** From the row, not from the request: a second request for the conversation may have found the first one's row. */
function inputOf({ desks }: ApiContext, { settings }: BotRecord, row: HandoffRow, history: Turn[]): HandoffInput {
  const desk = desks.get(row.desk);
  const opensAtMs = row.opensAt === null ? undefined : Date.parse(row.opensAt);
  const offers = desk && offersLater(desk, settings, opensAtMs ?? Date.now());
  // Nobody waits for what agents write to a message that the user has left, and that is tried for a day.
  const isMessage = row.kind === 'message';
  const secondDesk = isMessage ? undefined : secondDeskFor(desks, settings, row);
  const reconciles = !isMessage && [row.desk, secondDesk ?? ''].some((id) => desks.get(id)?.recent !== undefined);
  return {
    handoffId: row.id,
    botId: row.botId,
    conversationId: row.conversationId,
    channel: row.channel,
    mode: row.mode,
    desk: row.desk,
    ...(secondDesk === undefined ? {} : { secondDesk }),
    ...(reconciles && { reconciles }),
    ...(row.mode === 'native' ? { deskConversationId: row.conversationId } : {}),
    user: row.user,
    emailRequired: row.status === 'awaiting_email',
    question: row.question,
    history,
    settings: handoffSettings(settings, row.user.locale),
    ...(row.kind !== 'now' && { kind: row.kind }),
    ...(opensAtMs !== undefined && { opensAtMs }),
    ...(row.kind === 'message' && row.user.email === settings.defaultEmail && { emailIsDefault: true }),
    ...(offers && { offers }),
    ...tracedNow(),
  };
}

function searchAttributes(row: HandoffRow): SearchAttributePair[] {
  const keyword = (name: string, value: string) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value });
  return [
    keyword(SEARCH_ATTRIBUTES.bot, row.botId),
    keyword(SEARCH_ATTRIBUTES.desk, row.desk),
    keyword(SEARCH_ATTRIBUTES.status, row.status),
  ];
}
