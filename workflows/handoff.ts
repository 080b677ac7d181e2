import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { callbackTail } from './callback-tail.ts';
import type { CloseReason, ConversationSignal, HandoffInput, HandoffStatus, HandoffView } from './contracts.ts';
import { HANDOFF_SIGNAL } from './contracts.ts';
import { nextDeadlineMs } from './core.ts';
import type { Happening } from './core.ts';
import { describeForOperators } from './details.ts';
import { callbackTailWorkflowId, SEARCH_ATTRIBUTES } from './ids.ts';
import { deskSteps } from './desk-steps.ts';
import { Lane } from './lane.ts';
import { startLanes } from './lanes.ts';
import type { Lanes } from './lanes.ts';
import { Lull } from './lull.ts';
import { CALLBACK_DRAIN_MS, CARRY_LIMIT_CHARACTERS } from './policies.ts';
import * as act from './proxies.ts';
import { Lookout } from './reconcile.ts';
import { answerRecall } from './recall.ts';
import { HandoffRun } from './run.ts';
import { Watchdog } from './watchdog.ts';
import { withKnownSecondDesk, withdrawalLane } from './withdrawals.ts';

/** The same for handoffs and native conversations. */
export const happened = defineSignal<[ConversationSignal[]]>(HANDOFF_SIGNAL);
export const viewQuery = defineQuery<HandoffView>('view');

const STATUS = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');
const DESK = defineSearchAttributeKey(SEARCH_ATTRIBUTES.desk, 'KEYWORD');
/** Handoffs that began before there were last tries go on without them. */
const LAST_TRIES = 'last-tries';
/** Handoffs that began before a new deadline was always armed take it up when they next look. */
const REARM = 'rearm';

const CLOSE_REASON = defineSearchAttributeKey(SEARCH_ATTRIBUTES.closeReason, 'KEYWORD');

/** One handoff, from the request for a human to its end. */
export async function handoff(input: HandoffInput): Promise<{ reason: CloseReason }> {
  const run = new HandoffRun(withKnownSecondDesk(input), Date.now(), workflowInfo().startTime.getTime());
  const lull = new Lull(input.continueAfterEvents);
  const showOperators = (): void => setCurrentDetails(describeForOperators(run));
  const report = (happening: Happening, by: 'signal' | 'other' = 'other'): void => {
    run.apply(happening, Date.now(), by);
    showOperators();
  };
  setHandler(happened, (signals) => {
    lull.spoken();
    for (const signal of signals) if (isForHandoff(signal)) report(signal, 'signal');
  });
  setHandler(viewQuery, () => run.view());
  answerRecall(input, () => run);
  showOperators();

  // A cancel in the Temporal UI is an operator's close: everybody is told before the run ends as cancelled. (16)
  let cancelled = false;
  CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
    report({ kind: 'close', id: 'operator-cancel', by: 'operator' });
  });
  await CancellationScope.nonCancellable(() => carryOut(run, lull, report, showOperators));
  if (cancelled) throw new CancelledFailure('closed by an operator');
  return { reason: run.state.closeReason ?? 'operator_closed' };
}

const isForHandoff = (signal: ConversationSignal) => signal.kind !== 'botMessage' && signal.kind !== 'handoffEnded';

type Report = (happening: Happening) => void;

/**
 * The user's word ends a deadline, and the agent's next one begins another, when the timer of the first may be over: then
 * nothing would wake us.
 */
function isMissed(run: HandoffRun, watchdog: Watchdog, lookout: Lookout): boolean {
  if (watchdog.fired || (lookout.busy && !run.state.closing)) return false;
  return watchdog.misses(nextDeadlineMs(run.state)) && patched(REARM);
}

async function carryOut(run: HandoffRun, lull: Lull, report: Report, sent: () => void): Promise<void> {
  const leavable = run.input.secondDesk !== undefined;
  const lanes = startLanes(run, { settle: report, steps: deskSteps(run, report), sent, leavable });
  if (run.input.mode === 'native') handBackLane(run);
  const withdrawals = leavable ? withdrawalLane(run) : undefined;
  // What is under way at a desk that is left goes to the next one as well, and must not keep it.
  run.onLeave = () => lanes.desk.leave();
  const watchdog = new Watchdog();
  const lookout = new Lookout(run, report);
  const shown: Shown = { status: run.input.carried ? run.state.status : undefined, desk: run.address.desk };
  let interrupted = false;

  for (;;) {
    showStatus(run, shown);
    if (run.state.closing && !interrupted) {
      interrupted = true;
      hurryDesk(run, lanes);
      lookout.lookAtEnd();
    }
    if (run.hurry) {
      run.hurry = false;
      if (run.nextForDesk()[0]?.kind !== 'open') lanes.desk.interrupt();
    }
    if (run.finished || (mayContinue(run, lull) && lull.isNow())) break;
    lookout.takeAnswered();
    if (!lookout.busy || run.state.closing) watchdog.watch(nextDeadlineMs(run.state), timerName(run));
    await condition(
      () =>
        watchdog.fired ||
        isMissed(run, watchdog, lookout) ||
        lookout.answered ||
        run.finished ||
        run.hurry ||
        isNews(run, shown) ||
        (mayContinue(run, lull) && lull.isNews) ||
        endDecided(run, interrupted),
    );
    if (!watchdog.takeFired()) continue;
    if (run.state.closing && run.state.status !== 'closed' && Date.now() >= run.state.closing.graceEndsMs) {
      await giveUpDesk(lanes, report);
    } else if (!lookout.busy) lookout.timePassed();
  }
  watchdog.stop();
  if (run.finished) await finish(run, lanes);
  else {
    if (withdrawals) await withdrawals.stop();
    await continueRun(run, lanes, shown);
  }
}

