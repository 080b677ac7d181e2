import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../activities/platform/metrics.ts';
import { read, repositoryFiles, ROOT } from './sources.ts';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook_url: string };
}

const rules = (parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const runbook = read('deploy/runbook.md');
const sections = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);

interface Panel {
  title: string;
  type: string;
  datasource?: { uid: string };
  targets?: { expr: string; datasource: { uid: string } }[];
}
const dashboard = JSON.parse(read('deploy/grafana/dashboards/baton.json')) as { panels: Panel[] };
const drawn = dashboard.panels.filter((panel) => panel.type !== 'row');

const { registry } = createMetrics();
const ours = new Map(
  registry
    .getMetricsAsArray()
    .map((metric) => [metric.name, metric as unknown as { type: string; labelNames: string[] }]),
);

const PARTS = /_(bucket|sum|count)$/;
const metricsIn = (expr: string): string[] => [
  ...new Set([...expr.matchAll(/\b(?:baton|temporal|nodejs|process)_[a-z0-9_]+\b/g)].map(([name]) => name)),
];

/** The files of the SDK that name what it measures: its sources come with the package. */
function sdkNames(): Set<string> {
  const ofWorker = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'));
  const crates = join(dirname(ofWorker.resolve('@temporalio/core-bridge/package.json')), 'sdk-core', 'crates');
  const files = ['sdk-core/src/telemetry/metrics.rs', 'common/src/telemetry/metrics.rs', 'client/src/metrics.rs'];
  const texts = files.map((path) => readFileSync(join(crates, path), 'utf8'));
  return new Set(texts.flatMap((file) => [...file.matchAll(/"([a-z_]+)"/g)].map(([, name]) => name!)));
}

/** With the suffixes that `worker/telemetry.ts` switches on. */
const sdkName = (metric: string): string =>
  metric
    .replace(/^temporal_/, '')
    .replace(PARTS, '')
    .replace(/_(total|seconds)$/, '');

function unknownMetrics(exprs: string[]): string[] {
  const sdk = sdkNames();
  return [...new Set(exprs.flatMap(metricsIn))].filter((name) => {
    if (name.startsWith('temporal_')) return !sdk.has(sdkName(name));
    const base = ours.get(name) ?? ours.get(name.replace(PARTS, ''));
    return base === undefined || (ours.has(name) && base.type === 'histogram');
  });
}

describe('the alert rules', () => {
  it('name only metrics that Baton or the Temporal SDK has', () => {
    expect(rules.length).toBeGreaterThan(20);
    expect(unknownMetrics(rules.map((rule) => rule.expr))).toEqual([]);
  });

  it('ask only for labels that our metrics have', () => {
    const wrong = [...rules.map((rule) => rule.expr), ...drawn.flatMap((panel) => panel.targets!.map((t) => t.expr))]
      .flatMap((expr) => [...expr.matchAll(/\b(baton_[a-z_]+)\{([^}]*)\}/g)])
      .flatMap(([, name, selector]) => {
        const labels = ours.get(name!.replace(PARTS, ''))?.labelNames ?? ours.get(name!)?.labelNames ?? [];
        const asked = [...selector!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!);
        return asked.filter((label) => !['job', 'instance', ...labels].includes(label)).map((l) => `${name}{${l}}`);
      });
    expect(wrong).toEqual([]);
  });

  it('name routes that are there', () => {
    const { paths } = JSON.parse(read('api/openapi.json')) as { paths: Record<string, unknown> };
    const routes = new Set(Object.keys(paths).map((path) => path.replace(/\{(\w+)\}/g, ':$1')));
    const asked = rules.flatMap(({ expr }) =>
      [...expr.matchAll(/route!?=~?"([^"]+)"/g)].flatMap(([, r]) => r!.split('|')),
    );
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((route) => !routes.has(route))).toEqual([]);
  });

  it('have a section of the runbook each, and the runbook has no other', () => {
    expect(sections.toSorted()).toEqual(rules.map((rule) => rule.alert).toSorted());
    expect(new Set(sections).size).toBe(sections.length);
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toMatch(new RegExp(`deploy/runbook\\.md#${alert.toLowerCase()}$`));
    }
  });

  it('say how bad it is and what it means', () => {
    for (const { labels, annotations } of rules) {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.summary.length).toBeGreaterThan(20);
    }
  });
});

describe('the dashboard', () => {
  it('draws only metrics that Baton or the Temporal SDK has, from the source that is provisioned', () => {
    const targets = drawn.flatMap((panel) => panel.targets ?? []);
    expect(targets.length).toBeGreaterThan(30);
    expect(unknownMetrics(targets.map((target) => target.expr))).toEqual([]);
    const { datasources } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string }[];
    };
    const uids = new Set([...drawn.map((panel) => panel.datasource!.uid), ...targets.map((t) => t.datasource.uid)]);
    expect([...uids]).toEqual([datasources[0]!.uid]);
  });

  it('shows each of our own metrics', () => {
    const shown = new Set(
      drawn
        .flatMap((panel) => panel.targets!.flatMap((t) => metricsIn(t.expr)))
        .flatMap((name) => [name, name.replace(PARTS, '')]),
    );
    expect([...ours.keys()].filter((name) => name.startsWith('baton_') && !shown.has(name))).toEqual([]);
  });
});

describe('the pages for operators', () => {
  const pages = repositoryFiles().filter((path) => /^deploy\/[^/]+\.md$/.test(path));

  it('name each of our metrics', () => {
    const text = read('deploy/README.md');
    expect([...ours.keys()].filter((name) => name.startsWith('baton_') && !text.includes(name))).toEqual([]);
  });

  it('are all in the index', () => {
    const index = read('deploy/README.md');
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.filter((path) => path !== 'deploy/README.md' && !index.includes(`(${path.slice(7)})`))).toEqual([]);
  });

  it.each(pages)('%s points to files and sections that exist', (page) => {
    const text = read(page);
    const missing = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].filter(([, file, section]) => {
      const path = file === '' ? page : normalize(join(dirname(page), file!));
      if (!existsSync(join(ROOT, path))) return true;
      return section !== undefined && !anchorsOf(read(path)).includes(section);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });
});

const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
