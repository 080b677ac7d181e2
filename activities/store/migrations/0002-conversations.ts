/**
 * Conversations in a desk's own messenger (native mode), and what desks keep between calls. No reference from
 * `desk_memory` to `bots` or `desk_configs`: credentials are checked before the bot is written, and what a desk keeps
 * stays when its config changes.
 */
export const conversations = `
create table conversations (
  id text primary key,
  bot_id text not null,
  desk text not null,
  desk_conversation_id text not null,
  human boolean not null default false,
  last_seq integer not null default 0,
  started_at timestamptz not null default now(),
  unique (bot_id, desk, desk_conversation_id)
) with (fillfactor = 80);

create table desk_memory (
  bot_id text not null,
  desk text not null,
  key text not null,
  value text not null,
  expires_at timestamptz,
  primary key (bot_id, desk, key)
);
create index desk_memory_expires on desk_memory (expires_at) where expires_at is not null;

create index handoffs_open_desk_conversation on handoffs (bot_id, desk_conversation_id, n)
  where status <> 'closed' and desk_conversation_id is not null;
create index handoffs_unbound on handoffs (bot_id, desk) where status <> 'closed' and desk_conversation_id is null;

comment on column events.handoff_id is 'of a handoff (ho_) or of a native conversation (co_)';
comment on column late_messages.handoff_id is 'of a handoff (ho_) or of a native conversation (co_)';
comment on column ledger.handoff_id is 'of a handoff (ho_) or of a native conversation (co_)';
comment on column inbox.handoff_id is 'of a handoff (ho_) or of a native conversation (co_)';
`;
