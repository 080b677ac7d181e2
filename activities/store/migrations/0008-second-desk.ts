/**
 * A second desk for when the first does not answer: which one a bot has, and which one a handoff has left. An older
 * version leaves all of it alone: its bots keep their second desk, and its handoffs stay where they are.
 */
export const secondDesk = `
alter table bots add column if not exists second_desk_kind text;

alter table handoffs
  add column if not exists earlier_desk text,
  add column if not exists earlier_desk_conversation_id text,
  add column if not exists moved_why text,
  add column if not exists moved_at timestamptz;
create index if not exists handoffs_earlier_desk on handoffs (bot_id, earlier_desk, earlier_desk_conversation_id, n)
  where earlier_desk_conversation_id is not null;
`;
