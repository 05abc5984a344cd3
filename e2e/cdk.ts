import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations } from 'aws-cdk-lib';
import { createTokenRefresherApp } from '../infra/token-refresher-app.ts';
import { type Finished, run, succeed } from './command.ts';
import { replaceMetricMath } from './metric-math.ts';
import type { Steps } from './steps.ts';
import { ROOT, type Target, WORK_DIRECTORY } from './target.ts';

/** The real CDK CLI with the real app. `tokens` is what `-c tokens=` gets. */
export interface Cdk {
  readonly stackName: string;
  bootstrap(tokens: readonly object[]): Promise<void>;
  /**
   * Deploys as users do: the CDK CLI runs the app.
   *
   * @param app directory of the app; @default this repository
   */
  deployApp(tokens: readonly object[], app?: string): Promise<void>;
  /** Deploys what the app synthesizes in this process, which takes seconds less. */
  deploy(tokens: readonly object[]): Promise<void>;
  /** `status` 1 means differences. */
  diff(tokens: readonly object[]): Promise<Finished>;
  destroy(tokens: readonly object[]): Promise<Finished>;
}

/** What the CDK CLI adds to the context of an app. */
const CLI_CONTEXT = {
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:version-reporting': true,
};

/** Makes the CDK CLI deploy the app's one stack to the target. */
export function createCdk(options: {
  readonly target: Target;
  readonly stackName: string;
  readonly steps: Steps;
  readonly signal: AbortSignal;
}): Cdk {
  const { target, stackName, steps, signal } = options;
  const settings = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  // It takes seconds on an emulator, and some minutes on AWS.
  const at = { env: target.env, cwd: ROOT, signal, timeoutSeconds: target.isEmulator ? 300 : 1200 };
  const terse = ['--no-notices', '--no-color'];
  const synthesize = (tokens: readonly object[]): string => {
    const outdir = assemblyDirectory();
    const context = { ...settings.context, ...CLI_CONTEXT, stackName, tokens };
    const app = createTokenRefresherApp({ account: undefined, region: undefined }, { outdir, context });
    // Nobody reads the alarms of this run.
    Annotations.of(app).acknowledgeWarning('token-refresher:alarms-tell-nobody');
    app.synth();
    return outdir;
  };
  const words = (command: string, assembly: string, ...more: string[]): string[] => {
    if (target.isEmulator && replaceMetricMath(assembly).length > 0) {
      steps.gap('alarms on metric math are refused; they get the metric itself');
    }
    return [command, '--app', assembly, ...more, ...terse];
  };
  const deployment = (): string[] => {
    if (target.isEmulator) steps.gap('change sets of an existing stack; cdk deploy --method=direct');
    return ['--require-approval', 'never', ...(target.isEmulator ? ['--method=direct'] : [])];
  };
  return {
    stackName,
    async bootstrap(tokens) {
      await succeed('cdk', words('bootstrap', synthesize(tokens)), at);
    },
    async deployApp(tokens, app = ROOT) {
      const context = ['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify(tokens)}`];
      const output = ['--output', assemblyDirectory()];
      // The template that the app has written is changed before the CDK CLI reads it.
      const replacement = `node '${join(import.meta.dirname, 'metric-math.ts')}' "$CDK_OUTDIR"`;
      const command = target.isEmulator ? ['--app', `${settings.app} && ${replacement}`] : [];
      await succeed('npx', ['cdk', 'deploy', ...context, ...output, ...command, ...deployment(), ...terse], {
        ...at,
        cwd: app,
      });
    },
    async deploy(tokens) {
      await succeed('cdk', words('deploy', synthesize(tokens), ...deployment()), at);
    },
    async diff(tokens) {
      return run('cdk', words('diff', synthesize(tokens), '--fail'), at);
    },
    async destroy(tokens) {
      return run('cdk', words('destroy', synthesize(tokens), '--force'), at);
    },
  };
}

const ASSEMBLIES = join(WORK_DIRECTORY, 'cdk.out');
let assemblies = 0;

/** A directory of its own for each synthesis: the CDK remembers in a process which assets it has copied where. */
function assemblyDirectory(): string {
  if (assemblies === 0) rmSync(ASSEMBLIES, { recursive: true, force: true });
  assemblies += 1;
  return join(ASSEMBLIES, String(assemblies));
}
