import {
  ZodBoolean,
  ZodDefault,
  ZodEnum,
  ZodExactOptional,
  ZodNumber,
  ZodObject,
  ZodOptional,
  type ZodType,
  ZodUnion,
} from 'zod';
import { type Mode, MODES } from '../../workflows/contracts.ts';
import type { Desk } from './desk.ts';
import { intercom } from './intercom/index.ts';
import { livechat } from './livechat/index.ts';
import { livedesk } from './livedesk/index.ts';
import { sobot } from './sobot/index.ts';
import { webhook } from './webhook/index.ts';
import { zohoSalesiq } from './zoho-salesiq/index.ts';

export interface DeskRegistry {
  get(id: string): Desk | undefined;
  all(): Desk[];
}

/** Throws on a second desk with the same id. */
export function createRegistry(list: Desk[]): DeskRegistry {
  const byId = new Map<string, Desk>();
  for (const desk of list) {
    if (byId.has(desk.id)) throw new Error(`two desks have the id ${desk.id}`);
    byId.set(desk.id, desk);
  }
  return { get: (id) => byId.get(id), all: () => [...byId.values()] };
}

/** The only list that names all desks. */
export const desks: DeskRegistry = createRegistry([webhook, intercom, livechat, livedesk, sobot, zohoSalesiq]);

/** One field of a desk's config, as a form shows it. */
export interface ConfigField {
  name: string;
  title: string;
  description: string;
  /** Write-only: encrypted at rest, read back as `"set"`. */
  secret: boolean;
  required: boolean;
  type: 'text' | 'number' | 'boolean';
  /** Modes in which an optional field is needed all the same. */
  requiredIn?: Mode[];
  /** The only values it takes. */
  choices?: string[];
  /** An empty text is a value of its own, not the same as none. */
  mayBeEmpty?: boolean;
  placeholder?: string;
}

/** The fields of a desk's config in their order, from the metadata of its schema. */
export function configFields(desk: Desk): ConfigField[] {
  return Object.entries(shapeOf(desk.config)).map(([name, schema]) => {
    const meta = schema.meta() ?? {};
    const { requiredIn } = meta;
    const choices = choicesOf(schema);
    return {
      name,
      title: typeof meta.title === 'string' ? meta.title : '',
      description: typeof meta.description === 'string' ? meta.description : '',
      secret: meta.secret === true,
      required: schema._zod.optin === undefined,
      type: typeOf(schema),
      ...(Array.isArray(requiredIn) && { requiredIn: MODES.filter((mode) => requiredIn.includes(mode)) }),
      ...(choices !== undefined && { choices }),
      ...(schema.safeParse('').success && { mayBeEmpty: true }),
      ...(typeof meta.placeholder === 'string' && { placeholder: meta.placeholder }),
    };
  });
}

export function secretFields(desk: Desk): string[] {
  return configFields(desk)
    .filter((field) => field.secret)
    .map((field) => field.name);
}

function choicesOf(schema: ZodType): string[] | undefined {
  const inner = unwrapped(schema);
  return inner instanceof ZodEnum ? inner.options.map(String) : undefined;
}

function typeOf(schema: ZodType): ConfigField['type'] {
  const inner = unwrapped(schema);
  if (inner instanceof ZodBoolean) return 'boolean';
  return inner instanceof ZodNumber ? 'number' : 'text';
}

function unwrapped(schema: unknown): unknown {
  const isWrapped = schema instanceof ZodDefault || schema instanceof ZodOptional || schema instanceof ZodExactOptional;
  return isWrapped ? unwrapped(schema.unwrap()) : schema;
}

function shapeOf(schema: ZodType): Record<string, ZodType> {
  if (schema instanceof ZodObject) return schema.shape;
  if (schema instanceof ZodUnion) return Object.assign({}, ...schema.options.map((one) => shapeOf(one as ZodType)));
  return {};
}
