import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CONFIG_VARIABLES, loadConfig } from '../../activities/platform/config.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/ids.ts';
import { read, ROOT } from './sources.ts';

interface Service {
  image: string;
  build?: { context: string };
  user?: string;
  read_only?: boolean;
  restart: string;
  cap_drop?: string[];
  security_opt?: string[];
  healthcheck?: { test: string[] };
  environment?: Record<string, string>;
  command?: string[];
  secrets?: string[];
  volumes?: string[];
  ports?: string[];
  networks: string[];
  depends_on?: Record<string, { condition: string }>;
  [more: string]: unknown;
}

interface Compose {
  services: Record<string, Service>;
  networks: Record<string, unknown>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ourServices = services.filter(([, service]) => service.build !== undefined);
const isJob = ({ restart }: Service): boolean => restart.startsWith('on-failure');

/** Every key that the file uses; what Compose does not know it refuses, so a new one is looked up first. */
const KEYS = new Set(
  (
    'image build user read_only restart cap_drop security_opt logging healthcheck environment command entrypoint secrets ' +
    'volumes ports networks depends_on tmpfs shm_size mem_limit stop_grace_period deploy'
  ).split(' '),
);
const PINNED = /^[a-z][\w./-]*:v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/;

describe.each(services)('the service %s', (_name, service) => {
  it('is of a pinned image and uses only keys that Compose has', () => {
    if (service.build === undefined) expect(service.image).toMatch(PINNED);
    expect(Object.keys(service).filter((key) => !KEYS.has(key))).toEqual([]);
  });

  it('is not root, gains no rights, and writes to volumes and /tmp only', () => {
    expect(service.user).toMatch(/^[1-9]\d*:\d+$/);
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    const files = (service.volumes ?? []).filter((volume) => volume.startsWith('./'));
    expect(files.filter((volume) => !volume.endsWith(':ro'))).toEqual([]);
  });

  it('says whether it is healthy, or ends', () => {
    if (isJob(service)) expect(service.healthcheck).toBeUndefined();
    else expect(service.healthcheck?.test[0]).toBe('CMD');
  });

  it('has no secret in its environment, and gets only secrets that are there', () => {
    const named = Object.entries(service.environment ?? {}).filter(([name]) =>
      /PASSWORD|PWD|SECRET|TOKEN|DATABASE_URL|_KEY(S)?(_|$)/.test(name),
    );
    for (const [name, value] of named) {
      expect(name).toMatch(/_FILE$/);
      expect(service.secrets).toContain(/^\/run\/secrets\/(\w+)$/.exec(value)?.[1]);
    }
    expect((service.secrets ?? []).filter((secret) => !(secret in compose.secrets))).toEqual([]);
    expect(Object.values(service.environment ?? {}).filter((value) => /:\/\/[^/\s]*:[^/\s]*@/.test(value))).toEqual([]);
  });

  it('is published on loopback only, and waits for services that can be waited for', () => {
    expect((service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(service.networks.filter((network) => !(network in compose.networks))).toEqual([]);
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const target = compose.services[name]!;
      expect(target, name).toBeDefined();
      expect(condition).toBe(isJob(target) ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  it('mounts files that are there', () => {
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./')) expect(existsSync(join(ROOT, source)), source).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
  });
});

describe('the settings of the containers', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'baton-secrets-'));
    cpSync(join(ROOT, 'deploy/make-secrets.sh'), join(folder, 'make-secrets.sh'));
    await promisify(execFile)('sh', [join(folder, 'make-secrets.sh')]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const secretFile = (name: string): string => join(folder, 'secrets', name);

  it('find every secret made by deploy/make-secrets.sh, in a folder that others cannot enter', () => {
    const wanted = Object.entries(compose.secrets).map(([name, { file }]) => {
      expect(file).toBe(`deploy/secrets/${name}`);
      return name;
    });
    expect(readdirSync(join(folder, 'secrets')).toSorted()).toEqual(wanted.toSorted());
    expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700);
  });

  it('keep secrets that are there when it runs again', async () => {
    const before = readFileSync(secretFile('secret_keys'), 'utf8');
    await promisify(execFile)('sh', [join(folder, 'make-secrets.sh')]);
    expect(readFileSync(secretFile('secret_keys'), 'utf8')).toBe(before);
  });

  it.each(ourServices)('start %s', (_name, { environment = {} }) => {
    const env = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        value
          .replace(/\$\{\w+:-([^}]*)\}/g, '$1')
          .replace(/^\/run\/secrets\/(\w+)$/, (_, secret: string) => secretFile(secret)),
      ]),
    );
    const config = loadConfig(env);
    expect(config.databaseUrl).toMatch(/^postgres:\/\/baton:[0-9a-f]{48}@postgres:5432\/baton$/);
    expect(config.payloadKeys).toBeDefined();
    expect(config.operatorKey === undefined).toBe(environment['BATON_OPERATOR_KEY_FILE'] === undefined);
    const ours = Object.keys(environment).filter((name) => name !== 'NODE_OPTIONS');
    expect(ours.filter((name) => !CONFIG_VARIABLES.includes(name))).toEqual([]);
  });

