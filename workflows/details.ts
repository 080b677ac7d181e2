import type { ConversationRun } from './conversation-run.ts';
import type { HandoffRun } from './run.ts';

/** What an operator reads in the Temporal UI under "current details". Markdown, no personal data. */
export function describeForOperators(run: HandoffRun): string {
  const { status, closing, closeReason, deadline, counts, lastSeq, left } = run.state;
  const waiting = run.view().waiting;
  const lines = [
    `**${closing && status !== 'closed' ? `${status}, closing (${closing.reason})` : status}**${closeReason ? ` · ${closeReason}` : ''}`,
    `messages: ${counts.user} from the user, ${counts.agent} from the agent, ${counts.failed} failed, ${counts.late} late`,
    `events: ${lastSeq} · repeats dropped: ${counts.duplicates}`,
    `waiting: ${waiting.journal} for the journal, ${waiting.desk} for the desk, ${waiting.callback} for the callback`,
  ];
  if (left) lines.push(`moved from ${left.desk} to ${run.address.desk}: ${left.why}`);
  if (deadline) lines.push(`next deadline: ${deadline.kind} at ${new Date(deadline.atMs).toISOString()}`);
  return lines.join('  \n');
}

/** The same for a native conversation. */
export function describeConversation(run: ConversationRun): string {
  const { status, human, counts, lastSeq, idleAtMs } = run.state;
  const { journal, desk, callback } = run.waiting;
  return [
    `**${status}**, ${human ? 'a human has it' : 'the bot has it'}`,
    `messages: ${counts.user} from the user, ${counts.bot} from the bot, ${counts.agent} from agents, ${counts.failed} failed`,
    `events: ${lastSeq} · repeats dropped: ${counts.duplicates}`,
    `waiting: ${journal} for the journal, ${desk} for the desk, ${callback} for the callback`,
    ...(status === 'open' ? [`ends without a message at ${new Date(idleAtMs).toISOString()}`] : []),
  ].join('  \n');
}
