import { z } from 'zod';
import { call, type Context, type Operation } from './client.ts';
import { ZohoError } from './errors.ts';

const flag = z.union([z.boolean(), z.string().transform((value) => value === 'true')]);
const id = z.union([z.string().min(1), z.number().transform(String)]);

const apps = z.array(z.object({ id, name: z.string().catch(''), enabled: flag.catch(true) }));
const departments = z.array(
  z.object({ id, name: z.string().catch(''), display_name: z.string().catch(''), is_enabled: flag.catch(true) }),
);

export interface Named {
  id: string;
  name: string;
}

const TTL_MS = 86_400_000;
/** Of departments; brands come all at once. */
const PAGE = 20;
const PAGES_MAX = 50;

/** Brands that are switched on. */
export async function readApps(ctx: Context, operation: Operation): Promise<Named[]> {
  const all = await call(ctx, operation, { method: 'GET', path: 'apps', answer: apps });
  return all.filter(({ enabled }) => enabled);
}

export async function readDepartments(ctx: Context, operation: Operation): Promise<(Named & { enabled: boolean })[]> {
  const all: z.output<typeof departments> = [];
  for (let index = 1; index <= PAGES_MAX; index += 1) {
    const path = `departments?index=${index}`;
    const page = await call(ctx, operation, { method: 'GET', path, answer: departments });
    all.push(...page);
    if (page.length < PAGE) break;
  }
  return all.map((one) => ({ id: one.id, name: one.display_name || one.name, enabled: one.is_enabled }));
}

/** The brand of the settings, else the first that is switched on (note, section 4.2). */
export async function appOf(ctx: Context, operation: Operation): Promise<string> {
  const { appId, screenName } = ctx.config;
  if (appId !== undefined) return appId;
  const key = `app.${screenName}`;
  const known = await ctx.memory.get<string>(key);
  if (known !== undefined) return known;
  const [first] = await readApps(ctx, operation);
  if (first === undefined) {
    const reason = 'no brand is switched on in SalesIQ';
    throw new ZohoError({ operation, kind: 'rejected', reason, field: 'appId' });
  }
  await ctx.memory.put(key, first.id, { ttlMs: TTL_MS });
  return first.id;
}
