/** Looks what the desk has, where its webhooks may not have told everything: before a silence counts, and at the end. */
import { patched } from '@temporalio/workflow';
import type { DeadlineKind } from './contracts.ts';
import type { Happening } from './core.ts';
import * as act from './proxies.ts';
import type { HandoffRun } from './run.ts';

/** Handoffs that have passed this point under older code go on without a look. */
const RECONCILE = 'reconcile';

export const mayLook = (): boolean => patched(RECONCILE);

/** What ends when somebody at the desk, or the user in its messenger, is silent. */
const SILENCES: readonly DeadlineKind[] = ['wait', 'choice', 'inactivity', 'agentSilence'];

type Report = (happening: Happening) => void;

/** One look is under way at the most, and another one when the end is decided meanwhile. */
export class Lookout {
  readonly #run: HandoffRun;
  readonly #report: Report;
  #busy = false;
  #answered = false;

  constructor(run: HandoffRun, report: Report) {
    this.#run = run;
    this.#report = report;
  }

  /** A silence is over as far as we know, and the desk is being asked: no timer is needed. */
  get busy(): boolean {
    return this.#busy;
  }

  get answered(): boolean {
    return this.#answered;
  }

  takeAnswered(): void {
    this.#answered = false;
  }

  /** The time of a deadline has come. A word that no webhook has told moves it: then it is not over. */
  timePassed(): void {
    if (!this.#isSilence() || !mayLook()) return this.#report({ kind: 'timePassed' });
    this.#busy = true;
    void this.#look(false).then((hasLooked) => {
      this.#report({ kind: 'timePassed', hasLooked });
      this.#busy = false;
      this.#answered = true;
    });
  }

  /** The end is decided: what is found comes as signals, before the answer. */
  lookAtEnd(): void {
    if (this.#run.state.closing?.looking !== true) return;
    void this.#look(true).then(() => this.#report({ kind: 'looked' }));
  }

  #isSilence(): boolean {
    const { input, state } = this.#run;
    if (input.reconciles !== true || state.deskConversationId === undefined || !state.deadline) return false;
    return SILENCES.includes(state.deadline.kind) && Date.now() >= state.deadline.atMs;
  }

  /** False: nobody could be asked. */
  async #look(isEnding: boolean): Promise<boolean> {
    const { input, state, address } = this.#run;
    // Also what was said before the desk had accepted it, or a worker begun with it: in a messenger the two may talk then.
    const sinceMs = state.memory?.startedMs ?? 0;
    const { handoffId, botId, desk, deskConversationId } = address;
    const look = { handoffId, botId, desk, deskConversationId, mode: input.mode, sinceMs, isEnding };
    return await act.look.reconcile(look).then(
      () => true,
      () => false,
    );
  }
}
