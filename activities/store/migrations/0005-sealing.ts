/**
 * What lets content be sealed, and one user's handoffs be found without reading any: `user_marks` are keyed hashes of who
 * he is, `events.message_id` is what late messages are compared with, `own_secrets` are Baton's own, sealed. All may be
 * absent in rows of the version before.
 */
export const sealing = `
create table if not exists own_secrets (
  name text primary key,
  value text not null
);
alter table handoffs add column if not exists user_marks text[];
create index if not exists handoffs_user_marks on handoffs using gin (user_marks);
alter table events add column if not exists message_id text;
`;
