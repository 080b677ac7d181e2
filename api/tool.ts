import type { ZodType } from 'zod';
import { REQUEST_KINDS } from '../workflows/contracts.ts';
import { EMAIL, inputs, KIND, QUESTION } from './mcp/schemas.ts';

export const REQUEST_TOOL = { name: 'request_handoff', title: 'Request a human agent' } as const;

/** For the model, wherever it finds the tool. `trigger` is the bot's own word on when to call it. */
export const requestDescription = (trigger?: string): string =>
  [
    'Hands the conversation over to a human agent.',
    trigger,
    'Whether a human comes is in the result: never tell the user more than it says.',
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');

/** What a model can know. Everything else is filled in by the code that runs the call. */
const PARAMETERS = {
  type: 'object',
  properties: {
    question: { type: 'string', description: QUESTION },
    email: { type: 'string', description: EMAIL },
    kind: { type: 'string', enum: REQUEST_KINDS, description: KIND },
  },
  required: ['question'],
  additionalProperties: false,
} as const;

/**
 * The same tool as OpenAI's function calling, Anthropic's tool use and MCP write it. The MCP form is the one that `/mcp`
 * lists for the bot's key: there nobody fills in anything, so it asks for the conversation as well.
 */
export function toolDefinition(trigger: string) {
  const { name, title } = REQUEST_TOOL;
  const description = requestDescription(trigger);
  return {
    openai: { type: 'function' as const, function: { name, description, parameters: PARAMETERS } },
    anthropic: { name, description, input_schema: PARAMETERS },
    mcp: { name, title, description, inputSchema: jsonSchemaOf(inputs.bot.request_handoff) },
  };
}

const jsonSchemaOf = (schema: ZodType): Record<string, unknown> =>
  schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' });
