import type { Config } from '../config.ts';
import { describeProvider } from '../contract.ts';
import { parseCredentials } from './credentials.ts';
import { createDiscovery } from './discovery.ts';
import { createDispatcher, createSendRequest, type HttpDispatcher } from './http.ts';
import type { Minter } from './minter.ts';
import { probeToken } from './probe.ts';
import { createReadSecret, type ReadSecret, type SecretStage } from './secret.ts';
import { tryStages } from './secret-stages.ts';
import { createAskForToken } from './token-endpoint.ts';

/** One request that hangs leaves time for another try in the same mint's 20 seconds. */
const REQUEST_TIMEOUT_MS = 8_000;

/** A probe proves or proves nothing; it is not worth the mint's last seconds. */
const PROBE_TIMEOUT_MS = 4_000;

interface CreateMinterOptions {
  readonly config: Pick<Config, 'providerSettings' | 'secretArn' | 'assumedLifetimeMs'> &
    Partial<Pick<Config, 'awsClient' | 'proxy'>>;
  readonly now: () => Date;
  /** What connections to the provider are made with. @default by the configured proxy, or directly */
  readonly dispatcher?: HttpDispatcher;
  /** @default Secrets Manager by the environment's region, endpoint and credentials */
  readonly readSecret?: ReadSecret;
  /** The time for one request to the token endpoint. @default 8 seconds */
  readonly requestTimeoutMs?: number;
}

/** Makes the minter of one token, out of its parts. */
export function createMinter(options: CreateMinterOptions): Minter {
  const { config, now, requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const { secretArn, assumedLifetimeMs } = config;
  const { readSecret = createReadSecret(config), dispatcher = createDispatcher(config.proxy) } = options;
  const provider = describeProvider(config.providerSettings);
  const { probeUrl, scope } = provider;
  const send = createSendRequest(dispatcher);
  const discovery = createDiscovery({ send, now, timeoutMs });
  const askForToken = createAskForToken({
    provider,
    secretArn,
    assumedLifetimeMs,
    send,
    discovery,
    now,
    timeoutMs,
  });

  const readVersion = async (stage: SecretStage, signal: AbortSignal) => {
    const { text, createdAt } = await readSecret(stage, { signal });
    return { credentials: parseCredentials(text, provider.secretKeys, secretArn), createdAt };
  };

  return {
    ...(scope === undefined ? {} : { scope }),
    ...(probeUrl === undefined
      ? {}
      : {
          probe: (accessToken, { signal }) =>
            probeToken({ accessToken, probeUrl, send, signal, timeoutMs: PROBE_TIMEOUT_MS }),
        }),
    async checkSecret({ signal }) {
      const { createdAt } = await readVersion('AWSCURRENT', signal);
      return { createdAt };
    },
    async mint({ signal }) {
      const { answer: token, stage } = await tryStages(
        async (one) => (await readVersion(one, signal)).credentials,
        (credentials) => askForToken(credentials, { signal }),
      );
      if (stage === 'AWSCURRENT') return { ...token, secretStage: stage };
      const warning = `The server refused the secret's AWSCURRENT version and accepted ${stage}: finish or correct the rotation.`;
      return { ...token, secretStage: stage, warnings: [warning, ...token.warnings] };
    },
  };
}
