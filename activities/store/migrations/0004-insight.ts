/**
 * What people look back at: requests that were refused, what was said before a handoff, figures over time, and lists by
 * desk, reason and time. `turns` is not in `handoffs`: it may have a megabyte, and rows of handoffs are read by the page.
 */
export const insight = `
create table refusals (
  bot_id text not null,
  at timestamptz not null default now(),
  reason text not null,
  channel text not null
);
create index refusals_at on refusals (at) include (reason);
create index refusals_bot on refusals (bot_id, at) include (reason);

create table histories (
  handoff_id text primary key references handoffs (id) on delete cascade,
  turns json not null
);

create index handoffs_started on handoffs (started_at, n);
create index handoffs_bot_started on handoffs (bot_id, started_at, n);
create index handoffs_desk on handoffs (desk, n);
create index handoffs_close_reason on handoffs (close_reason, n) where close_reason is not null;
`;
