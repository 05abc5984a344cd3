import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesizeAssembly, type Template } from '../../local/cloud-assembly.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import type { Commands } from './commands.ts';
import type { Target } from './target.ts';

/** The real CDK CLI, with the app of one stack. `tokens` are as in `tokens.json`. */
export interface Cdk {
  readonly stackName: string;
  bootstrap(tokens: readonly object[]): Promise<void>;
  /** `app`: the directory of another app than this repository's. `edit` changes the synthesized template. */
  deploy(
    tokens: readonly object[],
    options?: { readonly app?: string; readonly edit?: (template: Template) => void },
  ): Promise<void>;
  destroy(tokens: readonly object[]): Promise<void>;
}

/** Makes the CDK CLI deploy a stack to the target. It is given assemblies: to start the app each time would cost seconds. */
export function createCdk(stackName: string, target: Target, { succeed }: Commands): Cdk {
  const synthesize = async (
    tokens: readonly object[],
    { app, edit }: Parameters<Cdk['deploy']>[1] = {},
  ): Promise<string> => {
    const directory = temporaryDirectory();
    if (app === undefined) synthesizeAssembly({ tokens, context: { stackName }, directory });
    else {
      const context = ['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify(tokens)}`];
      await succeed(['cdk', 'synth', '--quiet', ...context, '--output', directory], { cwd: app });
    }
    const file = join(directory, `${stackName}.template.json`);
    const template: Template = JSON.parse(readFileSync(file, 'utf8'));
    edit?.(template);
    writeFileSync(file, target.isEmulator ? fitToMiniStack(template) : JSON.stringify(template));
    return directory;
  };
  const cdk = (verb: string, assembly: string, ...more: string[]): Promise<string> =>
    succeed(['cdk', verb, '--app', assembly, ...more, '--no-notices', '--no-color']);
  return {
    stackName,
    async bootstrap(tokens) {
      await cdk('bootstrap', await synthesize(tokens));
    },
    async deploy(tokens, options) {
      const assembly = await synthesize(tokens, options);
      // Without a change set, for which the CDK would wait five seconds.
      await cdk('deploy', assembly, '--require-approval', 'never', '--method', 'direct');
    },
    async destroy(tokens) {
      await cdk('destroy', await synthesize(tokens), '--force');
    },
  };
}

interface MetricAlarm {
  Metrics?: readonly {
    readonly MetricStat?: { readonly Metric: object; readonly Period: number; readonly Stat: string };
  }[];
}

/** Gives each alarm on metric math its first metric, and each `Ref` of a secret its ARN, as on AWS. @returns the template's text */
function fitToMiniStack(template: Template): string {
  const secrets: string[] = [];
  for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
    if (Type === 'AWS::SecretsManager::Secret') secrets.push(id);
    const alarm: MetricAlarm = Properties;
    if (Type !== 'AWS::CloudWatch::Alarm' || alarm.Metrics === undefined) continue;
    const [stat] = alarm.Metrics.flatMap(({ MetricStat }) => MetricStat ?? []);
    if (stat === undefined) throw new Error(`${id}: no metric`);
    delete alarm.Metrics;
    Object.assign(alarm, stat.Metric, { Period: stat.Period, Statistic: stat.Stat });
  }
  return secrets.reduce(
    (text, id) => text.replaceAll(JSON.stringify({ Ref: id }), JSON.stringify({ 'Fn::GetAtt': [id, 'Id'] })),
    JSON.stringify(template),
  );
}
