import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts messages and stack traces of failures into a payload, so that the codec encrypts them as well. Loaded by path,
 * also inside the workflow sandbox and by plain `require`: JavaScript only, one import.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
