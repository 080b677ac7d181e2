import {
  McpServer,
  type CallToolResult,
  type StandardSchemaWithJSON,
  type ToolAnnotations,
} from '@modelcontextprotocol/server';
import { logFailure, toApiError } from '../errors.ts';
import { REQUEST_TOOL, requestDescription } from '../tool.ts';
import { productVersion } from '../../activities/platform/version.ts';
import type { Call } from './call.ts';
import { requestHandoff } from './request.ts';
import { inputs, outputs, type Args, type Result, type ToolName } from './schemas.ts';
import { endHandoff, handoffStatus, sendUserMessage } from './talk.ts';
import { INSTRUCTIONS, onError } from './words.ts';

const VERSION = productVersion();

interface Tool<N extends ToolName> {
  title: string;
  description: string;
  annotations: ToolAnnotations;
  run(call: Call, args: Args<N>): Promise<Result<N>>;
}

/** Desks are other people's services: all but the reading tool reach them. */
const tools = (trigger: string | undefined): { [N in ToolName]: Tool<N> } => ({
  request_handoff: {
    title: REQUEST_TOOL.title,
    description: requestDescription(trigger),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    run: requestHandoff,
  },
  handoff_status: {
    title: 'Look at a handoff',
    description:
      'Where a handoff is, what the human agent has written since `after`, and what to tell the user now. With waitSeconds it answers as soon as there is something new. After the end it has the `packet` to go on with.',
    annotations: { readOnlyHint: true, openWorldHint: false },
    run: handoffStatus,
  },
  send_user_message: {
    title: "Pass on a user's message",
    description:
      "Gives what the user wrote to the human agent, in order. For the user's words only, never for your own. `accepted` means that it will be delivered or reported as failed.",
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    run: sendUserMessage,
  },
  end_handoff: {
    title: 'End a handoff',
    description:
      'Takes the conversation back from the humans. Only when the user asks for it, or nobody needs the human any more. Calling it again changes nothing.',
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    run: endHandoff,
  },
});

/** A server for one HTTP request. `trigger` is the bot's own word on when to ask for a human. */
export function createServer(call: Call, trigger: string | undefined): McpServer {
  const server = new McpServer(
    { name: 'baton', title: 'Baton', version: VERSION },
    { instructions: INSTRUCTIONS, capabilities: { tools: { listChanged: false } } },
  );
  const own = tools(trigger);
  for (const name of Object.keys(own) as ToolName[]) register(server, call, name, own[name]);
  return server;
}

function register(server: McpServer, call: Call, name: ToolName, tool: Tool<ToolName>): void {
  const { run, ...config } = tool;
  const inputSchema = inputs[call.principal.kind][name] as unknown as StandardSchemaWithJSON<Args<ToolName>>;
  server.registerTool(name, { ...config, inputSchema, outputSchema: outputs[name] }, async (args) => {
    try {
      return resultOf(await run(call, args));
    } catch (error) {
      return failureOf(call, error);
    }
  });
}

/** As text too, for clients that show models nothing else. */
const resultOf = (result: Result<ToolName>): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(result) }],
  structuredContent: { ...result },
});

/** What the API answers with a status is a result here: a model reads it and goes on. */
function failureOf({ request }: Call, error: unknown): CallToolResult {
  const answer = toApiError(error);
  logFailure(request, answer, error);
  const { code, message, details, headers } = answer;
  const retryAfter = headers['retry-after'];
  const failed = {
    outcome: 'failed' as const,
    error: {
      code,
      message,
      ...(details !== undefined && { details }),
      ...(retryAfter !== undefined && { retryAfterSeconds: Number(retryAfter) }),
    },
    say: null,
    whatToDo: onError(code),
  };
  return { ...resultOf(failed), isError: true };
}
