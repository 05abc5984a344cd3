import { readFileSync } from 'node:fs';
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
  readonly when: 'success' | 'failure' | 'always';
  /** Variables taken from Parameter Store before the step, by name of the parameter. */
  readonly parameters: Readonly<Record<string, string>>;
}

const PHASES = ['install', 'pre_build', 'build', 'post_build'] as const;

interface Buildspec {
  readonly env?: { variables?: Record<string, string>; 'parameter-store'?: Record<string, string> };
  readonly phases: Partial<Record<(typeof PHASES)[number], { commands: string[] }>>;
}

/**
 * Reads a buildspec. All its commands run in one `sh`, so each keeps the directory of the one before; a phase ends at
 * the first command that fails.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
 */
export function codeBuildSteps(file: string): Step[] {
  const { env = {}, phases } = parse(readFileSync(file, 'utf8')) as Buildspec;
  const commands = PHASES.flatMap((phase) => phases[phase]?.commands ?? []);
  return [
    {
      name: PHASES.filter((phase) => phases[phase]).join(', '),
      shell: ['sh', '-e'],
      script: commands.join('\n'),
      env: env.variables ?? {},
      directory: '.',
      role: true,
      when: 'success',
      parameters: env['parameter-store'] ?? {},
    },
  ];
}

interface Workflow {
  readonly jobs: Record<string, { env?: Record<string, string>; steps: WorkflowStep[] }>;
}

interface WorkflowStep {
  readonly name?: string;
  readonly uses?: string;
  readonly if?: string;
  readonly run?: string;
  readonly env?: Record<string, string>;
  readonly 'working-directory'?: string;
}

/**
 * Reads a GitHub Actions workflow's only job. A step has the role once configure-aws-credentials has run.
 *
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
 */
export function gitHubSteps(file: string): Step[] {
  const [job] = Object.values((parse(readFileSync(file, 'utf8')) as Workflow).jobs);
  let role = false;
  return (job?.steps ?? []).flatMap((step) => {
    role ||= step.uses?.startsWith('aws-actions/configure-aws-credentials@') ?? false;
    if (step.run === undefined) return [];
    return [
      {
        name: step.name ?? '',
        shell: ['bash', '-e'],
        script: step.run,
        env: { ...job?.env, ...step.env },
        directory: step['working-directory'] ?? '.',
        role,
        when: step.if === 'failure()' ? ('failure' as const) : ('success' as const),
        parameters: {},
      },
    ];
  });
}

interface Pipeline {
  readonly variables?: Record<string, string>;
  readonly jobs: {
    steps: { task?: string; displayName?: string; condition?: string; inputs?: Record<string, string> }[];
  }[];
}

/**
 * Reads an Azure pipeline's only job. AWSShellScript runs its script in bash, with the service connection's
 * credentials in the environment.
 *
 * @see https://docs.aws.amazon.com/vsts/latest/userguide/awsshell.html
 */
export function azureSteps(file: string): Step[] {
  const { variables = {}, jobs } = parse(readFileSync(file, 'utf8')) as Pipeline;
  return (jobs[0]?.steps ?? []).flatMap(({ task, displayName = '', condition, inputs }) => {
    if (task === undefined || inputs?.inlineScript === undefined) return [];
    return [
      {
        name: displayName,
        shell: ['bash'],
        script: inputs.inlineScript,
        env: variables,
        directory: '.',
        role: task.startsWith('AWSShellScript@') && inputs.awsCredentials !== undefined,
        when: condition === 'failed()' ? ('failure' as const) : ('success' as const),
        parameters: {},
      },
    ];
  });
}

interface BitbucketPipelines {
  readonly pipelines: {
    readonly custom: Record<string, { step: { name: string; oidc?: boolean; script: string[] } }[]>;
  };
}

/**
 * Reads the steps of a Bitbucket pipeline that somebody starts. A step's script runs in one bash, which ends at the first
 * command that fails.
 *
 * @see https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/
 */
export function bitbucketSteps(file: string): Step[] {
  const { pipelines } = parse(readFileSync(file, 'utf8')) as BitbucketPipelines;
  return Object.values(pipelines.custom)
    .flat()
    .map(({ step }) => ({
      name: step.name,
      shell: ['bash', '-e'],
      script: step.script.join('\n'),
      env: {},
      directory: '.',
      role: step.oidc === true,
      when: 'success',
      parameters: {},
    }));
}

interface GitLabJob {
  readonly variables?: Record<string, string>;
  readonly before_script?: string[];
  readonly script: string[];
}

/**
 * Reads a GitLab pipeline's only job: both scripts run in one shell, which ends at the first command that fails.
 *
 * @see https://docs.gitlab.com/ci/yaml/#script
 */
export function gitLabSteps(file: string): Step[] {
  return Object.entries(parse(readFileSync(file, 'utf8')) as Record<string, GitLabJob>).map(
    ([name, { variables = {}, before_script = [], script }]) => ({
      name,
      shell: ['bash', '-eo', 'pipefail'],
      script: [...before_script, ...script].join('\n'),
      env: variables,
      directory: '.',
      role: true,
      when: 'success',
      parameters: {},
    }),
  );
}
