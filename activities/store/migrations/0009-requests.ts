/** What was asked for besides a human at once, and when the desk is asked then. */
export const requests = `
alter table handoffs add column if not exists kind text, add column if not exists opens_at timestamptz;
`;
