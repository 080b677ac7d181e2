import type {
  Agent,
  BotEvent,
  CloseReason,
  EventType,
  HandoffCounts,
  HandoffStatus,
  ShownDeadline,
} from '../../workflows/contracts.ts';
import { isConversationId } from '../../workflows/ids.ts';
import { cleanText } from './database.ts';
import type { JournalEntry } from './types.ts';

const STATUS_AFTER: Partial<Record<BotEvent['type'], HandoffStatus>> = {
  'handoff.email_required': 'awaiting_email',
  'handoff.scheduled': 'scheduled',
  'handoff.connecting': 'connecting',
  'handoff.desk_changed': 'opening',
  'handoff.wait_timeout': 'asking',
  'handoff.active': 'active',
  'handoff.closed': 'closed',
} satisfies Partial<Record<EventType, HandoffStatus>>;

/** What the events of one write change in their handoff's row; a field that is absent keeps its value. */
export interface HandoffPatch {
  handoffId: string;
  botId: string;
  lastSeq: number;
  status?: HandoffStatus;
  closeReason?: CloseReason;
  agent?: Agent;
  email?: string;
  activeAt?: string;
  closedAt?: string;
  deadline?: ShownDeadline | null;
  counts?: HandoffCounts;
}

/** The same of a native conversation. */
export interface ConversationPatch {
  id: string;
  lastSeq: number;
  human?: boolean;
  /** `human` came without events, so no `seq` says whether it is news. */
  unnumbered: boolean;
}

/**
 * One patch per handoff. Values are the last ones of the write, so a repeat that overlaps what is stored already changes
 * nothing but what is new.
 */
export function handoffPatches(entries: JournalEntry[]): HandoffPatch[] {
  const patches = new Map<string, HandoffPatch>();
  for (const { handoffId, botId, events, status, email, deadline, counts } of entries) {
    if (isConversationId(handoffId)) continue;
    const patch = patches.get(handoffId) ?? { handoffId, botId, lastSeq: 0 };
    const news = events.filter((event) => event.seq > patch.lastSeq);
    if (news.length === 0) continue;
    patches.set(handoffId, patch);
    for (const event of news) applyEvent(patch, event);
    // A batch may end before `handoff.closed`; a row that said it early would end its streams without it.
    if (status && status !== 'closed' && !news.some((event) => STATUS_AFTER[event.type])) patch.status = status;
    if (email !== undefined) patch.email = cleanText(email);
    patch.deadline = deadline ?? null;
    if (counts) patch.counts = counts;
  }
  return inOrder(patches);
}

/** One patch per native conversation. */
export function conversationPatches(entries: JournalEntry[]): ConversationPatch[] {
  const patches = new Map<string, ConversationPatch>();
  for (const { handoffId: id, events, human } of entries) {
    if (!isConversationId(id)) continue;
    const patch = patches.get(id) ?? { id, lastSeq: 0, unnumbered: false };
    const news = events.filter((event) => event.seq > patch.lastSeq);
    const unnumbered = events.length === 0 && human !== undefined;
    if (news.length === 0 && !unnumbered) continue;
    patches.set(id, patch);
    patch.lastSeq = Math.max(patch.lastSeq, ...news.map((event) => event.seq));
    patch.unnumbered ||= unnumbered;
    if (human !== undefined) patch.human = human;
  }
  return inOrder(patches);
}

/** Always in the same order: two processes that lock the same rows must not wait for each other. */
const inOrder = <T>(patches: Map<string, T>): T[] =>
  [...patches].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, patch]) => patch);

function applyEvent(patch: HandoffPatch, event: BotEvent): void {
  const { agent, reason } = event.data;
  const status = STATUS_AFTER[event.type];
  patch.lastSeq = event.seq;
  if (status) patch.status = status;
  if (event.type === 'handoff.active') patch.activeAt ??= event.at;
  if (event.type === 'handoff.active' || event.type === 'handoff.agent_changed') {
    if (typeof agent === 'object' && agent !== null) patch.agent = agent;
  }
  if (event.type === 'handoff.closed') {
    patch.closedAt ??= event.at;
    if (typeof reason === 'string') patch.closeReason = reason as CloseReason;
  }
}
