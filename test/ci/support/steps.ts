import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** One step of a CI job: a piece of shell, with what its file says about it. */
export interface Step {
  readonly script: string;
  /** Variables of the job, beside those of the agent. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory below the checkout. */
  readonly directory: string;
  /** Variables taken from Parameter Store before the step, by name of the parameter. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The commands of a page, or of its section that begins so, in order: a text for each block with this mark. */
export function commandsOf(page: string, mark: string, section = ''): string[] {
  const parts = readFileSync(page, 'utf8').split(/^## /m);
  const text = parts.filter((part) => part.startsWith(section)).join('');
  return [...text.matchAll(/^( *)```(sh.*)\n([\s\S]*?)^ *```$/gm)]
    .filter(([, , found]) => found === mark)
    .map(([, indentation = '', , body = '']) => body.replaceAll(`\n${indentation}`, '\n').trim());
}

/** Reads the steps of an example, in order, also those that run after a failure. */
export function stepsOf(file: string): Step[] {
  const text = readFileSync(file, 'utf8');
  return file.endsWith('.yml') ? yamlSteps(text) : jenkinsSteps(text);
}

/**
 * In these files a list of commands runs in one shell with all others (CodeBuild, GitLab, Bitbucket), and a text is a step
 * of its own (GitHub Actions, Azure Pipelines).
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
 * @see https://docs.gitlab.com/ci/yaml/#script
 */
function yamlSteps(text: string): Step[] {
  const env: Record<string, string> = {};
  const parameters: Record<string, string> = {};
  const commands: string[] = [];
  const steps: Step[] = [];
  JSON.parse(JSON.stringify(parse(text)), function (key, value) {
    const directory = this['working-directory'] ?? '.';
    if (key === 'run' || key === 'inlineScript') steps.push({ script: value, env, directory, parameters });
    else if (['commands', 'before_script', 'script'].includes(key)) commands.push(...value);
    else if (key === 'parameter-store') Object.assign(parameters, value);
    else if (key === 'variables' || (key === 'env' && value.variables === undefined))
      Object.assign(env, value);
    return value;
  });
  return commands.length > 0 ? [{ script: commands.join('\n'), env, directory: '.', parameters }] : steps;
}

const JENKINS =
  /^( *)(?:dir\('(?<directory>.*)'\)|sh '''(?<block>[\s\S]*?)'''|sh '(?<line>.*)'|(?<variable>\w+) = '(?<value>.*)')/gm;

/** Reads the `sh` steps of a declarative Jenkinsfile. A step is in the `dir` above it if it is indented more. */
function jenkinsSteps(text: string): Step[] {
  const env: Record<string, string> = {};
  // The plugin names a variable for the last part of the parameter's name.
  const path = /withAWSParameterStore\(.*path: '(.*?)', naming: 'basename'/.exec(text)?.[1];
  const parameters: Record<string, string> =
    path === undefined ? {} : { ACCESS_TOKEN: `${path}/access-token`, TOKEN_STATUS: `${path}/token-status` };
  const steps: Step[] = [];
  let inside = { indentation: Number.POSITIVE_INFINITY, directory: '.' };
  for (const { 1: { length: indentation } = '', groups = {} } of text.matchAll(JENKINS)) {
    const { directory, block, line, variable, value } = groups;
    if (variable !== undefined) env[variable] = value ?? '';
    else if (directory !== undefined) inside = { indentation, directory };
    else
      steps.push({
        script: (block ?? line ?? '').replace(/\\(.)/g, '$1'),
        env,
        directory: indentation > inside.indentation ? inside.directory : '.',
        parameters,
      });
  }
  return steps;
}
