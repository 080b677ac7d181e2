import type { Agent } from '../../../../workflows/contracts.ts';
import type { deliveries } from '../../../schemas/deliveries.ts';
import type { handoff, handoffPage, handoffWithLate } from '../../../schemas/handoffs.ts';

export type HandoffView = (typeof handoff)['_output'];
export type HandoffWithLate = (typeof handoffWithLate)['_output'];
export type HandoffPage = (typeof handoffPage)['_output'];
export type LateMessage = HandoffWithLate['lateMessages'][number];

export type Deliveries = (typeof deliveries)['_output'];
export type Delivery = Deliveries['messages'][number];

/** Stands for whoever has no name. */
export const NOBODY = '–';

/** Whom people know the user by. */
export function nameOf(user: Record<string, unknown>): string {
  const known = [user['name'], user['email'], user['id'], user['anonymousId']];
  return known.find((value): value is string => typeof value === 'string' && value !== '') ?? NOBODY;
}

export const agentName = (agent: Agent | null | undefined): string => agent?.name ?? agent?.id ?? NOBODY;
