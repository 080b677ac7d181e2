/**
 * Data that goes again: when an event was written (what is in `event` may be sealed), where the slow walks of maintenance
 * stand, how to find what the inbox has of one handoff, and the handoffs that are older than the marks of users.
 */
export const upkeep = `
alter table events add column if not exists recorded_at timestamptz not null default now();

create table if not exists upkeep (
  name text primary key,
  value text not null,
  at timestamptz not null default now()
);

create index if not exists inbox_handoff on inbox (handoff_id);

create index if not exists handoffs_unmarked on handoffs (bot_id, n) where user_marks is null;
`;
