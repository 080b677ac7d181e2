import type { Logger } from 'pino';
import type { ZodType } from 'zod';
import type { Attachment, CloseReason, HandoffSignal, Mode, Turn, User } from '../../workflows/contracts.ts';
import type { HttpClient } from '../http/client.ts';

/** What a desk gets to work with; there is nothing global. */
export interface DeskContext<C> {
  /** Validated by the desk's own `config` schema, secrets decrypted. */
  config: C;
  http: HttpClient;
  log: Logger;
  /** Epoch milliseconds. */
  now(): number;
  /** Aborts when the activity is cancelled or its time is up. */
  signal: AbortSignal;
}

export interface OpenRequest {
  /** Idempotency key, the same on every try. */
  key: string;
  handoffId: string;
  botId: string;
  channel: string;
  mode: Mode;
  /** Strictly increasing per handoff, epoch milliseconds, the same on every try. */
  timestamp: number;
  user: User;
  /** Given by the user, by the channel or by the bot's default; absent when nobody knows one. */
  email?: string;
  /** Oldest first, already cut to the bot's `contextRounds`. */
  history: Turn[];
  question: string;
}

export interface Opened {
  /** The desk's own id of the conversation; events from the desk name it. */
  deskConversationId: string;
}

export interface OutboundMessage {
  key: string;
  handoffId: string;
  deskConversationId: string;
  timestamp: number;
  text: string;
  attachments: Attachment[];
  /**
   * For a desk that needs several calls for one message: the first `done` of them have arrived in an earlier try, and
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

export interface CloseRequest {
  key: string;
  handoffId: string;
  deskConversationId: string;
  timestamp: number;
  reason: CloseReason;
}

export interface Verified {
  /** For the operator: what answered, for example the name of the workspace. */
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

/** One thing that the desk reports. `dedupeKey` is the desk's own id of it, or a hash where it has none. */
export interface DeskEvent {
  dedupeKey: string;
  deskConversationId: string;
  /** `id` is filled in from `dedupeKey`. */
  signal: HandoffSignal;
}

export interface DeskCapabilities {
  modes: readonly Mode[];
  /** Whether files travel as files; otherwise their address is sent as text. */
  files: boolean;
  closeFromOurSide: boolean;
  echoesOwnMessages: boolean;
  /** Whether the desk lets us look whether a message has arrived. */
  lookup: boolean;
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
  limits: { textMax: number; requestsPerSecond: number; retryHeader?: string };
  /** Every field has `.meta({ title, description, secret?, placeholder? })`: it draws the console's form. */
  config: ZodType<C>;
  /** Channels of the desk's own messenger: refused in `external` mode, required in `native` mode. */
  ownChannels: readonly string[];
  /** Calls the desk with the credentials, changing nothing there. */
  verify(ctx: DeskContext<C>): Promise<Verified>;
  open(ctx: DeskContext<C>, request: OpenRequest): Promise<Opened>;
  send(ctx: DeskContext<C>, message: OutboundMessage): Promise<Sent>;
  close(ctx: DeskContext<C>, request: CloseRequest): Promise<void>;
  /** Creates the desk's webhooks for the operator. */
  subscribe?(ctx: DeskContext<C>, callback: URL): Promise<void>;
  unsubscribe?(ctx: DeskContext<C>): Promise<void>;
  /** What the desk calls at `/webhooks/{desk}/{hookToken}`; absent where the desk calls other addresses. */
  webhook?: {
    challenge?(request: RawRequest): RawResponse | undefined;
    /** Pure, over the raw bytes; fails closed, also when no secret is configured. */
    authenticate(request: RawRequest, config: C): AuthResult;
    /** Pure; zero or more events, unknown kinds dropped. */
    parse(request: RawRequest): DeskEvent[];
  };
}
