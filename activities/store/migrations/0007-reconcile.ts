/**
 * When a conversation was last heard of and last looked at at its desk. Null: by code that did not write it, or never.
 */
export const reconcile = `
alter table handoffs
  add column if not exists last_event_at timestamptz,
  add column if not exists looked_at timestamptz;
alter table conversations
  add column if not exists last_event_at timestamptz,
  add column if not exists looked_at timestamptz;
create index if not exists handoffs_closed_at on handoffs (closed_at) where closed_at is not null;
create index if not exists inbox_conversation on inbox (bot_id, desk, desk_conversation_id, id);
`;
