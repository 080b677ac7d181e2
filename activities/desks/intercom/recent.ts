import { DeskError } from '../../errors.ts';
import type { DeskEvent, RecentRequest } from '../desk.ts';
import type { Context, IntercomConfig } from './config.ts';
import { readConversationById } from './parts.ts';
import type { Conversation, Part } from './shapes.ts';
import { agentReply, assigned, eventsOf, firstMessage, isoOf, isOwn, type Keyed, userMessage } from './webhook.ts';

const SNOOZES = new Set(['snoozed', 'unsnoozed', 'timer_unsnooze']);

/** What the conversation has: the newest 500 parts at most. Bodies are HTML here, and the words are the same. */
export async function recent(ctx: Context, request: RecentRequest): Promise<DeskEvent[]> {
  const { deskConversationId, mode, sinceMs } = request;
  let conversation: Conversation;
  try {
    conversation = await readConversationById(ctx, 'recent', deskConversationId);
  } catch (error) {
    if (!(error instanceof DeskError && error.kind === 'not_found')) throw error;
    // As its webhook tells it.
    return eventsOf(deskConversationId, [[`deleted:${deskConversationId}`, { kind: 'close', by: 'agent' }]]);
  }
  const { config } = ctx;
  const since = Math.floor(sinceMs / 1_000);
  const parts = conversation.parts.filter((part) => part.created_at >= since);
  const isNative = mode === 'native';
  return eventsOf(deskConversationId, [
    ...(isNative && conversation.created_at >= since ? firstMessage(conversation, config) : []),
    ...parts.flatMap((part) => [
      ...agentReply(part, config),
      ...(isNative ? userMessage(part, conversation, config) : []),
      ...(part === lastOf(parts, (type) => type === 'close') ? closed(part, conversation, config) : []),
      ...(part === parts.findLast(({ assigned_to }) => assigned_to != null)
        ? stillWith(part, conversation, config)
        : []),
      ...(part === lastOf(parts, (type) => SNOOZES.has(type)) ? snoozed(part, conversation) : []),
    ]),
  ]);
}

const lastOf = (parts: Part[], isIt: (type: string) => boolean): Part | undefined =>
  parts.findLast(({ part_type }) => isIt(part_type));

/** One that was opened again since is none. */
function closed(part: Part, { state }: Conversation, config: IntercomConfig): Keyed[] {
  if (state !== 'closed' || isOwn(part, config)) return [];
  return [[`close:part:${part.id}`, { kind: 'close', by: 'agent' }]];
}

function stillWith(part: Part, { admin_assignee_id: admin }: Conversation, config: IntercomConfig): Keyed[] {
  return part.assigned_to?.id === admin ? assigned(part, config) : [];
}

function snoozed({ id, part_type }: Part, { state, snoozed_until }: Conversation): Keyed[] {
  if (part_type !== 'snoozed') return [[`unsnooze:part:${id}`, { kind: 'unsnooze' }]];
  if (state !== 'snoozed') return [];
  const until = isoOf(snoozed_until);
  return [[`snooze:part:${id}`, { kind: 'snooze', ...(until !== undefined && { until }) }]];
}
