import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SandboxOperation } from '../desk-sandbox.ts';
import { BOT_ADMIN, IntercomError, type Workspace } from './model.ts';
import { bodyOf, checkToken, type RateLimit, sendError, textField, versionOf } from './request.ts';
import { adminJson, teamJson } from './wire.ts';
import { jsonOf, type Served, type Shell } from '../shell.ts';

export interface RouteCall {
  request: FastifyRequest;
  params: Record<string, string>;
  /** As the caller asked for it. */
  version: string;
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** Which of Baton's operations the call is, by what is in its body. */
  operation?(body: unknown): SandboxOperation | undefined;
  run(call: RouteCall): Served;
}

interface Doors {
  shell: Shell;
  rate: RateLimit;
  /** The token that is good now. */
  token(): string;
  /** Of the app: for calls without a version header. */
  version(): string;
}

/** Every call is counted, and checked before anything is done; errors have Intercom's envelope. */
export function registerRoutes(app: FastifyInstance, routes: readonly Route[], doors: Doors): void {
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(doors.rate.count());
  });
  for (const { method, path, operation, run } of routes) {
    app.route({
      method,
      url: path,
      exposeHeadRoute: false,
      handler: async (request, reply) =>
        await doors.shell.serve(request, reply, operation?.(jsonOf(request)), () => {
          checkToken(request, doors.token());
          const version = versionOf(request, doors.version());
          return run({ request, params: request.params as Record<string, string>, version });
        }),
    });
  }
  app.all('/*', async (request) => {
    checkToken(request, doors.token());
    throw new IntercomError(404, 'not_found', 'Resource Not Found');
  });
}

/** Who works here: the token's own teammate, all teammates, teams, office hours, tags. */
export function staffRoutes(workspace: Workspace, region: () => string): Route[] {
  const { admins, teams, tags } = workspace;
  return [
    {
      method: 'GET',
      path: '/me',
      operation: () => 'verify',
      run() {
        const app = {
          type: 'app',
          id_code: workspace.id,
          name: 'Sandbox',
          region: region(),
          timezone: 'Europe/Dublin',
          created_at: 1_700_000_000,
          secure: false,
          identity_verification: false,
        };
        const avatar = { type: 'avatar', image_url: null };
        return { body: { ...adminJson(workspace, workspace.admin(BOT_ADMIN)), email_verified: true, app, avatar } };
      },
    },
    {
      method: 'GET',
      path: '/admins',
      run: () => ({
        body: { type: 'admin.list', admins: [...admins.values()].map((admin) => adminJson(workspace, admin)) },
      }),
    },
    {
      method: 'GET',
      path: '/admins/:id',
      run({ params }) {
        const admin = admins.get(params['id'] ?? '');
        if (admin === undefined) throw new IntercomError(404, 'admin_not_found', 'Admin not found');
        return { body: adminJson(workspace, admin) };
      },
    },
    {
      method: 'GET',
      path: '/teams',
      run: () => ({ body: { type: 'team.list', teams: [...teams.values()].map(teamJson) } }),
    },
    {
      method: 'GET',
      path: '/teams/:id',
      run({ params }) {
        const team = teams.get(params['id'] ?? '');
        if (team === undefined) throw new IntercomError(404, 'team_not_found', 'Team not found');
        return { body: teamJson(team) };
      },
    },
    { method: 'GET', path: '/office_hours_schedules', run: () => ({ body: { type: 'list', data: [] } }) },
    {
      method: 'POST',
      path: '/tags',
      run({ request }) {
        const name = textField(bodyOf(request), 'name');
        const known = [...tags].find(([, other]) => other.toLowerCase() === name.toLowerCase());
        const [id, shown] = known ?? [workspace.nextId('tag'), name];
        tags.set(id, shown);
        return { body: { type: 'tag', id, name: shown } };
      },
    },
  ];
}
