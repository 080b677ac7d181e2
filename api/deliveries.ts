import { WorkflowNotFoundError } from '@temporalio/client';
import type { HandoffRow, Store } from '../activities/store/store.ts';
import type { Attachment, HandoffEvent, HandoffView } from '../workflows/contracts.ts';
import { handoffWorkflowId } from '../workflows/ids.ts';
import { closed, newId, send, visibleRow } from './acts.ts';
import type { Principal } from './auth.ts';
import type { ApiContext } from './context.ts';
import { ApiError, notFound } from './errors.ts';
import { eventsOf } from './journal.ts';
import type { Deliveries, Delivery } from './schemas/deliveries.ts';

/** The newest messages of a handoff that are told. */
const MOST_MESSAGES = 1_000;
/** How long a run may take to say what it knows: a little where the ledger says nearly the same. Milliseconds. */
const GLANCE_MS = 1_000;
const VIEW_MS = 3_000;

/** A message as the journal has it. */
interface Note extends Pick<Delivery, 'messageId' | 'from' | 'at' | 'text' | 'attachments' | 'reason' | 'failedAt'> {
  /** When it was last handed to the desk's outbox, and the number of that delivery; 0: it needs none. */
  seq: number;
  n: number;
  failed: boolean;
}

/** Where the messages of a handoff are, as its journal, its ledger and, while it is open, its run know it. */
export async function deliveriesOf(context: ApiContext, row: HandoffRow): Promise<Deliveries> {
  const { store } = context;
  const [notes, desk, callback, view] = await Promise.all([
    notesOf(store, row),
    store.ledger.get(row.id, 'desk'),
    store.ledger.get(row.id, 'callback'),
    // Without it the ledger alone decides; a mark that could not be written is missing there.
    row.status === 'closed' ? undefined : viewOf(context, row.id, GLANCE_MS).catch(() => undefined),
  ]);
  const undelivered = view && new Set(view.undelivered.map(({ n }) => n));
  const arrived = ({ n }: Note): boolean =>
    n === 0 || row.status === 'closed' || (undelivered ? !undelivered.has(n) : n <= desk.sent);
  if (notes.goneAt !== undefined) notes.failBehind(desk.sent, notes.goneAt);
  const stateOf = (note: Note): Delivery['state'] => {
    if (note.from === 'agent') return 'delivered';
    if (note.failed) return 'failed';
    if (arrived(note)) return note.seq < notes.readSeq ? 'read' : 'sent';
    return note.n <= desk.started ? 'unclear' : 'waiting';
  };
  return {
    messages: [...notes.messages.values()].map((note) => {
      const { seq: _seq, n: _n, failed: _failed, ...message } = note;
      return { ...message, state: stateOf(note) };
    }),
    omitted: notes.omitted,
    duplicatesDropped: (view ?? row).counts.duplicates,
    late: row.counts.late,
    callback: { sentSeq: callback.sent, lastSeq: row.lastSeq },
  };
}

async function notesOf(store: Store, row: HandoffRow): Promise<Notes> {
  const notes = new Notes(row.mode === 'native');
  // No further than the row: what the run was asked for may be older than what has come since.
  for await (const event of eventsOf(store, row)) notes.add(event);
  return notes;
}

class Notes {
  /** By who wrote it and its id, oldest first. */
  readonly messages = new Map<string, Note>();
  omitted = 0;
  readSeq = 0;
  /** When the records of a run that was terminated were closed: nobody has told of what it left. */
  goneAt: string | undefined;
  readonly #native: boolean;
  /** The run numbers deliveries in the order of these events; 1 is the opening. */
  #n = 1;

  constructor(native: boolean) {
    this.#native = native;
  }

