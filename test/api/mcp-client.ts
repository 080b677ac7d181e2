import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Args, Result, ToolName } from '../../api/mcp/schemas.ts';

/** `legacy`: a client of 2025, with `initialize`; `auto`: one of 2026, each request for itself. */
export type Era = 'legacy' | 'auto';

type Given<N extends ToolName> = Partial<Args<N>> | Record<string, unknown>;

export interface Model {
  client: Client;
  /** Calls a tool and gives back its typed result, an error's as well. */
  use<N extends ToolName>(name: N, args: Given<N>, signal?: AbortSignal): Promise<Result<N> & { isError: boolean }>;
}

/** The official client with a key. */
export async function connectModel(url: string, key: string, era: Era = 'auto'): Promise<Model> {
  const client = new Client({ name: 'a-model', version: '1' }, { versionNegotiation: { mode: era } });
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit }));
  return {
    client,
    async use(name, args, signal) {
      const answer = await client.callTool({ name, arguments: args }, { ...(signal && { signal }) });
      const result = answer.structuredContent as Result<typeof name>;
      return { ...result, isError: answer.isError === true };
    },
  };
}
