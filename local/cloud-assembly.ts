import { readFileSync } from 'node:fs';
import { Annotations } from 'aws-cdk-lib';
import type { TargetEnvironment } from '../infra/configuration/places.ts';
import { createTokenRefresherApp } from '../infra/token-refresher-app.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A synthesized stack on disk. */
export interface Assembly {
  /** The cloud assembly: templates and assets, what `cdk deploy` would publish. */
  readonly directory: string;
  readonly stackName: string;
  readonly template: Template;
}

/** A CloudFormation template, as far as it is read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Description?: string }>>;
}

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
}

/**
 * Synthesizes the app as `cdk synth` does, in this process: cdk.json's context, replaced by `context`.
 *
 * @throws Error if the configuration has problems, or cdk-nag finds one
 */
export function synthesizeAssembly(options: {
  /** As in cdk.json: objects, not yet checked. */
  readonly tokens: unknown;
  readonly context?: Readonly<Record<string, unknown>>;
  /** Where to put the assembly. @default a temporary one, deleted when the process ends */
  readonly directory?: string;
  readonly target?: TargetEnvironment;
}): Assembly {
  const cdkJson = JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8'));
  const directory = options.directory ?? temporaryDirectory();
  const app = createTokenRefresherApp(options.target ?? { account: undefined, region: undefined }, {
    outdir: directory,
    context: { ...cdkJson.context, ...options.context, tokens: options.tokens },
    analyticsReporting: false,
  });
  // Nobody reads the alarms of a stack that is synthesized here.
  Annotations.of(app).acknowledgeWarning('token-refresher:alarms-tell-nobody');
  const stack = app.synth().stacks[0];
  if (stack === undefined) throw new Error('The app has no stack.');
  return { directory, stackName: stack.stackName, template: stack.template };
}
