import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { synthesizeAssembly } from '../local/cloud-assembly.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET } from '../test/infra/full-configuration.ts';

/** The files of two templates: of the smallest stack, and of one that uses every setting. */
export function synthesizeTemplates(): string[] {
  return [
    synthesizeAssembly({ tokens: SMALLEST }),
    synthesizeAssembly({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET }),
  ].map(({ directory, stackName }) => join(directory, `${stackName}.template.json`));
}

/** The program of a PyPI package, installed beside the project at its first use. Needs Python 3. */
export function pythonProgram(name: string, version: string): string {
  const [environment, install] = [`../.venv/${name}-${version}`, '../.ci/install-python-packages.sh'].map(
    (path) => fileURLToPath(new URL(path, import.meta.url)),
  );
  const program = join(environment ?? '', 'bin', name);
  if (!existsSync(program)) {
    execFileSync(install ?? '', [environment ?? '', `${name}==${version}`], { stdio: 'inherit' });
  }
  return program;
}
