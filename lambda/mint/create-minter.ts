import type { Config } from '../config.ts';
import { describeProvider } from '../contract.ts';
import { parseCredentials } from './credentials.ts';
import { createSendRequest } from './http.ts';
import type { Minter } from './minter.ts';
import { probeToken } from './probe.ts';
import { createReadSecret, type ReadSecret, type SecretStage } from './secret.ts';
import { tryStages } from './secret-stages.ts';
import { createAskForToken } from './token-endpoint.ts';

/** After one request that hangs, the same mint (20 seconds) has time for another try. */
const REQUEST_TIMEOUT_MS = 8_000;

/** An unanswered probe only means that the token is not proved: it must not use up the mint's time. */
const PROBE_TIMEOUT_MS = 4_000;

interface CreateMinterOptions {
  readonly config: Pick<Config, 'providerSettings' | 'secretArn' | 'assumedLifetimeMs'> &
    Partial<Pick<Config, 'awsClient' | 'proxy'>>;
  readonly now: () => Date;
  /** @default Secrets Manager with the environment's region, endpoint and credentials */
  readonly readSecret?: ReadSecret;
}

/** Makes the minter of one token. */
export function createMinter(options: CreateMinterOptions): Minter {
  const { config, now, readSecret = createReadSecret(config) } = options;
  const { secretArn, assumedLifetimeMs } = config;
  const provider = describeProvider(config.providerSettings);
  const { probeUrl, scope } = provider;
  const send = createSendRequest(config.proxy);
  const askForToken = createAskForToken({
    provider,
    secretArn,
    assumedLifetimeMs,
    send,
    now,
    timeoutMs: REQUEST_TIMEOUT_MS,
  });

  const readVersion = async (stage: SecretStage, signal: AbortSignal) => {
    const { text, createdAt } = await readSecret(stage, { signal });
    return {
      credentials: parseCredentials(text, provider.secretKeys, secretArn, provider.secretKeyNames),
      createdAt,
    };
  };

  return {
    scope,
    probe:
      probeUrl === undefined
        ? undefined
        : (accessToken, { signal }) =>
            probeToken({ accessToken, probeUrl, send, signal, timeoutMs: PROBE_TIMEOUT_MS }),
    async checkSecret({ signal }) {
      const { createdAt } = await readVersion('AWSCURRENT', signal);
      return { createdAt };
    },
    async mint({ signal }) {
      const { answer, stage, createdAt } = await tryStages(
        (one) => readVersion(one, signal),
        (credentials) => askForToken(credentials, { signal }),
      );
      const token = { ...answer, secretStage: stage, secretCreatedAt: createdAt };
      if (stage === 'AWSCURRENT') return token;
      const warning = `The server refused the secret's AWSCURRENT version and accepted ${stage}: finish or correct the rotation of the secret.`;
      return { ...token, warnings: [warning, ...token.warnings] };
    },
  };
}
