import { RefreshError } from '../../lambda/errors.ts';
import type { Parameters } from '../../lambda/refresh/parameters.ts';
import type { Status } from '../../lambda/refresh/status.ts';
import type { IssuedToken, VirtualTime } from './token-server.ts';
import type { World } from './world.ts';

const READ_LATENCY_MS = 15;
const WRITE_LATENCY_MS = 30;

/** A version of the token parameter: a reader sees it from `writtenAt` until the next one. */
export interface TokenVersion {
  readonly token: IssuedToken;
  readonly writtenAt: number;
}

/** A virtual Parameter Store with the two parameters of one token. */
export interface VirtualParameters extends Parameters {
  /** All versions, the first one first: version N is at N - 1. */
  readonly versions: readonly TokenVersion[];
  /** How many calls were made. */
  calls: number;
  /** The token that a reader gets at a time; undefined before the first write. */
  readonly versionAt: (time: number) => TokenVersion | undefined;
}

/** The access token that a virtual token has. */
export function accessTokenOf(token: IssuedToken): string {
  return `virtual-token-${token.id}`;
}

/** Opens an empty Parameter Store. `tokens` are those that the token endpoint has issued. */
export function createVirtualParameters(options: {
  readonly world: World;
  readonly time: VirtualTime;
  readonly tokens: readonly IssuedToken[];
}): VirtualParameters {
  const { world, time, tokens } = options;
  const versions: TokenVersion[] = [];
  let status: Status | null = null;

  function call(
    parameters: VirtualParameters,
    latencyMs: number,
    code: 'PARAMETER_UNAVAILABLE' | 'PARAMETER_NOT_WRITTEN',
  ) {
    parameters.calls++;
    time.now += latencyMs;
    const trouble = world.parameterStore.at(time.now)?.value;
    const error = () => new RefreshError(code, 'The virtual Parameter Store is in trouble.');
    if (trouble === 'throttled') throw error();
    return {
      confirm: () => {
        if (trouble === 'answer-lost' && code === 'PARAMETER_NOT_WRITTEN') throw error();
      },
    };
  }

  return {
    versions,
    calls: 0,
    versionAt: (at) => {
      for (let index = versions.length - 1; index >= 0; index--) {
        const version = versions[index];
        if (version !== undefined && version.writtenAt <= at) return version;
      }
      return undefined;
    },
    async read() {
      call(this, READ_LATENCY_MS, 'PARAMETER_UNAVAILABLE');
      return {
        tokenVersion: versions.length || null,
        status,
        // The header is cut to whole seconds; AWS's clock does not step.
        awsTime: new Date(Math.floor(time.now / 1_000) * 1_000),
      };
    },
    async readToken({ version }) {
      call(this, READ_LATENCY_MS, 'PARAMETER_UNAVAILABLE');
      const found = versions[version - 1];
      return found === undefined ? null : accessTokenOf(found.token);
    },
    async writeToken({ accessToken }) {
      const { confirm } = call(this, WRITE_LATENCY_MS, 'PARAMETER_NOT_WRITTEN');
      const token = tokens.findLast((one) => accessTokenOf(one) === accessToken);
      if (token === undefined) throw new Error('A token that was never issued was written.');
      versions.push({ token, writtenAt: time.now });
      confirm();
      return versions.length;
    },
    async writeStatus({ status: written }) {
      const { confirm } = call(this, WRITE_LATENCY_MS, 'PARAMETER_NOT_WRITTEN');
      status = written;
      confirm();
    },
  };
}
