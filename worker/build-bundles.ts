// The last step of `npm run build`: the workflows as the worker's sandbox loads them, in dist/workflow-bundles/.
import { failureConverterPath } from '../activities/platform/payload-codec.ts';
import { shipBundles } from './bundle.ts';

for (const path of await shipBundles(failureConverterPath())) console.log(`built ${path}`);
