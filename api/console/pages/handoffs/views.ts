import type { Agent, Attachment, CloseReason, HandoffStatus, Mode } from '../../../../workflows/contracts.ts';

export interface HandoffView {
  id: string;
  botId: string;
  conversationId: string;
  desk: string;
  deskConversationId: string | null;
  channel: string;
  mode: Mode;
  status: HandoffStatus;
  closeReason: CloseReason | null;
  user: Record<string, unknown>;
  question: string;
  metadata: unknown;
  agent: Agent | null;
  startedAt: string;
  activeAt: string | null;
  closedAt: string | null;
  deadline: { kind: string; at: string } | null;
  counts: { user: number; agent: number; failed: number; duplicates: number; late: number };
  links: { temporal: string | null; desk: string | null };
}

export interface LateMessage {
  id: string;
  at: string;
  from: 'user' | 'agent';
  text: string;
  attachments?: Attachment[];
  agent?: Agent;
}

export type HandoffWithLate = HandoffView & { lateMessages: LateMessage[] };

export interface HandoffPage {
  handoffs: HandoffView[];
  nextCursor: string | null;
}

export type DeliveryState = 'waiting' | 'unclear' | 'sent' | 'read' | 'failed' | 'delivered';

export interface Delivery {
  messageId: string;
  from: 'user' | 'agent';
  at: string;
  text: string;
  state: DeliveryState;
  reason?: string;
  failedAt?: string;
}

export interface Deliveries {
  messages: Delivery[];
  duplicatesDropped: number;
  late: number;
  callback: { sentSeq: number; lastSeq: number };
}

/** Of the exported transcript only what the page shows. */
export interface Transcript {
  before: { role: 'user' | 'bot'; text: string; at?: string }[] | null;
}

/** Whom people know the user by. */
export function nameOf(user: Record<string, unknown>): string {
  const known = [user['name'], user['email'], user['id'], user['anonymousId']];
  return known.find((value): value is string => typeof value === 'string' && value !== '') ?? '–';
}

export const agentName = (agent: Agent | null | undefined): string => agent?.name ?? agent?.id ?? '–';

/** The path of a handoff in the API. */
export const apiPath = (id: string): string => `/v1/handoffs/${encodeURIComponent(id)}`;
