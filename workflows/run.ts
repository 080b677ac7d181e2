/** What one run of a handoff holds: the reducer's state and the outboxes beside it. */
import type { JournalBatch } from '../activities/index.ts';
import { begin, reduce } from './core.ts';
import type { Happening } from './core.ts';
import type {
  CarriedState,
  ConversationSignal,
  HandoffEvent,
  HandoffInput,
  HandoffState,
  HandoffView,
  RecalledState,
  ShownDeadline,
  Turn,
  Withdrawal,
} from './contracts.ts';
import type { Step } from './draft.ts';
import { newest, Outboxes } from './outboxes.ts';
import type { Address } from './outboxes.ts';
import { mayLook } from './reconcile.ts';
import { deskOf, mayMove } from './second-desk.ts';

export class HandoffRun extends Outboxes<HandoffEvent> {
  readonly input: HandoffInput;
  state: HandoffState;
  /** Native mode: for the conversation's own workflow. */
  readonly handBack: ConversationSignal[] = [];
  /** What a desk that the request has left has to be told. */
  readonly withdrawals: Withdrawal[] = [];
  /** The handoff leaves a desk that may hold up a message. */
  onLeave: (() => void) | undefined;
  /** The desk's messages are to be tried at once, whatever pause they sit in. */
  hurry = false;

  /** `startedMs`: when it was asked for, which is earlier when no worker was there. */
  constructor(input: HandoffInput, nowMs: number, startedMs = nowMs) {
    super(input.settings.callback, input.carried?.callback ?? { nextSeq: 1, recent: [] });
    this.input = input;
    if (input.carried) {
      const { state, journal, late, desk, handBack, withdrawals } = input.carried;
      this.state = state;
      this.journal.push(...journal);
      this.late.push(...late);
      this.desk = desk;
      this.handBack.push(...(handBack ?? []));
      this.withdrawals.push(...(withdrawals ?? []));
    } else {
      const first = begin(input, nowMs, startedMs);
      this.state = first.state;
      this.takeStep(first, 'signal');
    }
  }

  apply(happening: Happening, nowMs: number, by: 'signal' | 'other' = 'signal'): void {
    const step = reduce(this.input, this.state, happening, nowMs, this.desk, mayLook);
    const isLeft = this.state.left === undefined && step.state.left?.why === 'wait_timeout';
    this.state = step.state;
    this.takeStep(step, by);
    if (isLeft) this.onLeave?.();
  }

  private takeStep(step: Step, by: 'signal' | 'other'): void {
    this.take(step, by);
    // The end first: what was said meanwhile is for a bot that has the conversation back.
    for (const signal of step.handBack) {
      if (signal.kind === 'handoffEnded') this.handBack.unshift(signal);
      else this.handBack.push(signal);
    }
    this.withdrawals.push(...step.withdrawals);
    this.hurry ||= step.hurry;
  }

  get address(): Address {
    const { handoffId, botId } = this.input;
    const desk = deskOf(this.input, this.state);
    return { handoffId, botId, desk, deskConversationId: this.state.deskConversationId ?? handoffId, from: 'user' };
  }

  get lastSeq(): number {
    return this.state.lastSeq;
  }

  override get askedMs(): number {
    return this.state.askedMs ?? 0;
  }

  protected get pending(): { n: number }[] {
    return this.state.pending;
  }

  protected get deskHeld(): boolean {
    return this.state.status === 'awaiting_email' || this.state.status === 'scheduled';
  }

  protected journalState(): Partial<JournalBatch> {
    const { status, email, counts } = this.state;
    return { status, deadline: this.deadline, counts, ...(email === undefined ? {} : { email }) };
  }

  private get deadline(): ShownDeadline | null {
    const { deadline } = this.state;
    return deadline ? { kind: deadline.kind, at: new Date(deadline.atMs).toISOString() } : null;
  }

  recalledState(): RecalledState {
    const { deskConversationId, lastSeq, left } = this.state;
    const { status, deadline, counts, email } = this.journalState();
    return {
      lastSeq,
      desk: this.address.desk,
      ...(left && { left }),
      ...(status && { status }),
      ...(counts && { counts }),
      ...(email !== undefined && { email }),
      deadline: deadline ?? null,
      ...(deskConversationId !== undefined && { deskConversationId }),
    };
  }

  get finished(): boolean {
    const { handBack, withdrawals } = this;
    return this.state.status === 'closed' && this.emptied && handBack.length + withdrawals.length === 0;
  }

  /** The talk before: needed until a desk is opened, and as long as a second one may have to be. */
  get history(): Turn[] {
    const isNeeded = mayMove(this.input, this.state) || this.desk.some(({ kind }) => kind === 'open');
    return isNeeded ? this.input.history : [];
  }

  carry(): CarriedState {
    const { journal, late, desk, state, handBack, withdrawals } = this;
    return {
      state: { ...state, seen: newest(state.seen), failed: newest(state.failed ?? []) },
      journal,
      late,
      desk,
      callback: this.carriedCallback(),
      ...(handBack.length > 0 ? { handBack } : {}),
      ...(withdrawals.length > 0 ? { withdrawals } : {}),
    };
  }

  /** Characters of what waits and cannot be read anywhere else: continue-as-new would carry all of it. */
  get waitingCharacters(): number {
    const { journal, late, desk, state, history } = this;
    const waiting = { pending: state.pending, journal, late, desk, ...(history.length > 0 ? { history } : {}) };
    return JSON.stringify(waiting).length;
  }

  view(): HandoffView {
    const { status, closeReason, lastSeq, counts, pending, failed = [] } = this.state;
    return {
      status,
      lastSeq,
      deadline: this.deadline,
      counts,
      ...(closeReason ? { closeReason } : {}),
      closing: this.state.closing !== undefined,
      undelivered: pending,
      retriable: failed.map(({ messageId }) => messageId),
      waiting: this.waiting,
    };
  }
}
