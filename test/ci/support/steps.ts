import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** One step of a CI job: a piece of shell, run as the CI system runs it. */
export interface Step {
  readonly name: string;
  /** The interpreter with its options, as the CI system documents it. */
  readonly shell: readonly string[];
  readonly script: string;
  /** Variables of the job and the step, beside those of the agent. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory below the checkout. */
  readonly directory: string;
  /** Whether the step has a role: AWS credentials and region in its environment. */
  readonly role: boolean;
  readonly when: 'success' | 'failure';
  /** Variables taken from Parameter Store before the step, by name of the parameter. */
  readonly parameters: Readonly<Record<string, string>>;
}

function step(script: string, fields: Partial<Step>): Step {
  const defaults = { name: '', shell: ['bash', '-e'], env: {}, directory: '.', role: true, parameters: {} };
  return { ...defaults, when: 'success', ...fields, script };
}

/** The parts of the CI systems' files that the examples use. */
type Variables = Record<string, string>;
interface Buildspec {
  readonly env?: { readonly variables?: Variables; readonly 'parameter-store'?: Variables };
  readonly phases: Record<string, { readonly commands: string[] }>;
}
interface Workflow {
  readonly jobs: Record<string, { readonly env?: Variables; readonly steps: Variables[] }>;
}
interface AzurePipeline {
  readonly variables?: Variables;
  readonly jobs: { readonly steps: (Variables & { readonly inputs?: Variables })[] }[];
}
interface BitbucketPipeline {
  readonly pipelines: {
    readonly custom: Record<
      string,
      { readonly step: { readonly oidc?: boolean; readonly script: string[] } }[]
    >;
  };
}
type GitLabPipeline = Record<
  string,
  { readonly variables?: Variables; readonly before_script?: string[]; readonly script: string[] }
>;

function read<File>(file: string): File {
  return parse(readFileSync(file, 'utf8'));
}

/**
 * Reads a buildspec. All its commands run in one `sh`, so each keeps the directory of the one before; a phase ends at
 * the first command that fails.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
 */
export function codeBuildStep(file: string): Step {
  const { env = {}, phases } = read<Buildspec>(file);
  const commands = ['install', 'pre_build', 'build', 'post_build'].flatMap(
    (phase) => phases[phase]?.commands ?? [],
  );
  const parameters = env['parameter-store'] ?? {};
  return step(commands.join('\n'), { shell: ['sh', '-e'], env: env.variables ?? {}, parameters });
}

/**
 * Reads a GitHub Actions workflow's only job. A step has the role once configure-aws-credentials has run.
 *
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
 */
export function gitHubSteps(file: string): Step[] {
  const [job] = Object.values(read<Workflow>(file).jobs);
  let role = false;
  return (job?.steps ?? []).flatMap(({ name = '', uses = '', run, if: condition, ...rest }) => {
    role ||= uses.startsWith('aws-actions/configure-aws-credentials@');
    if (run === undefined) return [];
    const env = { ...job?.env, ...(rest.env as unknown as Variables | undefined) };
    const directory = rest['working-directory'] ?? '.';
    return [
      step(run, { name, env, directory, role, when: condition === 'failure()' ? 'failure' : 'success' }),
    ];
  });
}

/**
 * Reads an Azure pipeline's only job. AWSShellScript runs its script in bash, with the service connection's
 * credentials in the environment.
 *
 * @see https://docs.aws.amazon.com/vsts/latest/userguide/awsshell.html
 */
export function azureSteps(file: string): Step[] {
  const { variables: env = {}, jobs } = read<AzurePipeline>(file);
  return (jobs[0]?.steps ?? []).flatMap(({ task = '', displayName: name = '', condition, inputs }) => {
    if (inputs?.inlineScript === undefined) return [];
    const role = task.startsWith('AWSShellScript@') && inputs.awsCredentials !== undefined;
    const when = condition === 'failed()' ? 'failure' : 'success';
    return [step(inputs.inlineScript, { name, shell: ['bash'], env, role, when })];
  });
}

