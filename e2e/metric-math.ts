import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
}

/** The entries of an alarm's `Metrics`: metrics, or expressions on metrics. */
type Metrics = readonly {
  readonly MetricStat?: { readonly Metric: object; readonly Period: number; readonly Stat: string };
}[];

/*
 * Replaces each alarm's metric math by its metric, in the templates of a cloud assembly. It runs between the app and the CDK CLI:
 * `cdk deploy --app "<app> && node e2e/metric-math.ts $CDK_OUTDIR"`.
 */
const assembly = process.argv[2] ?? '';
for (const name of readdirSync(assembly).filter((entry) => entry.endsWith('.template.json'))) {
  const file = join(assembly, name);
  const template = JSON.parse(readFileSync(file, 'utf8'));
  for (const [id, { Type, Properties = {} }] of Object.entries<Resource>(template.Resources)) {
    if (Type !== 'AWS::CloudWatch::Alarm' || Properties.Metrics === undefined) continue;
    const [stat, ...others] = (Properties.Metrics as Metrics).flatMap(({ MetricStat }) => MetricStat ?? []);
    if (stat === undefined || others.length > 0) throw new Error(`${id}: not one metric`);
    delete Properties.Metrics;
    Object.assign(Properties, stat.Metric, { Period: stat.Period, Statistic: stat.Stat });
  }
  writeFileSync(file, JSON.stringify(template, null, 1));
}
