/** What a stored secret reads back as, and what keeps it when sent. */
export const SET = 'set';

/** A value that was typed, and the stored one that it was typed over. */
export interface Edit {
  was: unknown;
  value: unknown;
}

/** Unsaved changes by field of the settings. */
export type Edits = Record<string, Edit>;

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => same(one, b[at]));
  if (!isPlain(a) || !isPlain(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => same(a[name], b[name]));
}

/** The settings with what was typed. */
export function applied<S extends object>(stored: S, edits: Edits): S {
  return Object.entries(edits).reduce((all, [field, { value }]) => ({ ...all, [field]: value }), stored);
}

/** With one more field changed; a field that is back at its stored value is no edit. */
export function edited(edits: Edits, field: string, stored: unknown, value: unknown): Edits {
  const { [field]: before, ...others } = edits;
  const was = before ? before.was : stored;
  return same(was, value) ? others : { ...others, [field]: { was, value } };
}

/** Fields that the API merges one by one, as long as it is the same desk. */
const isMerged = (field: string, { was, value }: Edit): boolean =>
  ['desk', 'secondDesk', 'callback'].includes(field) && isPlain(was) && isPlain(value) && was['kind'] === value['kind'];

/** What `PATCH` takes: of desks and callback only the fields that were changed, null for one that is to go. */
export function patchOf(edits: Edits): Plain {
  const entries = Object.entries(edits).map(([field, edit]) => [
    field,
    isMerged(field, edit) ? difference(edit.was as Plain, edit.value as Plain) : (edit.value ?? null),
  ]);
  return Object.fromEntries(entries) as Plain;
}

function difference(was: Plain, value: Plain): Plain {
  const names = [...new Set([...Object.keys(was), ...Object.keys(value)])];
  const changed = names.filter((name) => !same(was[name], value[name]));
  return Object.fromEntries(changed.map((name) => [name, value[name] ?? null]));
}

/** The same edits over settings that somebody else may have changed: what only he changed is taken over. */
export function rebased(edits: Edits, stored: object): Edits {
  return Object.entries(edits).reduce<Edits>((all, [field, edit]) => {
    const now = (stored as Plain)[field];
    const value =
      isMerged(field, edit) && isMerged(field, { was: edit.was, value: now })
        ? merged(now as Plain, difference(edit.was as Plain, edit.value as Plain))
        : edit.value;
    return edited(all, field, now, value);
  }, {});
}

function merged(now: Plain, changes: Plain): Plain {
  const kept = Object.entries({ ...now, ...changes }).filter(([, value]) => value !== null);
  return Object.fromEntries(kept);
}

/** Fields, dotted, that are changed here and have been changed in another way at the service meanwhile. */
export function conflicts(edits: Edits, stored: object): string[] {
  return Object.entries(edits).flatMap(([field, edit]) => {
    const now = (stored as Plain)[field];
    if (same(edit.was, now) || same(edit.value, now)) return [];
    if (!isMerged(field, edit) || !isMerged(field, { was: edit.was, value: now })) return [field];
    const theirs = difference(edit.was as Plain, now as Plain);
    const ours = difference(edit.was as Plain, edit.value as Plain);
    return Object.keys(ours)
      .filter((name) => name in theirs && !same(ours[name], theirs[name]))
      .map((name) => `${field}.${name}`);
  });
}