/**
 * Reads the only step of a Bitbucket pipeline that somebody starts. Its script runs in one bash, which ends at the first
 * command that fails.
 *
 * @see https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/
 */
export function bitbucketStep(file: string): Step {
  const [pipeline] = Object.values(read<BitbucketPipeline>(file).pipelines.custom).flat();
  return step(pipeline?.step.script.join('\n') ?? '', { role: pipeline?.step.oidc === true });
}

/**
 * Reads a GitLab pipeline's only job: both scripts run in one shell, which ends at the first command that fails.
 *
 * @see https://docs.gitlab.com/ci/yaml/#script
 */
export function gitLabStep(file: string): Step {
  const [job] = Object.values(read<GitLabPipeline>(file));
  const script = [...(job?.before_script ?? []), ...(job?.script ?? [])].join('\n');
  return step(script, { shell: ['bash', '-eo', 'pipefail'], env: job?.variables ?? {} });
}

/** The parts of a declarative Jenkinsfile that the examples use; comments are removed first. */
const TOKENS =
  /sh\s+'''(?<block>[\s\S]*?)'''|sh\s+'(?<line>(?:[^'\\]|\\.)*)'|(?<opener>[\w]+)\s*(?:\((?<args>[^{}]*?)\))?\s*\{|(?<variable>[A-Z][A-Z0-9_]*)\s*=\s*'(?<value>[^']*)'|(?<closer>\})/g;

/**
 * Reads the `sh` steps out of a declarative Jenkinsfile, with the environment blocks, `dir` and
 * `withAWSParameterStore` around them. The durable task plugin runs them with `sh -xe`.
 *
 * @throws Error where a `sh` step is in a form that this does not read
 * @see https://www.jenkins.io/doc/book/pipeline/syntax/
 */
export function jenkinsSteps(file: string): Step[] {
  const source = readFileSync(file, 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const blocks: { name: string; args: string }[] = [];
  const env: Record<string, string> = {};
  const steps: Step[] = [];
  for (const { groups = {} } of source.matchAll(TOKENS)) {
    if (groups.opener !== undefined) blocks.push({ name: groups.opener, args: groups.args ?? '' });
    else if (groups.closer !== undefined) blocks.pop();
    else if (groups.variable !== undefined) {
      if (blocks.at(-1)?.name === 'environment') env[groups.variable] = groups.value ?? '';
    } else {
      const inside = (name: string) => blocks.filter((block) => block.name === name).map(({ args }) => args);
      steps.push(
        step((groups.block ?? groups.line ?? '').replace(/\\(.)/g, '$1'), {
          name: unquote(inside('stage').at(-1) ?? ''),
          shell: ['sh', '-xe'],
          env,
          directory: join('.', ...inside('dir').map(unquote)),
          when: inside('failure').length > 0 ? 'failure' : 'success',
          parameters: Object.assign({}, ...inside('withAWSParameterStore').map(parametersOf)),
        }),
      );
    }
  }
  const written = source.match(/\bsh\s+['"(]/g)?.length ?? 0;
  if (written !== steps.length)
    throw new Error(`${file} has ${written} sh steps, of which ${steps.length} were read.`);
  return steps;
}

/** The plugin's `naming: 'basename'`: the last part of the name, upper case, `_` for what a variable cannot have. */
function parametersOf(args: string): Record<string, string> {
  const path = /path:\s*'([^']*)'/.exec(args)?.[1];
  if (path === undefined || !/naming:\s*'basename'/.test(args)) throw new Error(`Cannot read: ${args}`);
  return { ACCESS_TOKEN: `${path}/access-token`, TOKEN_STATUS: `${path}/token-status` };
}

function unquote(text: string): string {
  return text.replace(/^'|'$/g, '');
}
