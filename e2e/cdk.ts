import { join } from 'node:path';
import { type Finished, run, succeed } from './command.ts';
import type { Steps } from './steps.ts';
import { ROOT, type Target, WORK_DIRECTORY } from './target.ts';

/** The real CDK CLI with the real app. `tokens` is what `-c tokens=` gets. */
export interface Cdk {
  readonly stackName: string;
  bootstrap(tokens: readonly object[]): Promise<void>;
  /** @param app directory of the app; @default this repository */
  deploy(tokens: readonly object[], app?: string): Promise<void>;
  /** `status` 1 means differences. */
  diff(tokens: readonly object[], app?: string): Promise<Finished>;
  destroy(tokens: readonly object[]): Promise<Finished>;
}

/** Makes the CDK CLI deploy one stack to the target. */
export function createCdk(options: {
  readonly target: Target;
  readonly stackName: string;
  readonly steps: Steps;
  readonly signal: AbortSignal;
}): Cdk {
  const { target, stackName, steps, signal } = options;
  const words = (command: string, tokens: readonly object[], ...more: string[]): string[] => [
    command,
    ...more,
    '--no-notices',
    '--no-color',
    ...['--output', join(WORK_DIRECTORY, 'cdk.out')],
    ...['-c', `stackName=${stackName}`],
    ...['-c', `tokens=${JSON.stringify(tokens)}`],
  ];
  // Seconds on an emulator, some minutes on AWS.
  const timeoutSeconds = target.isEmulator ? 90 : 1200;
  const at = (app = ROOT) => ({ env: target.env, cwd: app, signal, timeoutSeconds });
  return {
    stackName,
    async bootstrap(tokens) {
      await succeed('cdk', words('bootstrap', tokens), at());
    },
    async deploy(tokens, app) {
      if (target.isEmulator) steps.gap('change sets of an existing stack; cdk deploy --method=direct');
      const method = target.isEmulator ? ['--method=direct'] : [];
      await succeed('cdk', words('deploy', tokens, '--require-approval', 'never', ...method), at(app));
    },
    diff: (tokens, app) => run('cdk', words('diff', tokens, '--fail'), at(app)),
    destroy: (tokens) => run('cdk', words('destroy', tokens, '--force'), at()),
  };
}
