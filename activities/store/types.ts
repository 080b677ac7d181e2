import type {
  BotEvent,
  HandoffCounts,
  HandoffEvent,
  HandoffStatus,
  LateMessage,
  ShownDeadline,
} from '../../workflows/contracts.ts';
import type { DeskMemory } from '../desks/desk.ts';
import type { BotSettings } from '../settings.ts';
import type { DatabaseGauges } from './gauges.ts';
import type { Handoffs } from './handoff-types.ts';
import type { Inbox } from './inbox-types.ts';
import type { Insight } from './insight-types.ts';
import type { RotatedTable, RotateOptions } from './rotation.ts';
import type { UserMarks } from './marks.ts';
import type { Upkeep } from './upkeep-types.ts';
import type { Quiet } from './quiet-types.ts';

export type * from './handoff-types.ts';
export type * from './inbox-types.ts';
export type * from './insight-types.ts';
export type { RotatedTable } from './rotation.ts';
export type * from './upkeep-types.ts';
export type * from './quiet-types.ts';

/** Everything Baton keeps in PostgreSQL. Times are ISO 8601 UTC; a lost database throws what `isUnavailable` knows. */
export interface Store {
  bots: Bots;
  keys: Keys;
  handoffs: Handoffs;
  journal: Journal;
  wakeups: Wakeups;
  ledger: Ledger;
  inbox: Inbox;
  callbacks: Callbacks;
  conversations: Conversations;
  insight: Insight;
  /** What one user's handoffs are found by in `handoffs.user_marks`. */
  userMarks: UserMarks;
  upkeep: Upkeep;
  quiet: Quiet;
  /**
   * What this bot's desk keeps between calls: sealed, gone with the bot, not with a change of the desk's config. Of
   * several `update`s that nest, no two may take the same keys in another order, and none its own key again. Apart for every address (`baseUrl` of `config`): a token of the
   * vendor must not be sent to whoever is named there later.
   */
  memory(botId: string, desk: string, config?: unknown): DeskMemory;
  /** Deletes what has expired and what belongs to no bot; says how many values. For maintenance. */
  forgetExpiredMemory(): Promise<number>;
  /** What is open and what waits in the whole installation, for `/metrics`. */
  gauges(): Promise<DatabaseGauges>;
  /** Of this process's pool; `waiting`: queries that have to wait for a connection. */
  connections(): { total: number; idle: number; waiting: number };
  /**
   * Seals anew all that is not sealed with the first keys, and seals what is not yet sealed; safe while Baton runs, and
   * begun again it goes on. Tells of each table when it is done with it. `signal` ends it between two pages.
   */
  rotateKeys(options?: RotateOptions): Promise<RotatedTable[]>;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  /** Lets group commits that are under way end, then closes every connection. */
  close(): Promise<void>;
}

export type ServiceState = 'not_configured' | 'available' | 'unavailable';

/** Whether the bot's current desk accepts its credentials; `since` is null only for `not_configured`. */
export interface Service {
  state: ServiceState;
  why?: string;
  since: string | null;
}

export interface BotRecord {
  id: string;
  /** Secrets replaced by `set`. */
  settings: BotSettings;
  /** Names the bot in the desk's webhook address; belongs to the bot's current desk, empty without one. */
  hookToken: string;
  service: Service;
  /** The same of the second desk; null without one. */
  secondDesk: { hookToken: string; service: Service } | null;
  createdAt: string;
  updatedAt: string;
}

export type DeskConfig = NonNullable<BotSettings['desk']>;
export type CallbackConfig = NonNullable<BotSettings['callback']>;

export interface PutOptions {
  service?: Pick<Service, 'state' | 'why'>;
  secondService?: Pick<Service, 'state' | 'why'>;
  expected?: BotSettings | undefined;
}

export interface Bots {
  get(id: string): Promise<BotRecord | undefined>;
  /** Ordered by id. Throws `CursorError` on a cursor that is not ours. */
  list(page: Page): Promise<{ bots: BotRecord[]; nextCursor: string | null }>;
  /** The settings with their secrets decrypted. */
  withSecrets(id: string): Promise<BotSettings | undefined>;
  /**
   * Creates or replaces. `settings` carry their secrets in clear. Without `service` a desk that is known keeps its
   * service status and a new one starts as `available`. With `expected`, the settings that these were made from
   * (`undefined`: there were none), it throws `ChangedMeanwhile` instead of undoing what somebody else has written.
   */
  put(id: string, settings: BotSettings, options?: PutOptions): Promise<BotRecord>;
  /** Removes settings, desk configs, what the desks keep, and keys; handoffs and their journals stay. */
  delete(id: string): Promise<boolean>;
  /** Decrypted config per bot and kind: an open handoff keeps its desk when the bot changes to another one. */
  desk(id: string, kind: string): Promise<DeskConfig | undefined>;
  callback(id: string): Promise<CallbackConfig | null>;
  /** Also finds a desk that the bot has left, so that its open handoffs still hear from it. */
  byHookToken(kind: string, token: string): Promise<{ botId: string } | undefined>;
  /** Writes only on a change and says whether there was one. */
  setService(id: string, kind: string, service: { state: 'available' | 'unavailable'; why?: string }): Promise<boolean>;
}

export interface KeyRecord {
  id: string;
  label: string | null;
  createdAt: string;
  /** Exact to a minute. */
  lastUsedAt: string | null;
}

