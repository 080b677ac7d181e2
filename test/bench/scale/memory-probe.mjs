// Loaded before everything else (`node --import`) into a child of the benchmark, and so into each of its threads: on a
// message of the parent every thread collects its garbage and says what is left.
import { setTimeout as pause } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

const questions = new BroadcastChannel('baton-bench-measure');
const answers = new BroadcastChannel('baton-bench-live');
const live = async () => {
  // Finalizers free more, and only between two turns.
  for (let turn = 0; turn < 3; turn += 1) {
    collect();
    await pause(20);
  }
  const { used_heap_size: heap, external_memory: external } = v8.getHeapStatistics();
  return heap + external;
};

async function measure() {
  const begun = new Set();
  const sizes = [];
  answers.onmessage = ({ data: { threadId: id, bytes } }) => (bytes === undefined ? begun.add(id) : sizes.push(bytes));
  questions.postMessage('measure');
  const own = await live();
  // Nobody knows how many threads there are, but those that have an event loop say at once that they are there.
  await pause(1_000);
  while (sizes.length < begun.size) await pause(50);
  process.send({ rss: process.memoryUsage.rss(), live: own + sizes.reduce((sum, bytes) => sum + bytes, 0) });
}

async function answer() {
  answers.postMessage({ threadId });
  answers.postMessage({ threadId, bytes: await live() });
}

if (isMainThread) {
  process.on('message', (message) => void (message === 'measure' && measure()));
  process.channel?.unref();
} else {
  questions.onmessage = () => void answer();
}
questions.unref();
answers.unref();
