/**
 * The words of a handoff: what goes into its workflow, what comes out, and what it keeps. Types and constants only, so
 * that every part (workflow sandbox, activities, API) can import it.
 *
 * Times in here are epoch milliseconds (`...Ms`, `at`), except in `HandoffEvent.at`, which is what the outside reads.
 */

import type { HandoffOffers, RequestKind } from './offer-contracts.ts';
import type { CarriedState } from './state-contracts.ts';

export type * from './conversation-contracts.ts';
export * from './offer-contracts.ts';
export type * from './second-desk-contracts.ts';
export type * from './state-contracts.ts';
export type * from './view-contracts.ts';

export const HANDOFF_STATUSES = [
  'awaiting_email',
  'scheduled',
  'opening',
  'connecting',
  'asking',
  'active',
  'closed',
] as const;
export type HandoffStatus = (typeof HANDOFF_STATUSES)[number];

export const CLOSE_REASONS = [
  'user_closed',
  'agent_closed',
  'bot_closed',
  'wait_timeout',
  'inactivity_timeout',
  'email_not_given',
  'desk_unavailable',
  'operator_closed',
  'message_left',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export const DEADLINE_KINDS = ['email', 'wait', 'choice', 'inactivity', 'agentSilence', 'snooze', 'opening'] as const;
export type DeadlineKind = (typeof DEADLINE_KINDS)[number];

/** How a handoff ended, for a bot that goes on: `abandoned` ended before a human answered. */
export const PACKET_OUTCOMES = [
  'answered',
  'abandoned',
  'timed_out',
  'desk_unavailable',
  'ended_by_bot',
  'ended_by_operator',
  'message_left',
] as const;
export type PacketOutcome = (typeof PACKET_OUTCOMES)[number];

export const EVENT_TYPES = [
  'handoff.email_required',
  'handoff.scheduled',
  'handoff.connecting',
  'handoff.busy',
  'handoff.wait_timeout',
  'handoff.active',
  'handoff.agent_changed',
  'handoff.snoozed',
  'handoff.desk_changed',
  'handoff.closed',
  'message.user',
  'message.agent',
  'message.read',
  'message.failed',
  'message.retried',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What the bot's backend sees of a conversation in the desk's own messenger while no handoff has it (native mode). */
export const CONVERSATION_EVENT_TYPES = [
  'conversation.started',
  'conversation.message',
  'conversation.ended',
  'message.failed',
] as const;
export type ConversationEventType = (typeof CONVERSATION_EVENT_TYPES)[number];

/** `external`: the user is on any channel but the desk's own; `native`: the user is in the desk's own messenger. */
export const MODES = ['external', 'native'] as const;
export type Mode = (typeof MODES)[number];

export interface User {
  id?: string;
  anonymousId?: string;
  email?: string;
  name?: string;
  phone?: string;
  /** BCP 47, for example `fr` or `pt-BR`. Chooses the language of the texts. */
  locale?: string;
}

/** One line of the talk between user and bot before the handoff. */
export interface Turn {
  role: 'user' | 'bot';
  text: string;
  /** ISO 8601. */
  at?: string;
}

/** A reference: the bytes never travel through Baton. */
export interface Attachment {
  url: string;
  name?: string;
  contentType?: string;
}

/** The human at the desk. */
export interface Agent {
  id?: string;
  name?: string;
  avatar?: string;
}

/** Every user-facing sentence a handoff can say; `null` in the settings means: say nothing. */
export const TEXT_KEYS = [
  'email_required',
  'scheduled',
  'connecting',
  'busy',
  'wait_timeout',
  'wait_choice_wait',
  'wait_choice_end',
  'active',
  'agent_changed',
  'snoozed',
  'desk_changed',
  'message_failed',
  'closed_by_user',
  'closed_by_agent',
  'closed_by_bot',
  'closed_wait_timeout',
  'closed_inactivity',
  'closed_email_not_given',
  'closed_desk_unavailable',
  'closed_by_operator',
  'closed_message_left',
  'offer_message',
  'offer_next_opening',
] as const;
export type TextKey = (typeof TEXT_KEYS)[number];

/** The texts of one handoff, already in the user's language. */
export type Texts = Record<TextKey, string | null>;

/** The settings that a handoff started with; later changes of the bot do not touch it. */
export interface HandoffSettings {
  waitTimeoutMs: number;
  onWaitTimeout: 'ask' | 'close';
  inactivityTimeoutMs: number;
  agentSilenceTimeoutMs: number | null;
  emailTimeoutMs: number;
  /** Question/answer rounds that the desk gets before the question. */
  contextRounds: number;
  /** Whether the bot has a callback; its address and secret are read at delivery. */
  callback: boolean;
  texts: Texts;
}

/** Argument of the workflow. */
export interface HandoffInput {
  handoffId: string;
  botId: string;
  /** The conversation's id at the bot, never sent to the desk as its conversation id. */
  conversationId: string;
  channel: string;
  mode: Mode;
  /** Id of the desk's folder, for example `webhook`. */
  desk: string;
  /** The same of the desk that gets the request when nobody answers at the first one. */
  secondDesk?: string;
  /** Native mode: the desk's conversation exists before the handoff. */
  deskConversationId?: string;
  user: User;
  /** The user has to be asked for an e-mail before the desk can be called. */
  emailRequired: boolean;
  question: string;
  /** Oldest first, without the question. */
  history: Turn[];
  settings: HandoffSettings;
  /** `traceparent` of the request for a human: of all that no later request has caused. */
  trace?: string;
  /** The desk lets us look what it has: it is asked when the handoff ends, before that is written. */
  reconciles?: true;
  /** `now` when absent. */
  kind?: RequestKind;
  /** `next_opening`: when the desk is asked. */
  opensAtMs?: number;
  /** `message`: the address is the bot's default and not the user's, so nobody can answer him there. */
  emailIsDefault?: true;
  /** Absent: nothing is offered. */
  offers?: HandoffOffers;
  /** Set by continue-as-new. */
  carried?: CarriedState;
  /** Continue as new after this many events instead of when the server suggests it. For tests. */
  continueAfterEvents?: number;
}

/**
 * Everything that can happen to a handoff, in one ordered stream. `id` is the dedupe key: a second signal with the same
 * `id` changes nothing. `atMs` is when the API took it: a time that stays the same when a workflow task is done again.
 * `recovered`: no webhook told it, Baton found it at the desk.
 */
export type HandoffSignal = SignalContent & SignalOrigin;

interface SignalOrigin {
  atMs?: number;
  /** `traceparent` of the request that brought it (W3C Trace Context): calls that it causes carry it on. */
  trace?: string;
  recovered?: true;
}

type SignalContent =
  /** In native mode the desk reports it: `user` as the desk knows him, `human` when a human already has the conversation. */
  | { kind: 'userMessage'; id: string; text: string; attachments?: Attachment[]; user?: User; human?: boolean }
  | { kind: 'agentReply'; id: string; text: string; attachments?: Attachment[]; agent?: Agent }
  | { kind: 'agentJoined'; id: string; agent: Agent }
  | { kind: 'agentChanged'; id: string; agent: Agent }
  | { kind: 'close'; id: string; by: 'user' | 'bot' | 'agent' | 'operator' }
  | { kind: 'waitChoice'; id: string; choice: 'wait' | 'end' }
  | { kind: 'emailGiven'; id: string; email: string }
  | { kind: 'read'; id: string }
  | { kind: 'snooze'; id: string; until?: string }
  | { kind: 'unsnooze'; id: string }
  /** An operator's, about one message of the user. */
  | { kind: 'retryMessage' | 'giveUpMessage'; id: string; messageId: string };

/** What happens to a native conversation; its bot speaks besides. */
export type ConversationSignal =
  | HandoffSignal
  | ({ kind: 'botMessage'; id: string; text: string; attachments?: Attachment[] } & SignalOrigin)
  /** A handoff of this conversation is over: the bot has it back, whoever took it before. */
  | ({ kind: 'handoffEnded'; id: string } & SignalOrigin);

/** The one signal: several events of a handoff may travel in one call, in order. */
export const HANDOFF_SIGNAL = 'happened';

/** What the bot's backend sees: in the journal, on the streams, at the callback. `seq` counts from 1 without a gap. */
export interface HandoffEvent {
  type: EventType;
  seq: number;
  /** ISO 8601 UTC. */
  at: string;
  botId: string;
  handoffId: string;
  conversationId: string;
  data: Record<string, unknown>;
  /** `traceparent` of the request that caused it: a header of its callback, nobody's reading. */
  trace?: string;
}

/** An event of a native conversation. `seq` counts from 1 without a gap over all its sessions. */
export interface ConversationEvent {
  type: ConversationEventType;
  seq: number;
  /** ISO 8601 UTC. */
  at: string;
  botId: string;
  /** The desk's own id of the conversation. */
  conversationId: string;
  data: Record<string, unknown>;
  /** `traceparent` of the request that caused it: a header of its callback, nobody's reading. */
  trace?: string;
}

/** Everything that a callback or a bot's stream carries. */
export type BotEvent = HandoffEvent | ConversationEvent;

/** Why a message did not arrive, in `message.failed`. */
export type FailureReason =
  | 'rejected'
  | 'expired'
  | 'handoff_closed'
  | 'desk_unavailable'
  | 'attachment_not_supported'
  /** By an operator. */
  | 'given_up'
  /** Native mode: the bot spoke while a human had the conversation. */
  | 'human_has_it';

/** One call that the desk must get, in the order of `n`. The same `n` always carries the same content and `timestamp`. */
export type DeskDelivery = DeliveryContent & { trace?: string };

type DeliveryContent =
  | { kind: 'open'; n: number; timestamp: number }
  | { kind: 'message'; n: number; timestamp: number; messageId: string; text: string; attachments?: Attachment[] }
  | { kind: 'close'; n: number; timestamp: number; reason: CloseReason };
