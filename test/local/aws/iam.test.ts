import { readdir, readFile } from 'node:fs/promises';

test('the AGPL evaluator is a development dependency that only local/aws/iam.ts imports', async () => {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(await readFile('package.json', 'utf8'));

  const importers: string[] = [];
  for (const folder of ['lambda', 'infra', 'ci', 'local', 'tools']) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = `${entry.parentPath}/${entry.name}`;
      if (entry.isFile() && (await readFile(path, 'utf8')).includes("from '@cloud-copilot/"))
        importers.push(path);
    }
  }

  const installed = Object.keys({ ...dependencies, ...peerDependencies });
  expect(installed.filter((name) => name.startsWith('@cloud-copilot/'))).toEqual([]);
  expect(importers).toEqual(['local/aws/iam.ts']);
});

test('nothing that is deployed imports from local', async () => {
  for (const folder of ['lambda', 'infra']) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      expect(await readFile(`${entry.parentPath}/${entry.name}`, 'utf8')).not.toMatch(
        /from '(\.\.\/)+local\//,
      );
    }
  }
});
