/** By what the bot of a webhook address is found when the token in it is sealed. Null in rows of the version before. */
export const hookHash = `
alter table desk_configs add column if not exists hook_hash text;
create unique index if not exists desk_configs_hook_hash on desk_configs (hook_hash);
`;
