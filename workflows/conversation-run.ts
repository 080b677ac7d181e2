/** What one run of a native conversation holds: the reducer's state and the outboxes beside it. */
import type { JournalBatch } from '../activities/index.ts';
import type {
  CarriedConversation,
  ConversationEvent,
  ConversationInput,
  ConversationState,
  RecalledState,
} from './contracts.ts';
import { beginConversation, reduceConversation } from './conversation-core.ts';
import type { ConversationHappening, ConversationProgress } from './conversation-core.ts';
import { newest, Outboxes } from './outboxes.ts';
import type { Address } from './outboxes.ts';

export class ConversationRun extends Outboxes<ConversationEvent> {
  readonly input: ConversationInput;
  state: ConversationState;

  constructor(input: ConversationInput, progress: ConversationProgress, nowMs: number) {
    const { carried } = input;
    super(input.settings.callback, carried?.callback ?? { nextSeq: progress.lastSeq + 1, recent: [] });
    this.input = input;
    this.state = carried?.state ?? beginConversation(input, progress, nowMs);
    this.journal.push(...(carried?.journal ?? []));
    this.desk = carried?.desk ?? [];
  }

  apply(happening: ConversationHappening, nowMs: number, by: 'signal' | 'other' = 'signal'): void {
    const step = reduceConversation(this.input, this.state, happening, nowMs);
    this.state = step.state;
    this.take(step, by);
  }

  get address(): Address {
    const { id, botId, desk, deskConversationId } = this.input;
    return { handoffId: id, botId, desk, deskConversationId, from: 'bot' };
  }

  get lastSeq(): number {
    return this.state.lastSeq;
  }

  protected get pending(): { n: number }[] {
    return this.state.pending;
  }

  protected get deskHeld(): boolean {
    return false;
  }

  protected journalState(): Partial<JournalBatch> {
    return { human: this.state.human };
  }

  recalledState(): RecalledState {
    return { lastSeq: this.state.lastSeq, human: this.state.human };
  }

  /**
   * Callbacks too: the next session goes on counting, and what it delivers first would make the ledger call the rest of
   * this one delivered.
   */
  get finished(): boolean {
    return (
      this.state.status === 'ended' && this.state.pending.length === 0 && this.emptied && this.callbackWaiting === 0
    );
  }

  carry(): CarriedConversation {
    const { journal, desk, state } = this;
    return { state: { ...state, seen: newest(state.seen) }, journal, desk, callback: this.carriedCallback() };
  }

  /** Characters of what waits and cannot be read anywhere else: continue-as-new would carry all of it. */
  get waitingCharacters(): number {
    const { journal, desk, state } = this;
    return JSON.stringify({ pending: state.pending, journal, desk }).length;
  }
}
