import addFormatsModule from 'ajv-formats';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

type Json = Record<string, unknown>;

/** What is checked differently from the description, and why. */
export interface Relaxation {
  /** JSON pointer, without `#`; the node there is changed in place. */
  at: string;
  reason: string;
  change(node: Json): void;
}

export interface Exchange {
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
  status?: number;
  answer?: unknown;
}

export interface OpenApi {
  /** What differs, one sentence each. */
  differences(exchange: Exchange): string[];
  operations: number;
}

interface Operation {
  id: string;
  method: string;
  pattern: RegExp;
  parameters: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: Json }> }>;
}

const ROOT = 'description';
const addFormats = addFormatsModule as unknown as (ajv: Ajv) => Ajv;

/** Checks calls and answers against an OpenAPI 3.0 description, given as YAML. Fields it does not know are differences. */
export function createOpenApi(yaml: string, relaxations: readonly Relaxation[], errorSchema: string): OpenApi {
  const document = parse(yaml) as Json;
  for (const { at, change } of relaxations) {
    const node = nodeAt(document, at);
    if (node === undefined) throw new Error(`the description has nothing at ${at}`);
    change(node);
  }
  const operations = operationsOf(document);
  translate(document);
  const ajv = addFormats(new Ajv({ strict: false, allErrors: true, allowUnionTypes: true, logger: false }));
  ajv.addSchema({ $id: ROOT, ...document });
  const compiled = new Map<Json, ValidateFunction>();

  function validate(schema: Json, value: unknown, where: string): string[] {
    const check = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, check);
    check(value);
    const wrong = (check.errors ?? []).map(({ instancePath, message, params }) => {
      return `${where}${instancePath}: ${message} ${JSON.stringify(params)}`;
    });
    return [...wrong, ...strangers(document, schema, value, where)];
  }

  function request(operation: Operation, { path, headers, body }: Exchange, name: string): string[] {
    const query = new URLSearchParams(path.split('?')[1] ?? '');
    const known = new Set(operation.parameters.filter((one) => one.in === 'query').map((one) => one.name));
    const found = [...query.keys()].filter((key) => !known.has(key)).map((key) => `${name} query: ${key} is unknown`);
    for (const parameter of operation.parameters) {
      const value = valueOf(parameter, query, headers, operation.pattern.exec(path.split('?')[0] ?? ''));
      if (value !== undefined) found.push(...validate(parameter.schema, value, `${name} ${parameter.name}`));
      else if (parameter.required === true) found.push(`${name}: ${parameter.name} is missing`);
    }
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (body === undefined) return found;
    if (schema === undefined) return [...found, `${name}: no body is described`];
    if (!/^application\/json\b/.test(String(headers['content-type'])))
      found.push(`${name}: the body is not called JSON`);
    return [...found, ...validate(schema, body, `${name} body`)];
  }

  function response(operation: Operation, { status, answer }: Exchange, name: string): string[] {
    if (status === undefined) return [];
    const declared = resolve(document, operation.responses[String(status)]) as
      | Operation['responses'][string]
      | undefined;
    const schema = declared?.content?.['application/json']?.schema;
    if (schema !== undefined) return validate(schema, answer, `${name} ${status}`);
    if (status < 400) return [`${name}: status ${status} is not described`];
    return validate({ $ref: `${ROOT}#${errorSchema}` }, answer, `${name} ${status}`);
  }

  return {
    operations: operations.length,
    differences(exchange) {
      const path = exchange.path.split('?')[0] ?? '';
      const operation = operations.find((one) => one.method === exchange.method && one.pattern.test(path));
      if (operation === undefined) return [`${exchange.method} ${path} is not described`];
      return [...request(operation, exchange, operation.id), ...response(operation, exchange, operation.id)];
    },
  };
}

