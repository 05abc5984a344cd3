/** The environment of a function, as the stack writes it. */
export const ENVIRONMENT = {
  TOKEN_NAME: 'one',
  PROVIDER_SETTINGS: JSON.stringify({ provider: 'oauth2', tokenUrl: 'https://login.example.test/token' }),
  SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf',
  TOKEN_PARAMETER: '/ci/one/access-token',
  STATUS_PARAMETER: '/ci/one/token-status',
  REFRESH_INTERVAL_SECONDS: '3000',
  ASSUMED_LIFETIME_SECONDS: '900',
};