export interface VerifiedKey {
  keyId: string;
  botId: string;
  apiEnabled: boolean;
}

export interface Keys {
  /** The key is returned this once and stored as a hash. The bot must exist. */
  create(botId: string, label?: string): Promise<{ id: string; key: string }>;
  list(botId: string): Promise<KeyRecord[]>;
  delete(botId: string, id: string): Promise<boolean>;
  /** Answers of the last 5 seconds come from this process's memory. */
  verify(key: string): Promise<VerifiedKey | undefined>;
}

/** A conversation in the desk's own messenger (native mode). */
export interface ConversationRow {
  /** Id of its run, journal and ledger. */
  id: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  /** As of the last entry of the journal: a human has it without a handoff. */
  human: boolean;
  lastSeq: number;
  startedAt: string;
}

export interface Conversations {
  /** The row of this conversation, made when there is none; the same from any number of callers. */
  open(conversation: { botId: string; desk: string; deskConversationId: string }): Promise<ConversationRow>;
  /** Makes a row that was lost. Throws when the desk's conversation has another one by now. */
  restore(conversation: { id: string; botId: string; desk: string; deskConversationId: string }): Promise<void>;
  get(id: string): Promise<ConversationRow | undefined>;
  find(botId: string, desk: string, deskConversationId: string): Promise<ConversationRow | undefined>;
  /** Those with this id at any desk of the bot. */
  named(botId: string, deskConversationId: string): Promise<ConversationRow[]>;
  /**
   * Where a new run goes on counting: nothing that an earlier run has journaled or sent out gets its number again.
   * `seen`: how a run knows the newest messages of the journal again, `userMessage:ID` or `agentReply:ID`.
   */
  progress(id: string): Promise<{ lastSeq: number; lastDeskN: number; seen: string[] }>;
}

export interface Page {
  cursor?: string | undefined;
  limit: number;
}

export interface JournalEntry {
  /** Of a handoff or of a native conversation. */
  handoffId: string;
  botId: string;
  events: BotEvent[];
  late: LateMessage[];
  /** Where the handoff is now, for what no event tells. `closed` is only ever taken from its event. */
  status?: HandoffStatus | undefined;
  /** Given by the user meanwhile. */
  email?: string | undefined;
  /** Absent is as good as null: an event without a deadline ends the one before. */
  deadline?: ShownDeadline | null | undefined;
  counts?: HandoffCounts | undefined;
  /** Of a native conversation: whether a human has it now. */
  human?: boolean | undefined;
}

export interface Journal {
  /**
   * Idempotent by `seq` and late id; a message that the journal has is not late. Brings the row of the handoff, or of
   * the native conversation (an id that begins with `co_`), up to date in
   * the same commit and wakes the streams; an entry whose events are all known changes nothing there. One with `human`
   * and no events changes that alone.
   */
  append(entry: JournalEntry): Promise<void>;
  /** Events with `seq` above `after`, in order. Whose id it is says of which kind they are. `traced`: with their trace. */
  read<E extends BotEvent = HandoffEvent>(
    id: string,
    after: number,
    limit: number,
    options?: { traced?: boolean },
  ): Promise<E[]>;
  late(handoffId: string): Promise<LateMessage[]>;
  /** Which of these messages the journal of a handoff has, by id. */
  has(handoffId: string, messageIds: string[]): Promise<Set<string>>;
  /**
   * All events of a bot in the order in which they became safe to read, behind `cursor` (`start` or none: from the
   * first). Nothing is skipped when transactions commit out of order: a row waits until every older transaction has
   * ended. `complete` is false when there is more than was returned: ask again, shortly if nothing was returned.
   * Throws `CursorError` on a cursor that is not ours.
   */
  readBot(botId: string, cursor: string | undefined, limit: number): Promise<BotPage>;
  /** A cursor behind everything that is safe to read now; it may repeat events of the last moment, never skip one. */
  botCursorNow(botId: string): Promise<string>;
}

export interface BotPage {
  events: { cursor: string; event: BotEvent }[];
  complete: boolean;
}

export interface Wakeups {
  /**
   * Calls `wake` soon after new events were committed, by whichever process; after a lost connection came back, once
   * for all that may have been missed. Subscribe first, then read. Returns the way out.
   */
  subscribe(topic: { handoffId: string } | { botId: string }, wake: () => void): () => void;
}

/** `parts`: of a message that a desk gets in several calls. `withdrawal`: a desk was told that the handoff has left it. */
export type Lane = 'desk' | 'callback' | 'parts' | 'withdrawal';

/** How far the deliveries of a handoff are: `started` above `sent` means that a try was under way. */
export interface Ledger {
  get(handoffId: string, lane: Lane): Promise<{ started: number; sent: number }>;
  /** Marks only ever go up. */
  started(handoffId: string, lane: Lane, n: number): Promise<void>;
  sent(handoffId: string, lane: Lane, n: number): Promise<void>;
}

export interface CallbackHealth {
  failingSince: string | null;
  lastError: string | null;
  /** Exact to 10 seconds. */
  lastSuccessAt: string | null;
}

export interface Callbacks {
  failing(botId: string, error: string): Promise<void>;
  ok(botId: string): Promise<void>;
  health(botId: string): Promise<CallbackHealth>;
}
