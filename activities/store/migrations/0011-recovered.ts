/**
 * What a look has recovered under another id than its webhook will have, until that webhook comes. Null: by code that
 * did not write it, or nothing to wait for. And how native conversations are found by when they were last heard of.
 */
export const recovered = `
alter table inbox add column if not exists awaits_webhook boolean;
create index if not exists inbox_awaits_webhook on inbox (bot_id, desk, desk_conversation_id) where awaits_webhook;
create index if not exists conversations_heard_at on conversations ((coalesce(last_event_at, started_at)));
`;
