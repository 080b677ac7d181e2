import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  defineQuery,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ConversationInput, ConversationSignal, ConversationState } from './contracts.ts';
import { ConversationRun } from './conversation-run.ts';
import { describeConversation } from './details.ts';
import { happened } from './handoff.ts';
import { startLanes } from './lanes.ts';
import type { Lanes } from './lanes.ts';
import { Lull } from './lull.ts';
import { CARRY_LIMIT_CHARACTERS } from './policies.ts';
import * as act from './proxies.ts';
import { answerRecall } from './recall.ts';
import { Watchdog } from './watchdog.ts';

export const conversationQuery = defineQuery<ConversationState | null>('conversation');

/**
 * A conversation in the desk's own messenger while its bot has it (native mode): from a first message until nobody has
 * spoken for `idleTimeoutMs`, or a human closed it. While a handoff is open, the handoff has its events.
 */
export async function conversation(input: ConversationInput): Promise<void> {
  const early: ConversationSignal[] = [];
  const held: { run?: ConversationRun } = {};
  const lull = new Lull(input.continueAfterEvents);
  setHandler(happened, (signals) => {
    lull.spoken();
    if (held.run) for (const signal of signals) held.run.apply(signal, Date.now());
    else early.push(...signals);
  });
  setHandler(conversationQuery, () => held.run?.state ?? null);
  answerRecall(input, () => held.run);

  // A cancel in the Temporal UI is an operator's close: what was accepted still reaches the other side. (16)
  let cancelled = false;
  const close = (run: ConversationRun): void => {
    run.apply({ kind: 'close', id: workflowInfo().runId, by: 'operator' }, Date.now(), 'other');
  };
  CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
    if (held.run) close(held.run);
  });
  await CancellationScope.nonCancellable(async () => {
    const progress = input.carried ? NOTHING : await act.journal.conversationProgress(input.id);
    const run = new ConversationRun(input, progress, Date.now());
    held.run = run;
    for (const signal of early) run.apply(signal, Date.now());
    if (cancelled) close(run);
    await carryOut(run, lull);
  });
  if (cancelled) throw new CancelledFailure('closed by an operator');
}

const NOTHING = { lastSeq: 0, lastDeskN: 0 };

async function carryOut(run: ConversationRun, lull: Lull): Promise<void> {
  const show = (): void => setCurrentDetails(describeConversation(run));
  const lanes = startLanes(run, {
    settle: (settled) => run.apply(settled, Date.now(), 'other'),
    steps: () => Promise.resolve(), // The bot only speaks: a handoff opens and closes.
    sent: show,
  });
  const watchdog = new Watchdog();
  for (;;) {
    if (run.finished || (mayContinue(run, lull) && lull.isNow())) break;
    watchdog.watch(run.state.status === 'open' ? run.state.idleAtMs : undefined, 'idle timeout');
    const { status } = run.state;
    await condition(
      () => watchdog.fired || run.finished || (mayContinue(run, lull) && lull.isNews) || run.state.status !== status,
    );
    if (watchdog.takeFired()) run.apply({ kind: 'timePassed' }, Date.now(), 'other');
  }
  watchdog.stop();
  await stop(lanes);
  await condition(allHandlersFinished);
  // Somebody spoke until the very last moment: the next run goes on.
  if (!run.finished) await continueRun(run);
}

async function stop(lanes: Lanes): Promise<void> {
  for (const lane of [lanes.quick, lanes.journal, lanes.desk, lanes.callback]) await lane.stop();
}

const mayContinue = (run: ConversationRun, { isDue }: Lull): boolean =>
  isDue && run.waitingCharacters < CARRY_LIMIT_CHARACTERS;

async function continueRun(run: ConversationRun): Promise<void> {
  await continueAsNew<typeof conversation>({ ...run.input, carried: run.carry() });
}
