import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from './steps.ts';

/** The parts of a declarative Jenkinsfile that the examples use; comments are removed first. */
const TOKENS =
  /sh\s+'''(?<block>[\s\S]*?)'''|sh\s+'(?<line>(?:[^'\\]|\\.)*)'|(?<opener>[\w]+)\s*(?:\((?<args>[^{}]*?)\))?\s*\{|(?<variable>[A-Z][A-Z0-9_]*)\s*=\s*'(?<value>[^']*)'|(?<closer>\})/g;

/**
 * Reads the `sh` steps out of a declarative Jenkinsfile, with the environment blocks, `dir` and
 * `withAWSParameterStore` around them.
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
      steps.push({
        name: unquote(inside('stage').at(-1) ?? ''),
        // The durable task plugin: `sh -xe` on the script.
        shell: ['sh', '-xe'],
        script: (groups.block ?? groups.line ?? '').replace(/\\(.)/g, '$1'),
        env,
        directory: join('.', ...inside('dir').map(unquote)),
        role: true,
        when: blocks.some(({ name }) => name === 'failure') ? 'failure' : 'success',
        parameters: Object.assign({}, ...inside('withAWSParameterStore').map(parametersOf)),
      });
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
