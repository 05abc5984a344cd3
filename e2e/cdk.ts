import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, run, succeed } from './command.ts';
import { replaceMetricMath } from './metric-math.ts';
import type { Steps } from './steps.ts';
import { ROOT, type Target, WORK_DIRECTORY } from './target.ts';

/** The real CDK CLI with the real app. `tokens` is what `-c tokens=` gets. */
export interface Cdk {
  readonly stackName: string;
  bootstrap(tokens: readonly object[]): Promise<void>;
  /** @param app directory of the app; @default this repository */
  deploy(tokens: readonly object[], app?: string): Promise<void>;
  /** `status` 1 means differences. */
  diff(tokens: readonly object[]): Promise<Finished>;
  destroy(tokens: readonly object[]): Promise<Finished>;
}

/** Makes the CDK CLI synthesize the app, and deploy its one stack to the target. */
export function createCdk(options: {
  readonly target: Target;
  readonly stackName: string;
  readonly steps: Steps;
  readonly signal: AbortSignal;
}): Cdk {
  const { target, stackName, steps, signal } = options;
  const assembly = join(WORK_DIRECTORY, 'cdk.out');
  const terse = ['--no-notices', '--no-color'];
  // It takes seconds on an emulator, and some minutes on AWS.
  const at = { env: target.env, cwd: ROOT, signal, timeoutSeconds: target.isEmulator ? 300 : 1200 };
  const synthesize = async (tokens: readonly object[], app = ROOT): Promise<void> => {
    rmSync(assembly, { recursive: true, force: true });
    const context = ['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify(tokens)}`];
    await succeed('cdk', ['synth', '--quiet', ...terse, '--output', assembly, ...context], {
      ...at,
      cwd: app,
    });
    if (target.isEmulator && replaceMetricMath(assembly).length > 0) {
      steps.gap('alarms on metric math are refused; they get the metric itself');
    }
  };
  const words = (command: string, ...more: string[]) => [command, '--app', assembly, ...more, ...terse];
  return {
    stackName,
    async bootstrap(tokens) {
      await synthesize(tokens);
      await succeed('cdk', words('bootstrap'), at);
    },
    async deploy(tokens, app) {
      await synthesize(tokens, app);
      if (target.isEmulator) steps.gap('change sets of an existing stack; cdk deploy --method=direct');
      const method = target.isEmulator ? ['--method=direct'] : [];
      await succeed('cdk', words('deploy', '--require-approval', 'never', ...method), at);
    },
    async diff(tokens) {
      await synthesize(tokens);
      return run('cdk', words('diff', '--fail'), at);
    },
    async destroy(tokens) {
      await synthesize(tokens);
      return run('cdk', words('destroy', '--force'), at);
    },
  };
}
