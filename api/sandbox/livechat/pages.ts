import type { Fields } from './model.ts';
import { invalid } from './model.ts';

interface PageRules {
  /** How many when the request does not say, and the most it may ask for. */
  standard: number;
  most: number;
}

interface Page<T> {
  items: T[];
  /** `next_page_id` and `previous_page_id`, where there are such. */
  links: Fields;
}

interface Cursor {
  offset: number;
  limit: number;
  order: 'asc' | 'desc';
}

/** One page of `items`, which come oldest first; the newest is shown first unless the request says otherwise. */
export function pageOf<T>(items: T[], body: Fields, rules: PageRules): Page<T> {
  const { offset, limit, order } = cursorOf(body, rules);
  const sorted = order === 'desc' ? items.toReversed() : items;
  const link = (to: number): string => Buffer.from(JSON.stringify({ offset: to, limit, order })).toString('base64url');
  return {
    items: sorted.slice(offset, offset + limit),
    links: {
      ...(offset + limit < items.length && { next_page_id: link(offset + limit) }),
      ...(offset > 0 && { previous_page_id: link(Math.max(0, offset - limit)) }),
    },
  };
}

function cursorOf(body: Fields, { standard, most }: PageRules): Cursor {
  const { page_id: pageId, limit = standard, sort_order: order = 'desc' } = body;
  if (pageId !== undefined) {
    if (body['limit'] !== undefined || body['sort_order'] !== undefined || body['filters'] !== undefined) {
      throw invalid('`page_id` cannot be used with `filters`, `limit` or `sort_order`');
    }
    return readCursor(pageId);
  }
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > most) {
    throw invalid(`\`limit\` must be between 1 and ${most}`);
  }
  if (order !== 'asc' && order !== 'desc') throw invalid('`sort_order` must be asc or desc');
  return { offset: 0, limit: limit as number, order };
}

function readCursor(pageId: unknown): Cursor {
  try {
    return JSON.parse(Buffer.from(String(pageId), 'base64url').toString()) as Cursor;
  } catch {
    throw invalid('`page_id` is wrong');
  }
}
