import { IntercomError } from './model.ts';

type Value = string | number | boolean | null | readonly (string | number)[];
type Searchable = Record<string, Value>;
type Fields = Record<string, unknown>;

/** What search answers: those that match, page by page, and where the next page starts. */
export interface Page<T> {
  found: T[];
  total: number;
  pages: object;
}

interface SearchOptions<T> {
  /** What can be asked about an item. */
  fields(item: T): Searchable;
  perPage: number;
}

const OPERATORS = ['=', '!=', 'IN', 'NIN', '<', '<=', '>', '>=', '~', '!~', '^', '$'];
const DATE_OPERATORS = ['=', '<', '>'];
const MAX_DEPTH = 2;
const MAX_FILTERS = 15;
const MAX_PER_PAGE = 150;

/** Intercom's query language: one filter, or AND/OR over filters, two levels deep. Newest first. */
export function searched<T>(items: readonly T[], body: unknown, options: SearchOptions<T>): Page<T> {
  const { query, pagination = {} } = objectOf(body, 'query');
  const matches = items.filter((item) => holds(query, options.fields(item), 0)).toReversed();
  const { per_page = options.perPage, starting_after } = objectOf(pagination, 'pagination');
  if (!Number.isInteger(per_page) || Number(per_page) < 1 || Number(per_page) > MAX_PER_PAGE) {
    throw new IntercomError(400, 'parameter_invalid', 'per_page is out of range');
  }
  const perPage = Number(per_page);
  const from = typeof starting_after === 'string' ? Number(Buffer.from(starting_after, 'base64url').toString()) : 0;
  if (!Number.isInteger(from)) throw new IntercomError(400, 'parameter_invalid', 'starting_after is not valid');
  const next = Buffer.from(String(from + perPage)).toString('base64url');
  return {
    found: matches.slice(from, from + perPage),
    total: matches.length,
    pages: {
      type: 'pages',
      page: Math.floor(from / perPage) + 1,
      per_page: perPage,
      total_pages: Math.ceil(matches.length / perPage),
      ...(from + perPage < matches.length && { next: { per_page: perPage, starting_after: next } }),
    },
  };
}

function holds(query: unknown, item: Searchable, depth: number): boolean {
  const { operator, value, field } = objectOf(query, 'query');
  if (operator === 'AND' || operator === 'OR') {
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_FILTERS || depth >= MAX_DEPTH) {
      throw new IntercomError(400, 'parameter_invalid', 'the filters of a group are wrong');
    }
    // All are looked at, so that a wrong filter is refused wherever it stands.
    const results = value.map((inner) => holds(inner, item, depth + 1));
    return operator === 'AND' ? results.every(Boolean) : results.some(Boolean);
  }
  if (typeof field !== 'string' || !(field in item)) {
    throw new IntercomError(400, 'parameter_invalid', `field ${String(field)} cannot be searched`);
  }
  const allowed = field.endsWith('_at') ? DATE_OPERATORS : OPERATORS;
  if (typeof operator !== 'string' || !allowed.includes(operator)) {
    throw new IntercomError(400, 'parameter_invalid', `operator ${String(operator)} does not go with ${field}`);
  }
  return compare(field, item[field] ?? null, operator, value);
}

function compare(field: string, actual: Value, operator: string, wanted: unknown): boolean {
  if (operator === 'IN' || operator === 'NIN') {
    if (!Array.isArray(wanted)) throw new IntercomError(400, 'type_mismatch', `${operator} needs a list`);
    return wanted.some((one) => compare(field, actual, '=', one)) === (operator === 'IN');
  }
  if (operator === '!=') return !compare(field, actual, '=', wanted);
  if (operator === '!~') return !compare(field, actual, '~', wanted);
  const text = wanted === null ? '' : String(wanted).toLowerCase();
  if (typeof actual === 'object' && actual !== null) return actual.some((one) => String(one).toLowerCase() === text);
  // Dates are documented as "greater (or equal)".
  if (operator.startsWith('>')) return Number(actual) >= Number(wanted);
  if (operator.startsWith('<')) return Number(actual) <= Number(wanted);
  const mine = actual === null ? '' : String(actual).toLowerCase();
  if (operator === '^') return mine.startsWith(text);
  if (operator === '$') return mine.endsWith(text);
  if (field.endsWith('.body')) return wordsOf(text).every((word) => wordsOf(mine).includes(word));
  return operator === '~' ? mine.includes(text) : mine === text;
}

const wordsOf = (text: string): string[] => text.replaceAll(/<[^>]*>/g, ' ').match(/[\p{L}\p{N}]+/gu) ?? [];

function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IntercomError(400, 'parameter_invalid', `${name} is missing or not valid`);
  }
  return value as Fields;
}
