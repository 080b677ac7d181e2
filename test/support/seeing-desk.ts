import type { DeskContext, DeskEvent, RecentRequest } from '../../activities/desks/desk.ts';
import { DeskError } from '../../activities/errors.ts';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { createNativeDesk, type NativeDesk } from './native-desk.ts';

/** The desk with a messenger, which can be asked what it has. */
export interface SeeingDesk extends NativeDesk {
  /** Requests for what it has, in the order of arrival. */
  readonly asked: RecentRequest[];
  /** What it has of a conversation; `hang`: it does not answer. */
  has(deskConversationId: string, ...events: DeskEvent[]): void;
  hangs(hangs: boolean): void;
  /** It lets nobody look. */
  refuses(refuses: boolean): void;
}

export function createSeeingDesk(): SeeingDesk {
  const asked: RecentRequest[] = [];
  const kept = new Map<string, DeskEvent[]>();
  let isHanging = false;
  let isRefusing = false;
  return {
    ...createNativeDesk(),
    asked,
    has(id, ...events) {
      kept.set(id, [...(kept.get(id) ?? []), ...events]);
    },
    hangs(hangs) {
      isHanging = hangs;
    },
    refuses(refuses) {
      isRefusing = refuses;
    },
    async recent({ signal }: DeskContext<Record<string, never>>, request: RecentRequest): Promise<DeskEvent[]> {
      asked.push(request);
      if (isRefusing) throw new DeskError({ desk: 'messenger', operation: 'recent', kind: 'auth', reason: 'no' });
      if (!isHanging) return kept.get(request.deskConversationId) ?? [];
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('no answer')), { once: true });
      });
    },
  };
}

type Content<S = HandoffSignal> = S extends { id: string } ? Omit<S, 'id'> : never;

/** One thing that the desk has. */
export const atDesk = (deskConversationId: string, dedupeKey: string, signal: Content): DeskEvent => ({
  dedupeKey,
  deskConversationId,
  signal: { ...signal, id: '' },
});
