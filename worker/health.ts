// For the health check of a container, which has no curl: node dist/worker/health.js [path]. Exit code 0 = healthy.
const path = process.argv[2] ?? '/livez';
const ports = [process.env['PORT'] ?? '8080', process.env['BATON_WORKER_PORT'] ?? '8081'];

/** A container is an API or a worker: one of the two ports answers. */
async function isHealthy(port: string): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_000) })).ok;
  } catch {
    return false;
  }
}

const answers = await Promise.all(ports.map(isHealthy));
process.exit(answers.includes(true) ? 0 : 1);
