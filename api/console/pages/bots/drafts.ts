import { signal } from '@preact/signals';
import type { Edits } from './edits.ts';

/** Unsaved changes by bot. They outlive the way to another page and a session that ends; only a reload loses them. */
export const drafts = signal<Record<string, Edits>>({});

export const draftOf = (botId: string): Edits => drafts.value[botId] ?? {};

export function keepDraft(botId: string, edits: Edits): void {
  const { [botId]: _, ...others } = drafts.value;
  drafts.value = Object.keys(edits).length === 0 ? others : { ...others, [botId]: edits };
}

// The browser asks in its own words.
addEventListener('beforeunload', (event) => {
  if (Object.keys(drafts.value).length > 0) event.preventDefault();
});
