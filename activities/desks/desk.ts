import type { Logger } from 'pino';
import type { ZodType } from 'zod';
import type { Attachment, DeskCloseReason, HandoffSignal, Mode, Turn, User } from '../../workflows/contracts.ts';
import type { HttpClient } from '../http/client.ts';

/** What a desk gets to work with; there is nothing global. */
export interface DeskContext<C> {
  /** Validated by the desk's own `config` schema, secrets decrypted. */
  config: C;
  http: HttpClient;
  log: Logger;
  memory: DeskMemory;
  /** Our own address as desks see it, without a slash at the end. */
  publicUrl: string;
  /** Epoch milliseconds. */
  now(): number;
  /** Aborts when the activity is cancelled or its time is up. */
  signal: AbortSignal;
}

/**
 * What a desk keeps between calls (tokens, contacts, how far an opening came): durable, encrypted at rest, shared by all
 * processes, apart for every bot and desk. Values are JSON.
 */
export interface DeskMemory {
  get<T>(key: string): Promise<T | undefined>;
  /** `ttlMs`: forgotten after this time; without it kept until the bot is deleted. */
  put(key: string, value: unknown, options?: { ttlMs?: number }): Promise<void>;
  /**
   * Reads and writes under a lock that holds for all processes: of many callers that find an expired token, one makes
   * the new one and the others get it. What `change` throws is thrown, and nothing is written; a value given back
   * unchanged keeps its time. `quick`: `change` waits for nothing, so it need not queue behind changes that ask a desk.
   */
  update<T>(
    key: string,
    change: (now: T | undefined) => Promise<T>,
    options?: { ttlMs?: number; quick?: true },
  ): Promise<T>;
  forget(key: string): Promise<void>;
}

export interface OpenRequest {
  /** Idempotency key, the same on every try. */
  key: string;
  handoffId: string;
  botId: string;
  /** The conversation's id at the bot: the same user comes back with it. */
  conversationId: string;
  channel: string;
  mode: Mode;
  /** Native mode only: the conversation to assign to the humans, with the context as an internal note. */
  deskConversationId?: string;
  /** Strictly increasing per handoff, epoch milliseconds, the same on every try. */
  timestamp: number;
  user: User;
  /** Given by the user, by the channel or by the bot's default; absent when nobody knows one. */
  email?: string;
  /** Oldest first, already cut to the bot's `contextRounds`. */
  history: Turn[];
  question: string;
  /**
   * The user has left it and gone: agents answer later by the way that `leftNote` names. `emailIsDefault`: `email` is the
   * bot's own. The conversation gets no `close`.
   */
  leftMessage?: { emailIsDefault: boolean };
}

export interface Opened {
  /** The desk's own id of the conversation; events from the desk name it. */
  deskConversationId: string;
}

export interface OutboundMessage {
  key: string;
  /** Of the handoff; in native mode of the native conversation. */
  handoffId: string;
  /** `user`: external mode; `bot`: native mode, the bot answers in the desk's own messenger. */
  from: 'user' | 'bot';
  deskConversationId: string;
  timestamp: number;
  text: string;
  attachments: Attachment[];
  /**
   * Given when the text is longer than `limits.textMax` or there are attachments, for a desk that needs several calls
   * for one message: the first `done` of them have arrived in an earlier try, and
   * `mark` notes one more, so that a failure in the middle does not repeat them.
   */
  parts?: { done: number; mark(done: number): Promise<void> };
  /** An earlier try may have reached the desk: look before sending again, where the desk lets us look. */
  maybeSent: boolean;
}

export interface Sent {
  /** The desk's id of the message, where it gives one. */
  deskMessageId?: string;
  /** Attachments the desk could not carry; the sender is told. */
  dropped?: Attachment[];
}

/** The user's side has ended. In native mode the conversation goes on: it is given back to the bot. */
export interface CloseRequest {
  key: string;
  mode: Mode;
  handoffId: string;
  /** The handoff's id when the opening ended without a clear answer: look what it left, where the desk lets us look. */
  deskConversationId: string;
  timestamp: number;
  /** `moved`: the user waits for another desk now. */
  reason: DeskCloseReason;
}

