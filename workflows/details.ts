import type { HandoffRun } from './run.ts';

/** What an operator reads in the Temporal UI under "current details". Markdown, no personal data. */
export function describeForOperators(run: HandoffRun): string {
  const { status, closing, closeReason, deadline, counts, lastSeq } = run.state;
  const waiting = run.view().waiting;
  const lines = [
    `**${closing && status !== 'closed' ? `${status}, closing (${closing.reason})` : status}**${closeReason ? ` · ${closeReason}` : ''}`,
    `messages: ${counts.user} from the user, ${counts.agent} from the agent, ${counts.failed} failed, ${counts.late} late`,
    `events: ${lastSeq} · repeats dropped: ${counts.duplicates}`,
    `waiting: ${waiting.journal} for the journal, ${waiting.desk} for the desk, ${waiting.callback} for the callback`,
  ];
  if (deadline) lines.push(`next deadline: ${deadline.kind} at ${new Date(deadline.atMs).toISOString()}`);
  return lines.join('  \n');
}
