import { BUILT_IN_TEXTS } from '../../activities/text/languages.ts';
import { requireOperator } from '../auth.ts';
import { errors } from '../schemas/common.ts';
import { service } from '../schemas/insight.ts';
import { productVersion } from '../../activities/platform/version.ts';
import type { Routes } from './route.ts';

export const serviceRoutes: Routes = (app, context) => {
  const { client, config, playground = false, sandboxes = {}, temporalUiUrl } = context;
  const version = productVersion();

  app.get(
    '/v1/service',
    {
      schema: {
        tags: ['operations'],
        summary: 'What runs here',
        description: 'Operator only.',
        response: { 200: service, ...errors(403) },
      },
    },
    async (request) => {
      requireOperator(request);
      return {
        version,
        temporalUi: temporalUiUrl ?? null,
        namespace: client.options.namespace,
        playground,
        sandboxes: Object.keys(sandboxes),
        languages: Object.keys(BUILT_IN_TEXTS),
        publicUrl: config.publicUrl,
      };
    },
  );
};
