const NAME = 'request_handoff';
const TITLE = 'Request a human agent';

const PARAMETERS = {
  type: 'object',
  properties: {
    question: {
      type: 'string',
      description: "What the user wants from a human, in the user's own words and language.",
    },
    email: {
      type: 'string',
      description: "The user's email address, only if the user has given one in this conversation.",
    },
  },
  required: ['question'],
  additionalProperties: false,
} as const;

/** The same tool as OpenAI's function calling, Anthropic's tool use and MCP write it. */
export function toolDefinition(trigger: string) {
  const description = `Hands the conversation over to a human agent. ${trigger}`;
  return {
    openai: { type: 'function' as const, function: { name: NAME, description, parameters: PARAMETERS } },
    anthropic: { name: NAME, description, input_schema: PARAMETERS },
    mcp: { name: NAME, title: TITLE, description, inputSchema: PARAMETERS },
  };
}