  add({ type, seq, at, data }: HandoffEvent): void {
    const said = data as { messageId: string; text: string; attachments?: Attachment[]; reason?: string };
    const { messageId, text, attachments, reason } = said;
    const known = this.messages.get(`user:${messageId}`);
    if (type === 'message.user' || type === 'message.agent') {
      const from = type === 'message.user' ? 'user' : 'agent';
      const n = from === 'agent' || this.#native ? 0 : (this.#n += 1);
      this.#keep({ messageId, from, at, text, ...(attachments && { attachments }), seq, n, failed: false });
    } else if (type === 'message.failed' && known) {
      // What the desk did not take of a message that arrived is no failure of the message.
      known.failed = reason !== 'attachment_not_supported';
      known.failedAt = at;
      if (reason !== undefined) known.reason = reason;
    } else if (type === 'message.retried') {
      this.#n += 1;
      if (known) Object.assign(known, { seq, n: this.#n, failed: false });
      delete known?.reason;
      delete known?.failedAt;
    } else if (type === 'handoff.desk_changed') this.#moved(Number(data['messages']));
    else if (type === 'message.read') this.readSeq = seq;
    else if (type === 'handoff.closed' && data['detail'] === 'run_gone') this.goneAt = at;
  }

  /**
   * Behind the word to the desk that was left and the opening at the next one, the newest messages get numbers anew: what
   * has not failed, in the order of their deliveries.
   */
  #moved(messages: number): void {
    this.#n += 2;
    const went = [...this.messages.values()].filter(({ n, failed }) => n > 0 && !failed);
    const newest = went.toSorted((a, b) => a.n - b.n).slice(Math.max(0, went.length - messages));
    // Of the oldest this list may know no more.
    this.#n += messages - newest.length;
    for (const note of newest) note.n = this.#n += 1;
  }

  /** What was to be delivered behind delivery `n` has not arrived. */
  failBehind(n: number, failedAt: string): void {
    for (const note of this.messages.values()) {
      if (note.n > n && !note.failed) Object.assign(note, { failed: true, reason: 'handoff_closed', failedAt });
    }
  }

  #keep(note: Note): void {
    const key = `${note.from}:${note.messageId}`;
    this.messages.delete(key);
    this.messages.set(key, note);
    if (this.messages.size <= MOST_MESSAGES) return;
    this.omitted += 1;
    for (const oldest of this.messages.keys()) {
      this.messages.delete(oldest);
      break;
    }
  }
}

/** What an open run knows of itself. Throws when Temporal, or every worker, is away. */
function viewOf({ client, pending }: ApiContext, handoffId: string, ms: number): Promise<HandoffView> {
  const handle = client.workflow.getHandle(handoffWorkflowId(handoffId));
  return pending.track(client.withDeadline(Date.now() + ms, () => handle.query<HandoffView>('view')));
}

/**
 * An operator has a message of the user tried again, or gives it up. Throws `ApiError`: 404, 409 `handoff_closed`,
 * `not_failed`, `not_waiting`, 503.
 */
export async function actOnMessage(
  context: ApiContext,
  by: Principal,
  handoffId: string,
  messageId: string,
  kind: 'retryMessage' | 'giveUpMessage',
): Promise<void> {
  const row = await visibleRow(context, by, handoffId);
  if (row.status === 'closed') throw closed();
  const view = await viewOf(context, handoffId, VIEW_MS).catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return undefined; // To signal it says why.
    throw error;
  });
  if (view?.closing) throw closed();
  if (view && !isPossible(view, messageId, kind)) {
    const { messages } = await notesOf(context.store, row);
    if (!messages.has(`user:${messageId}`)) throw notFound('message');
    throw kind === 'retryMessage'
      ? new ApiError(409, 'not_failed', 'The message has not failed, or too long ago.')
      : new ApiError(409, 'not_waiting', 'The message does not wait for the desk.');
  }
  await send(context, handoffId, { kind, id: newId('operator'), messageId });
}

function isPossible(view: HandoffView, messageId: string, kind: 'retryMessage' | 'giveUpMessage'): boolean {
  const waits = view.undelivered.some((message) => message.messageId === messageId);
  return waits || (kind === 'retryMessage' && view.retriable.includes(messageId));
}