  it('make the search attributes that workflows set', () => {
    const script = read('deploy/temporal/namespace.sh');
    const [, names] = /^for name in (.+); do$/m.exec(script) ?? [];
    expect(names?.split(' ').toSorted()).toEqual(Object.values(SEARCH_ATTRIBUTES).toSorted());
  });

  it('scrape the ports that are served, by the names that the alerts ask for', () => {
    const { scrape_configs: jobs } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { job_name: string; dns_sd_configs?: { names: string[]; port: number }[] }[];
    };
    const asked = [...read('deploy/prometheus/alerts.yml').matchAll(/job=~?"([^"]+)"/g)].flatMap(([, j]) =>
      j!.split('|'),
    );
    expect(asked.filter((job) => !jobs.some(({ job_name }) => job_name === job))).toEqual([]);
    const found = jobs.flatMap(({ dns_sd_configs: [found] = [] }) =>
      found ? [`${found.names[0]}:${found.port}`] : [],
    );
    expect(found).toEqual(['baton-api:8080', 'baton-worker:8081', 'baton-worker:9464']);
    expect(read('Dockerfile')).toMatch(/PORT=8080 BATON_WORKER_PORT=8081/);
    expect(compose.services['baton-worker']?.environment?.['BATON_TEMPORAL_METRICS_ADDRESS']).toBe('0.0.0.0:9464');
  });
});

describe('the Dockerfile', () => {
  const dockerfile = read('Dockerfile');
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const last = stages.at(-1)!;
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));
  const ignore = read('.dockerignore').split('\n');

  it('copies what is there and what .dockerignore lets through', () => {
    expect(copied.length).toBeGreaterThan(5);
    for (const source of copied) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(ignore).toContain(`!${source}`);
    }
    const through = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(through.filter((path) => !copied.includes(path))).toEqual([]);
  });

  it('copies every folder that the build compiles', () => {
    const { include } = JSON.parse(read('tsconfig.build.json')) as { include: string[] };
    expect(include.filter((folder) => !copied.includes(folder))).toEqual([]);
  });

  it('is of one pinned Debian image of a Node that we support', () => {
    const [, image] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile) ?? [];
    expect(image).toMatch(/^node:20\.\d+\.\d+-\w+-slim$/);
    expect(stages.every((stage) => stage.startsWith('${NODE_IMAGE}'))).toBe(true);
  });

  it('ends as a user that is not root, with nothing of the build but its result', () => {
    expect(last).toMatch(/^USER 1000:1000$/m);
    expect(last.indexOf('USER ')).toBeGreaterThan(last.lastIndexOf('COPY '));
    expect([...last.matchAll(/^COPY --from=build (\S+)/gm)].map(([, from]) => from)).toEqual(['/app/dist']);
    expect(last).not.toMatch(/^RUN /m);
  });

  it('starts files that the build makes', () => {
    const started = [...last.matchAll(/dist\/([\w/-]+)\.js/g)].map(([, path]) => `${path}.ts`);
    expect(started.length).toBe(2);
    expect(started.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(compose.services['baton-api']?.healthcheck?.test.slice(1, 3)).toEqual(['node', 'dist/worker/health.js']);
  });
});

it('no container is given a file of ours that it cannot read', () => {
  const scripts = services.flatMap(([, { volumes = [] }]) => volumes.filter((v) => v.startsWith('./')));
  for (const volume of scripts) {
    const path = join(ROOT, posix.normalize(volume.split(':')[0]!));
    expect(statSync(path).mode & 0o004, path).toBeTruthy();
  }
});
