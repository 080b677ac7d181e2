/**
 * `json`, not `jsonb`, for everything that comes from outside: it keeps every character that JSON can carry, while
 * `jsonb` refuses NUL and lone surrogates, and one such message would block its handoff's journal for ever.
 */
export const initial = `
create table bots (
  id text primary key,
  settings json not null,
  secrets json not null,
  desk_kind text,
  api_enabled boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table desk_configs (
  bot_id text not null references bots (id) on delete cascade,
  kind text not null,
  config json not null,
  secrets json not null,
  hook_token text not null,
  service_state text not null,
  service_why text,
  service_since timestamptz not null default now(),
  primary key (bot_id, kind)
);
create unique index desk_configs_hook_token on desk_configs (hook_token);

create table keys (
  id text primary key,
  bot_id text not null references bots (id) on delete cascade,
  label text,
  hash bytea not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index keys_bot on keys (bot_id, created_at);

create table handoffs (
  id text primary key,
  n bigint generated always as identity,
  bot_id text not null,
  conversation_id text not null,
  desk text not null,
  desk_conversation_id text,
  channel text not null,
  mode text not null,
  status text not null,
  close_reason text,
  request json not null,
  email text,
  agent json,
  last_seq integer not null default 0,
  run_started boolean not null default false,
  started_at timestamptz not null default now(),
  active_at timestamptz,
  closed_at timestamptz
) with (fillfactor = 80);
create unique index handoffs_open on handoffs (bot_id, conversation_id) where status <> 'closed';
create index handoffs_open_by_age on handoffs (n) where status <> 'closed';
create unique index handoffs_n on handoffs (n);
create index handoffs_bot on handoffs (bot_id, n);
create index handoffs_status on handoffs (status, n);
create index handoffs_bot_status on handoffs (bot_id, status, n);
create index handoffs_conversation on handoffs (conversation_id, bot_id, n);
create index handoffs_desk_conversation on handoffs (bot_id, desk, desk_conversation_id, n)
  where desk_conversation_id is not null;

create table events (
  handoff_id text not null,
  seq integer not null,
  id bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  bot_id text not null,
  event json not null,
  primary key (handoff_id, seq)
);
create index events_bot on events (bot_id, xid, id);

create table late_messages (
  handoff_id text not null,
  id text not null,
  n bigint generated always as identity,
  message json not null,
  primary key (handoff_id, id)
);

create table ledger (
  handoff_id text not null,
  lane text not null,
  started integer not null,
  sent integer not null,
  primary key (handoff_id, lane)
) with (fillfactor = 70);

create table inbox (
  id bigint generated always as identity primary key,
  bot_id text not null,
  desk text not null,
  dedupe_key text not null,
  desk_conversation_id text not null,
  handoff_id text,
  signal json not null,
  received_at timestamptz not null default now(),
  outcome text,
  outcome_at timestamptz
);
create unique index inbox_dedupe on inbox (bot_id, desk, dedupe_key);
create index inbox_pending on inbox (handoff_id, id) where outcome is null;
create index inbox_unknown on inbox (bot_id, desk, desk_conversation_id) where outcome is null and handoff_id is null;
create index inbox_unforwarded on inbox (id) where outcome is null;

create table callback_health (
  bot_id text primary key,
  failing_since timestamptz,
  last_error text,
  last_success_at timestamptz
);
create index callback_health_failing on callback_health (bot_id) where failing_since is not null;
`;