/**
 * Native mode: what came when the end was decided goes to the conversation's own workflow, in order, and not before
 * the end is written: the bot would be told while it may not answer yet.
 */
function handBackLane(run: HandoffRun): Lane {
  return new Lane(
    () => run.handBack.length > 0 && run.state.status === 'closed',
    async () => {
      const signals = [...run.handBack];
      const { botId, desk, deskConversationId } = run.address;
      await act.journal.handBack({ botId, desk, deskConversationId, signals });
      run.handBack.splice(0, signals.length);
    },
    false,
  );
}

/** What the search attributes say. */
interface Shown {
  status: HandoffStatus | undefined;
  desk: string;
}

const isNews = ({ state, address }: HandoffRun, shown: Shown): boolean =>
  state.status !== shown.status || address.desk !== shown.desk;

/** Search attributes outlive continue-as-new. */
function showStatus(run: HandoffRun, shown: Shown): void {
  if (!isNews(run, shown)) return;
  const { status, closeReason } = run.state;
  const { desk } = run.address;
  const isOtherDesk = desk !== shown.desk;
  Object.assign(shown, { status, desk });
  upsertSearchAttributes([
    { key: STATUS, value: status },
    ...(isOtherDesk ? [{ key: DESK, value: desk }] : []),
    ...(closeReason ? [{ key: CLOSE_REASON, value: closeReason }] : []),
  ]);
}

const endDecided = (run: HandoffRun, seen: boolean): boolean => run.state.closing !== undefined && !seen;

/**
 * The end is decided: nobody waits any more for an opening, and messages do not sit out a pause between two tries. The
 * try under way may still succeed.
 */
function hurryDesk(run: HandoffRun, lanes: Lanes): void {
  const [first] = run.nextForDesk();
  const waits = first?.kind === 'message' && lanes.desk.busy && patched(LAST_TRIES);
  if (first?.kind === 'open' || waits) lanes.desk.interrupt();
}

/** The grace of a closing handoff is over: what does not get through now has failed. */
async function giveUpDesk(lanes: Lanes, report: Report): Promise<void> {
  const failRest = (): void => report({ kind: 'graceOver' });
  // Tries may have hung, or died with their worker, all the time: then the desk has not been asked in vain.
  if (patched(LAST_TRIES)) return lanes.lastTries(failRest);
  await lanes.quick.pause();
  await lanes.desk.pause();
  failRest();
  lanes.desk.resume();
  lanes.quick.resume();
}

function timerName(run: HandoffRun): string {
  return run.state.closing ? 'last messages' : `${run.state.deadline?.kind ?? 'none'} timeout`;
}

/** Enough history for one run, and little enough waiting to be carried to the next. (11) */
function mayContinue(run: HandoffRun, { isDue }: Lull): boolean {
  const waits = run.state.status === 'scheduled';
  if (!isDue || run.state.closing || (run.desk[0]?.kind === 'open' && !waits)) return false;
  return run.waitingCharacters < CARRY_LIMIT_CHARACTERS;
}

async function continueRun(run: HandoffRun, lanes: Lanes, shown: Shown): Promise<void> {
  for (const lane of [lanes.quick, lanes.journal, lanes.desk, lanes.callback]) await lane.stop();
  await condition(allHandlersFinished);
  // What happened while the lanes stopped: the next run takes the status that it gets for shown.
  showStatus(run, shown);
  await continueAsNew<typeof handoff>({ ...run.input, history: run.history, carried: run.carry() });
}

/** A handoff whose callback lags ends on time; a workflow of its own delivers the rest. (17) */
async function finish(run: HandoffRun, lanes: Lanes): Promise<void> {
  if (run.callbackWaiting > 0) await condition(() => run.callbackWaiting === 0, CALLBACK_DRAIN_MS);
  await lanes.quick.pause();
  await lanes.callback.stop();
  await lanes.desk.stop();
  if (run.callbackWaiting > 0) {
    const { handoffId, botId } = run.input;
    await startChild(callbackTail, {
      workflowId: callbackTailWorkflowId(handoffId),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [{ handoffId, botId, fromSeq: run.callback.nextSeq, toSeq: run.state.lastSeq }],
    });
    run.callback.nextSeq = run.state.lastSeq + 1;
  }
  lanes.quick.resume();
  // Whatever arrives until the very end is still kept, as late.
  await condition(() => run.finished);
  await lanes.quick.stop();
  await lanes.journal.stop();
}