export interface Verified {
  /** For the operator: what answered, for example the name of the workspace. */
  detail: string;
  /** What works but had better be changed, one sentence each. */
  warnings?: string[];
}

/** What an operator has to do at the desk so that it calls us. */
export interface WebhookGuide {
  /** Where to click, in one or two sentences. */
  where: string;
  /** The desk's own names of the events to choose. */
  topics: readonly string[];
}

export interface Subscribed {
  /** False: these credentials cannot do it, so the operator does what the guide says. */
  done: boolean;
  /** What was made, or why not. */
  detail: string;
}

/** A webhook call as it came: the bytes are what a signature covers. */
export interface RawRequest {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface RawResponse {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export type AuthResult = { ok: true } | { ok: false; reason: string };

/**
 * One thing that the desk reports. `dedupeKey` is the desk's own id of it, or a hash where it has none. Echoes of what we
 * sent, private notes, system parts and unknown kinds are no events: `parse` leaves them out. In native mode the user's
 * messages are events as well (`userMessage`); in external mode they are echoes.
 */
export interface DeskEvent {
  dedupeKey: string;
  deskConversationId: string;
  /** The desk gives it no id of its own: the same may happen again in a later handoff of this conversation. */
  perHandoff?: true;
  /** Counts only while a handoff that the desk has taken has this conversation; at any other time it is dropped. */
  duringHandoff?: true;
  /** Key of another event of the same call: when that one is known, the call is a repeat and this event is dropped. */
  comesWith?: string;
  /**
   * Of `recent`, where the desk's read API has other ids than its webhooks: what was heard before with the same words is
   * the same.
   */
  isNamedOtherwise?: true;
  /** `id` is filled in from `dedupeKey`. */
  signal: HandoffSignal;
}

/** A conversation whose webhooks may not have told everything. */
export interface RecentRequest {
  handoffId: string;
  deskConversationId: string;
  mode: Mode;
  /** Epoch milliseconds: older things are of no interest. Clocks differ, so a few seconds may already be taken off. */
  sinceMs: number;
}

/** Something for the next answer that a desk waits for. */
export type TurnItem =
  /** `saidMs`: when the bot said it, epoch milliseconds; without it when it is handed over. */
  | { kind: 'message'; key: string; text: string; attachments: Attachment[]; saidMs?: number }
  /** The conversation goes to the humans. */
  | { kind: 'handoff'; key: string }
  /** The bot has ended it. */
  | { kind: 'end'; key: string };

/** A human allows us at the desk's own site, and his browser comes back with a code. */
export interface Consent<C> {
  /** Below our public address, as it is registered at the desk. */
  path(mode: Mode): string;
  /** Where his browser is sent. `state` comes back unchanged. */
  url(config: C, request: { redirectUri: string; state: string; mode: Mode }): string;
  /** Exchanges the code and keeps the tokens in `ctx.memory`. Throws a `DeskError` that says what was refused. */
  finish(
    ctx: DeskContext<C>,
    answer: { query: Record<string, string>; redirectUri: string; mode: Mode },
  ): Promise<Verified>;
}

export interface DeskCapabilities {
  modes: readonly Mode[];
  /** Whether files travel as files; otherwise their address is sent as text. */
  files: boolean;
  closeFromOurSide: boolean;
  /** Whether a conversation may stay there without agent and user, for agents to answer later. */
  keepsMessages: boolean;
  echoesOwnMessages: boolean;
  /** Whether the desk lets us look whether a message has arrived. */
  lookup: boolean;
  /** The desk's webhooks tell of conversations that are not ours as well: those are dropped, not kept with an alert. */
  reportsForeign: boolean;
  signsWebhooks: 'hmac' | 'rsa' | 'shared-secret' | 'none';
}

/**
 * A help desk: one folder, one line in the registry. Methods throw only `DeskError` and never retry; Temporal does.
 */
export interface Desk<C = unknown> {
  /** Folder name. */
  id: string;
  /** The name that GPTBots' `manufacturer` enum uses. */
  wireName: string;
  title: string;
  /** Where the desk documents its API. */
  docs: string;
  capabilities: DeskCapabilities;
  /** `textMax`: UTF-8 bytes of one message. */
  limits: { textMax: number; requestsPerSecond: number; retryHeader?: string };
  /**
   * Every field has `.meta({ title, description, secret?, placeholder?, requiredIn?, choices? })`: it draws the console's
   * form. `requiredIn: ['native']` makes an optional field needed in that mode. An address to call instead of the
   * vendor's, for a sandbox, is called `baseUrl`: stored secrets are not kept when its origin changes.
   */
  config: ZodType<C>;
  /** Channels of the desk's own messenger: refused in `external` mode, required in `native` mode. */
  ownChannels: readonly string[];
  /** External mode serves users on these channels only, instead of on all but the own ones. */
  externalChannels?: readonly string[];
  /**
   * With this config the user of an external handoff is in the desk's own messenger all the same: the handoff goes like
   * a native one (the desk carries the messages, Baton watches).
   */
  messengerInExternal?(config: C): boolean;
  /**
   * Where the agents see this conversation in the desk's own web application. It calls nobody, and gives nothing rather
   * than a guess: when the vendor's addresses are not known for certain, or `memory` lacks what they need.
   */
  conversationUrl?(
    known: Pick<DeskContext<C>, 'config' | 'memory'>,
    conversation: { deskConversationId: string; isClosed: boolean },
  ): Promise<string | undefined>;
  /** For desks whose credentials a human gives in his browser (OAuth). */
  consent?: Consent<C>;
  /**
   * Calls the desk with the credentials, changing nothing there. The error of a failure names the `field` to blame and
   * says exactly which permission is missing.
   */
  verify(ctx: DeskContext<C>, mode: Mode): Promise<Verified>;
  open(ctx: DeskContext<C>, request: OpenRequest): Promise<Opened>;
  send(ctx: DeskContext<C>, message: OutboundMessage): Promise<Sent>;
  close(ctx: DeskContext<C>, request: CloseRequest): Promise<void>;
  /**
   * Reads the conversation, changing nothing, and tells what its webhooks have told or should have told, oldest first,
   * under the same keys. Of a state, only what holds now: a close that was taken back is none. Empty where the desk does
   * not let us look.
   */
  recent?(ctx: DeskContext<C>, request: RecentRequest): Promise<DeskEvent[]>;
  /** What `recent` gives may have `isNamedOtherwise`: a webhook that comes late is known by its words alone. */
  readonly looksByWords?: true;
  /** Makes the desk's webhooks for the operator, each once, however often it is called. */
  subscribe?(ctx: DeskContext<C>, subscription: { url: string; mode: Mode }): Promise<Subscribed>;
  /** Removes those that lead to this address. */
  unsubscribe?(ctx: DeskContext<C>, subscription: { url: string }): Promise<void>;
  /** What the desk calls at `/webhooks/{desk}/{hookToken}`; absent where the desk calls other addresses. */
  webhook?: {
    guide(mode: Mode): WebhookGuide;
    challenge?(request: RawRequest): RawResponse | undefined;
    /** Pure, over the raw bytes; fails closed, also when no secret is configured. */
    authenticate(request: RawRequest, config: C): AuthResult;
    /** Pure; zero or more events in the order in which they happened, unknown kinds dropped. */
    parse(request: RawRequest, config: C): DeskEvent[];
    /** For a desk that waits for the bot's answer in the HTTP response to its call. */
    answer?: {
      /** How long the desk may be kept waiting, milliseconds. */
      waitMs: number;
      /** What this call waits for; undefined: for nothing. `key` is the desk's own id of the turn: a repeat has it too. */
      turn(request: RawRequest, config: C): { deskConversationId: string; key: string } | undefined;
      /** Pure. `said` is what `handOver` of `mailbox.ts` has left for this turn, in order; empty: nothing came in time. */
      render(request: RawRequest, config: C, said: TurnItem[]): RawResponse;
    };
  };
}