function valueOf(
  parameter: Operation['parameters'][number],
  query: URLSearchParams,
  headers: Exchange['headers'],
  path: RegExpExecArray | null,
): unknown {
  if (parameter.in === 'query') {
    const value = query.get(parameter.name) ?? undefined;
    return parameter.schema['type'] === 'boolean' && value !== undefined ? value === 'true' : value;
  }
  if (parameter.in === 'header') return headers[parameter.name.toLowerCase()];
  const value = path?.groups?.[groupOf(parameter.name)];
  // An address has no numbers, only texts that look like one.
  return parameter.schema['type'] === 'integer' && /^\d+$/.test(value ?? '') ? Number(value) : value;
}

const groupOf = (name: string): string => name.replaceAll(/\W/g, '_');

/** Paths without placeholders come first, so that `/conversations/search` is no conversation. */
function operationsOf(document: Json): Operation[] {
  const paths = Object.entries(document['paths'] as Record<string, Json>);
  const ordered = paths.toSorted(([a], [b]) => a.split('{').length - b.split('{').length);
  return ordered.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const { operationId, parameters = [], requestBody, responses } = operation as Json;
      const source = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => `(?<${groupOf(name)}>[^/]+)`);
      return {
        id: String(operationId),
        method: method.toUpperCase(),
        pattern: new RegExp(`^${source}$`),
        parameters: parameters as Operation['parameters'],
        ...(requestBody !== undefined && { requestBody: requestBody as NonNullable<Operation['requestBody']> }),
        responses: responses as Operation['responses'],
      };
    }),
  );
}

/** OpenAPI 3.0 says `nullable`, JSON Schema says `null`. Done in place, with references made absolute. */
function translate(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  for (const inner of Object.values(node)) translate(inner);
  if (Array.isArray(node)) return;
  const schema = node as Json;
  if (typeof schema['$ref'] === 'string' && schema['$ref'].startsWith('#')) schema['$ref'] = `${ROOT}${schema['$ref']}`;
  const { nullable } = schema;
  if (typeof nullable === 'boolean') delete schema['nullable'];
  if (nullable !== true) return;
  const { description, ...rest } = schema;
  for (const name of Object.keys(schema)) delete schema[name];
  Object.assign(schema, { description, anyOf: [{ type: 'null' }, rest] });
}

function nodeAt(document: Json, pointer: string): Json | undefined {
  let node: unknown = document;
  for (const key of pointer.split('/').slice(1)) {
    node = (node as Json | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return node as Json | undefined;
}

function resolve(document: Json, schema: Json | undefined): Json | undefined {
  const ref = schema?.['$ref'];
  if (typeof ref !== 'string') return schema;
  return resolve(document, nodeAt(document, ref.slice(ref.indexOf('#') + 1)));
}

/** Fields of the value that no branch of its schema names: most often a name that is written wrong. */
function strangers(document: Json, schema: Json, value: unknown, where: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const branches = branchesOf(document, schema);
  if (Array.isArray(value)) {
    const items = branches.flatMap((branch) => (branch['items'] as Json | undefined) ?? []);
    return value.flatMap((one, index) => strangers(document, { anyOf: items }, one, `${where}/${index}`));
  }
  const described = branches.filter((branch) => branch['properties'] !== undefined);
  // An object without described fields is free.
  if (described.length === 0 || described.some((branch) => branch['additionalProperties'] !== undefined)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const of = described.flatMap((branch) => (branch['properties'] as Record<string, Json>)[name] ?? []);
    if (of.length === 0) return [`${where}/${name} is not described`];
    return strangers(document, { anyOf: of }, inner, `${where}/${name}`);
  });
}

function branchesOf(document: Json, schema: Json): Json[] {
  const own = resolve(document, schema);
  if (own === undefined) return [];
  const inner = ['allOf', 'anyOf', 'oneOf'].flatMap((name) => (own[name] as Json[] | undefined) ?? []);
  return [own, ...inner.flatMap((one) => branchesOf(document, one))];
}
