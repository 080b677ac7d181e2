import type { HandoffEvent } from '../../workflows/contracts.ts';

/** Numbered messages of one direction: what was accepted here must arrive there, once and in order. */
export interface Way {
  accepted: number;
  arrived: number;
  /** When the newest ones were due, by number; `performance.now()`. */
  due: Map<number, number>;
  /** Idempotency keys of the newest arrivals, by number. */
  keys: Map<number, string>;
}

export interface Account {
  toDesk: Way;
  toBot: Way;
  /** `seq` of the newest event at the callback and on the stream of the bot. */
  callbackSeq: number;
  streamSeq: number;
  connected: boolean;
  closedFor: string | undefined;
  deskClosed: boolean;
}

type Direction = 'toDesk' | 'toBot';
/** Messages that came when the end was decided, by direction. */
export type Late = Record<Direction, number>;

const KEPT_KEYS = 50;
const KEPT_PROBLEMS = 50;

/**
 * Holds what was sent against what arrived while it happens, so that half an hour of messages needs no memory. Texts are
 * `<anything> <n>`, with n from 1 in each direction of a handoff.
 */
export class Ledger {
  /** The first ones, one sentence each. */
  readonly problems: string[] = [];
  readonly figures = {
    handoffs: 0,
    lost: 0,
    doubled: 0,
    outOfOrder: 0,
    other: 0,
    toDesk: 0,
    toBot: 0,
    failed: 0,
    late: 0,
  };
  /** Allowed: the same call again, with the key that it had. */
  readonly repeats = { desk: 0, callback: 0, client: 0 };
  /** Milliseconds from the moment that a message was due until it arrived, since the last `takeLatencies`. */
  #latencies: Record<Direction, number[]> = { toDesk: [], toBot: [] };
  readonly #accounts = new Map<string, Account>();

  account(id: string): Account {
    let account = this.#accounts.get(id);
    if (!account) this.#accounts.set(id, (account = newAccount()));
    return account;
  }

  problem(kind: 'lost' | 'doubled' | 'outOfOrder' | 'other', sentence: string): void {
    this.figures[kind] += 1;
    if (this.problems.length < KEPT_PROBLEMS) this.problems.push(sentence);
  }

  /** A message came to the desk, by its call's key. */
  atDesk(id: string, text: string, key: string): void {
    this.#arrived(id, 'toDesk', numberOf(text), key);
  }

  deskClosed(id: string): void {
    this.account(id).deskClosed = true;
  }

  atCallback(event: HandoffEvent): void {
    const account = this.account(event.handoffId);
    if (event.seq <= account.callbackSeq) {
      this.repeats.callback += 1;
      return;
    }
    if (event.seq !== account.callbackSeq + 1) {
      this.problem('outOfOrder', `${event.handoffId}: callback has ${event.seq} after ${account.callbackSeq}`);
    }
    account.callbackSeq = event.seq;
    if (account.closedFor !== undefined) this.problem('outOfOrder', `${event.handoffId}: ${event.type} after the end`);
    if (event.type === 'handoff.connecting') account.connected = true;
    if (event.type === 'handoff.closed') account.closedFor = String(event.data['reason']);
    if (event.type === 'message.failed') {
      this.figures.failed += 1;
      this.problem('lost', `${event.handoffId}: a message has failed: ${JSON.stringify(event.data)}`);
    }
    if (event.type === 'message.agent') {
      this.#arrived(event.handoffId, 'toBot', numberOf(String(event.data['text'])), `seq:${event.seq}`);
    }
  }

  onStream(event: HandoffEvent): void {
    const account = this.account(event.handoffId);
    if (event.seq !== account.streamSeq + 1) {
      const kind = event.seq <= account.streamSeq ? 'doubled' : 'outOfOrder';
      this.problem(kind, `${event.handoffId}: stream has ${event.seq} after ${account.streamSeq}`);
    }
    account.streamSeq = event.seq;
  }

  /** Its end has been told everywhere; nothing comes behind that. */
  isTold(id: string): boolean {
    const { closedFor, callbackSeq, streamSeq } = this.account(id);
    return closedFor !== undefined && streamSeq >= callbackSeq;
  }

  /** Everything that was accepted has arrived or is kept as late. */
  hasAll(id: string, late: Late): boolean {
    const { toDesk, toBot } = this.account(id);
    return toDesk.arrived + late.toDesk >= toDesk.accepted && toBot.arrived + late.toBot >= toBot.accepted;
  }

  /** Says what is missing of a handoff that has ended; with the events of its journal and what came too late for it. */
  conclude(id: string, reasons: string[], journal: HandoffEvent[], late: Late): void {
    const account = this.account(id);
    for (const direction of ['toDesk', 'toBot'] as const) {
      const accepted = account[direction].accepted - late[direction];
      const { arrived } = account[direction];
      this.figures.late += late[direction];
      if (arrived < accepted) this.problem('lost', `${id}: ${direction} has ${arrived} of ${accepted} messages`);
      if (arrived > accepted) this.problem('other', `${id}: ${direction} has ${arrived}, ${accepted} were accepted`);
    }
    if (account.closedFor === undefined) this.problem('lost', `${id}: no handoff.closed at the callback`);
    else if (!reasons.includes(account.closedFor)) this.problem('other', `${id}: closed for ${account.closedFor}`);
    if (account.streamSeq < account.callbackSeq) this.problem('lost', `${id}: the stream ends at ${account.streamSeq}`);
    const texts = (type: HandoffEvent['type']): number => journal.filter((event) => event.type === type).length;
    const [said, replied] = [texts('message.user'), texts('message.agent')];
    if (said + late.toDesk !== account.toDesk.accepted || replied + late.toBot !== account.toBot.accepted)
      this.problem('other', `${id}: the journal has ${said} and ${replied} messages`);
    if (journal.length !== account.callbackSeq || journal.some((event, index) => event.seq !== index + 1))
      this.problem('other', `${id}: the journal has ${journal.length} events, the callback ${account.callbackSeq}`);
    this.figures.handoffs += 1;
  }

  /** What comes for it from now on is a problem by itself: it would begin a new account with a wrong number. */
  forget(id: string): void {
    this.#accounts.delete(id);
  }

  get delivered(): number {
    return this.figures.toDesk + this.figures.toBot;
  }

  takeLatencies(): Record<Direction, number[]> {
    const taken = this.#latencies;
    this.#latencies = { toDesk: [], toBot: [] };
    return taken;
  }

  #arrived(id: string, direction: Direction, n: number, key: string): void {
    const account = this.account(id);
    const way = account[direction];
    if (n <= way.arrived) {
      if (way.keys.get(n) === key) this.repeats.desk += 1;
      else this.problem('doubled', `${id}: ${direction} has ${n} twice`);
      return;
    }
    if (n !== way.arrived + 1) this.problem('outOfOrder', `${id}: ${direction} has ${n} after ${way.arrived}`);
    way.arrived = n;
    way.keys.set(n, key).delete(n - KEPT_KEYS);
    const due = way.due.get(n);
    if (due !== undefined) this.#latencies[direction].push(performance.now() - due);
    way.due.delete(n);
    this.figures[direction] += 1;
  }
}

function newAccount(): Account {
  const way = (): Way => ({ accepted: 0, arrived: 0, due: new Map(), keys: new Map() });
  return {
    toDesk: way(),
    toBot: way(),
    callbackSeq: 0,
    streamSeq: 0,
    connected: false,
    closedFor: undefined,
    deskClosed: false,
  };
}

const numberOf = (text: string): number => Number(/(\d+)$/.exec(text)?.[1]);
