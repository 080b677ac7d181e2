// Run in a process of its own, because the download of the SDK takes no time-out: node sdk-download.mjs PROGRAM FOLDER
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [program, downloadDir] = process.argv.slice(2);
const options = { server: { executable: { type: 'cached-download', downloadDir } } };
try {
  const start = program === 'temporal' ? 'createLocal' : 'createTimeSkipping';
  const environment = await TestWorkflowEnvironment[start](options);
  await environment.teardown();
} catch (error) {
  // The SDK's message repeats the whole address several times; its end says why.
  console.error(String(error.message).split(': ').slice(-2).join(': '));
  process.exitCode = 1;
}
