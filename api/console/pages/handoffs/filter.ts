import type { CloseReason, HandoffStatus } from '../../../../workflows/contracts.ts';

const NAMES = ['botId', 'desk', 'status', 'closeReason', 'from', 'to'] as const;

/** As it stands in the address; empty: all. `from` and `to` are local times `YYYY-MM-DDTHH:MM`. */
export type Filter = Record<(typeof NAMES)[number], string>;

const STATUS_NAMES: Record<HandoffStatus, true> = {
  awaiting_email: true,
  scheduled: true,
  opening: true,
  connecting: true,
  asking: true,
  active: true,
  closed: true,
};
const REASON_NAMES: Record<CloseReason, true> = {
  user_closed: true,
  agent_closed: true,
  bot_closed: true,
  wait_timeout: true,
  inactivity_timeout: true,
  email_not_given: true,
  desk_unavailable: true,
  operator_closed: true,
  message_left: true,
};
export const STATUSES = Object.keys(STATUS_NAMES);
export const REASONS = Object.keys(REASON_NAMES);

export const filterOf = (query: URLSearchParams): Filter =>
  Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ''])) as Filter;

export const isEmpty = (filter: Filter): boolean => NAMES.every((name) => filter[name] === '');

/** The same for the API, which reads instants. */
export const askedOf = (filter: Filter): Record<string, string> => ({
  ...filter,
  from: instant(filter.from),
  to: instant(filter.to),
});

function instant(local: string): string {
  const date = new Date(local);
  return local === '' || Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
