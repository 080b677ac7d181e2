import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects whose files take longest come first, so that at the end no file is left alone with an idle machine. */
const LONGEST_FIRST = ['e2e', 'workflow', 'browser', 'contract', 'api', 'store', 'unit'];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // By what they took the last time; without that by size.
    const sorted = await super.sort(files);
    const rank = ({ project }: TestSpecification): number => LONGEST_FIRST.indexOf(project.name);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
