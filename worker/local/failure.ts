/** A start that cannot go on, told in one sentence. Printed without a stack trace. */
export class StartError extends Error {
  /** Process exit code; 78 (EX_CONFIG) when a setting is wrong. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

export const EXIT_CONFIG = 78;
