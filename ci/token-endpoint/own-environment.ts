type Environment = NodeJS.ProcessEnv;

/** By these, Node.js logs what it sends and which processes it starts, writes files about itself, or waits for a debugger. */
const REVEALING = /^NODE_(?:DEBUG|DEBUG_NATIVE|V8_COVERAGE|INSPECT.*)$/;

/** What is kept of NODE_OPTIONS: code that the job's owner loads, certificates, proxies, addresses, memory. */
const HARMLESS =
  /^(?:-r|--(?:require|import|(?:experimental-)?loader|(?:use|openssl|tls-m(?:in|ax)|no|disable)-[a-z\d.-]+|(?:enable|force)-fips|tls-cipher-list|dns-result-order|network-family-[a-z-]+|max-(?:http-header|old-space|semi-space)-size))$/;

/** Carries the values that a restart drops, for COMMAND. */
const DROPPED = 'TOKEN_ENDPOINT_DROPPED';

/**
 * Separates the job's environment, which COMMAND gets, from the one of this program's own process. Node.js reads its
 * variables before the first statement of a program: if one could reveal a token, the program must be started again with
 * the environment `restart`.
 *
 * @see https://nodejs.org/api/cli.html#environment-variables_1
 */
export function separateEnvironments({ [DROPPED]: carried = '{}', ...env }: Environment): {
  readonly job: Environment;
  readonly restart: Environment | undefined;
} {
  const job = { ...env, ...JSON.parse(carried) };
  const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, kept(name, value)]));
  const dropped = Object.keys(env).filter((name) => own[name] !== env[name]);
  if (dropped.length === 0) return { job, restart: undefined };
  const values = Object.fromEntries(dropped.map((name) => [name, job[name]]));
  return { job, restart: { ...own, [DROPPED]: JSON.stringify(values) } };
}

function kept(name: string, value = ''): string {
  if (name !== 'NODE_OPTIONS') return REVEALING.test(name) ? '' : value;
  let isKept = false;
  const words = value.match(/(?:"(?:\\.|[^"\\])*"|[^ "])+/g) ?? [];
  return words
    .filter((word) => {
      const [option = ''] = word.replaceAll('"', '').split('=');
      // Another word is the value of the option before it.
      if (option.startsWith('-')) isKept = HARMLESS.test(option.replaceAll('_', '-'));
      return isKept;
    })
    .join(' ');
}
