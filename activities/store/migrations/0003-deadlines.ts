/** What ends a handoff when nothing happens, and what it has counted: shown without asking its run. */
export const deadlines = `
alter table handoffs add column counts jsonb, add column deadline jsonb;
`;
