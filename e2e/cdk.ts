import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, run, succeed } from './command.ts';
import { ROOT, WORK_DIRECTORY } from './python-tools.ts';
import type { Steps } from './steps.ts';
import type { Target } from './target.ts';

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

const ASSEMBLIES = join(WORK_DIRECTORY, 'cdk.out');
let assemblies = 0;

/** Makes the CDK CLI deploy the app's one stack to the target. */
export function createCdk(options: {
  readonly target: Target;
  readonly stackName: string;
  readonly steps: Steps;
  readonly signal: AbortSignal;
}): Cdk {
  const { target, stackName, steps, signal } = options;
  const { app: appCommand } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  // It takes seconds on an emulator, and some minutes on AWS.
  const at = { env: target.env, cwd: ROOT, signal, timeoutSeconds: target.isEmulator ? 300 : 1200 };
  const words = (command: string, tokens: readonly object[], ...more: string[]): string[] => {
    if (assemblies === 0) rmSync(ASSEMBLIES, { recursive: true, force: true });
    assemblies += 1;
    const output = join(ASSEMBLIES, String(assemblies));
    const context = ['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify(tokens)}`];
    return [command, ...context, '--output', output, ...forEmulator(), ...more, '--no-notices', '--no-color'];
  };
  // The template that the app has written is changed before the CDK CLI reads it.
  const forEmulator = (): string[] => {
    if (!target.isEmulator) return [];
    steps.gap('alarms on metric math are refused; they get the metric itself');
    const replacement = `node '${join(import.meta.dirname, 'metric-math.ts')}' "$CDK_OUTDIR"`;
    return ['--app', `${appCommand} && ${replacement}`];
  };
  return {
    stackName,
    async bootstrap(tokens) {
      await succeed('cdk', words('bootstrap', tokens), at);
    },
    async deploy(tokens, app = ROOT) {
      if (target.isEmulator) steps.gap('change sets of an existing stack; cdk deploy --method=direct');
      const method = target.isEmulator ? ['--method=direct'] : [];
      const more = ['--require-approval', 'never', ...method];
      await succeed('cdk', words('deploy', tokens, ...more), { ...at, cwd: app });
    },
    diff: (tokens) => run('cdk', words('diff', tokens, '--fail'), at),
    destroy: (tokens) => run('cdk', words('destroy', tokens, '--force'), at),
  };
}
