import type { HandoffSignal } from '../../workflows/contracts.ts';

/** Spaces and line ends may change on the way. A file is known by its address, which may stand in the text. */
export function wordsOf(signal: HandoffSignal): string[] {
  if (signal.kind !== 'agentReply' && signal.kind !== 'userMessage') return [];
  const { kind, text, attachments = [] } = signal;
  const said = [text, ...attachments.map(({ url }) => url)].join(' ').replaceAll(/\s+/g, ' ').trim();
  return [`${kind} ${said}`];
}
