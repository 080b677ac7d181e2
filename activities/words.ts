import type { HandoffSignal } from '../workflows/contracts.ts';
import type { DeskEvent } from './desks/desk.ts';
import { wordsOf } from './text/said.ts';

/**
 * Without those that go by another id elsewhere and whose words were heard already: the same words said twice are two,
 * so each that was heard stands for one.
 */
export function withoutHeard(events: DeskEvent[], heard: readonly HandoffSignal[]): DeskEvent[] {
  const left = new Map<string, number>();
  for (const words of heard.flatMap(wordsOf)) left.set(words, (left.get(words) ?? 0) + 1);
  return events.filter(({ isNamedOtherwise, signal }) => {
    const [words] = isNamedOtherwise === true ? wordsOf(signal) : [];
    if (words === undefined) return true;
    const count = left.get(words) ?? 0;
    left.set(words, count - 1);
    return count <= 0;
  });
}
