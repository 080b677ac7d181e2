import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type {
  Agent,
  CloseReason,
  DeskChangeReason,
  HandoffCounts,
  HandoffSignal,
  HandoffStatus,
  Mode,
  RequestKind,
  ShownDeadline,
  Turn,
  User,
} from '../../workflows/contracts.ts';
import type { BotSettings } from '../settings.ts';
import type { InboxOutcome, Lane } from './types.ts';

type GeneratedTime = ColumnType<Date, Date | undefined, Date>;
type MaybeTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
/** `bigint`, as text: it is only compared and handed back. */
type BigId = ColumnType<string, never, never>;
type Json<T extends object> = JSONColumnType<T, string, string>;
type MaybeJson<T extends object> = JSONColumnType<T | null, string | null | undefined, string | null>;

/** Read and written with a `ContentBox`: a string is a sealed one. */
type Content<T extends object> = ColumnType<T | string, string, string>;
type MaybeContent<T extends object> = ColumnType<T | string | null, string | null | undefined, string | null>;

/** As the user asked for a human. */
export interface StoredRequest {
  user: User;
  question: string;
  metadata: unknown;
}

/** Sealed values by the secret's path. */
export type Sealed = Record<string, string>;

export interface Tables {
  bots: {
    id: string;
    /** Without the desks, which have rows of their own. */
    settings: Json<BotSettings>;
    secrets: Json<Sealed>;
    desk_kind: string | null;
    second_desk_kind: ColumnType<string | null, string | null | undefined, string | null>;
    api_enabled: boolean;
    created_at: GeneratedTime;
    updated_at: GeneratedTime;
  };
  desk_configs: {
    bot_id: string;
    kind: string;
    config: Json<{ kind: string } & Record<string, unknown>>;
    secrets: Json<Sealed>;
    /** See `HookTokens`. */
    hook_token: string;
    hook_hash: string | null | undefined;
    service_state: 'available' | 'unavailable';
    service_why: string | null;
    service_since: GeneratedTime;
  };
  keys: {
    id: string;
    bot_id: string;
    label: string | null;
    hash: Buffer;
    created_at: GeneratedTime;
    last_used_at: MaybeTime;
  };
  handoffs: {
    id: string;
    /** Order of creation. */
    n: BigId;
    bot_id: string;
    conversation_id: string;
    desk: string;
    desk_conversation_id: string | null;
    /** The desk that it was at before. */
    earlier_desk: ColumnType<string | null, undefined, string>;
    earlier_desk_conversation_id: ColumnType<string | null, undefined, string | null>;
    moved_why: ColumnType<DeskChangeReason | null, undefined, DeskChangeReason>;
    moved_at: MaybeTime;
    channel: string;
    mode: Mode;
    status: HandoffStatus;
    close_reason: CloseReason | null;
    request: Content<StoredRequest>;
    /** Given after the start; beats the one in `request`. Sealed as `request` is. */
    email: string | null;
    agent: MaybeContent<Agent>;
    last_seq: Generated<number>;
    run_started: Generated<boolean>;
    started_at: GeneratedTime;
    active_at: MaybeTime;
    closed_at: MaybeTime;
    deadline: MaybeJson<ShownDeadline>;
    last_event_at: MaybeTime;
    /** When its desk was last asked what it has. */
    looked_at: MaybeTime;
    /** `late` is as of the last event; the late messages themselves say more. */
    counts: MaybeJson<HandoffCounts>;
    /** See `UserMarks`; null in rows of versions that made none. */
    user_marks: string[] | null | undefined;
    /** null: `now`. */
    kind: ColumnType<RequestKind | null, RequestKind | null | undefined, never>;
    opens_at: ColumnType<Date | null, string | undefined, never>;
  };
  conversations: {
    id: string;
    bot_id: string;
    desk: string;
    desk_conversation_id: string;
    human: Generated<boolean>;
    last_seq: Generated<number>;
    started_at: GeneratedTime;
    last_event_at: MaybeTime;
    looked_at: MaybeTime;
  };
  desk_memory: {
    bot_id: string;
    desk: string;
    key: string;
    /** Sealed JSON. */
    value: string;
    expires_at: MaybeTime;
  };
  /** `handoff_id`, here and in `inbox`, may be the id of a native conversation. */
  ledger: { handoff_id: string; lane: Lane; started: number; sent: number };
  inbox: {
    id: BigId;
    bot_id: string;
    desk: string;
    dedupe_key: string;
    desk_conversation_id: string;
    handoff_id: string | null;
    signal: Content<HandoffSignal>;
    received_at: GeneratedTime;
    outcome: InboxOutcome | null;
    outcome_at: MaybeTime;
    awaits_webhook: boolean | null;
  };
  /** Requests for a human that were not taken. */
  refusals: { bot_id: string; at: GeneratedTime; reason: string; channel: string };
  /** What was said before a handoff. */
  histories: { handoff_id: string; turns: Content<Turn[]> };
  /** Where walks stand that go on from one round of maintenance to the next. */
  upkeep: { name: string; value: string; at: GeneratedTime };
  callback_health: {
    bot_id: string;
    failing_since: MaybeTime;
    last_error: string | null;
    last_success_at: MaybeTime;
  };
}
