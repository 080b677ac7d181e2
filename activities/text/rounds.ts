import type { Turn } from '../../workflows/contracts.ts';

/**
 * The last `n` question/answer rounds of a talk, oldest first. A round is what the user said in one go and what the bot
 * answered to it. What the bot said before the user's first word belongs to the first round.
 */
export function contextRounds(history: Turn[], n: number): Turn[] {
  if (n <= 0) return [];
  const starts: number[] = [];
  let userSpoke = false;
  for (const [index, turn] of history.entries()) {
    const asks = turn.role === 'user' && history[index - 1]?.role === 'bot';
    if (index === 0 || (asks && userSpoke)) starts.push(index);
    userSpoke ||= turn.role === 'user';
  }
  return history.slice(starts.at(-n) ?? 0);
}
