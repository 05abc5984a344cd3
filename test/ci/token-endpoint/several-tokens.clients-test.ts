import { resolve } from 'node:path';
import { metered, startGenesysApi } from './support/genesys-api.ts';
import { createStoredToken, runJob } from './support/job.ts';

const LIBRARIES = resolve('.venv/oauth-clients');
const ALLOWED = 300;
const RUN_MS = 20_000;

/* The SDKs of Genesys Cloud, which others wrote: `npm run prove -- clients`. One token alone allows 300 of these calls. */
test.each([
  [`${LIBRARIES}/bin/python3`, 'python_sdk.py'],
  [process.execPath, 'javascript-sdk.cjs'],
])(
  'ten workers of an SDK make more calls than one token allows: %s %s',
  async (interpreter, file) => {
    const meter = metered(ALLOWED, Date.now);
    const api = await startGenesysApi(meter.answer);
    const stored = createStoredToken('unused');
    stored.storeEach('canary');

    const job = await runJob(stored, [interpreter, resolve('test/ci/token-endpoint/clients', file)], {
      args: ['a,b,c,d', '--genesys-region', 'eu-central-1'],
      env: {
        ...api.environment,
        WORKERS: '10',
        RUN_MS: String(RUN_MS),
        NODE_PATH: `${LIBRARIES}/node_modules`,
      },
    });
    await api.close();
    stored.remove();

    expect(job).toMatchObject({ status: 0, stdout: expect.stringContaining('"failures"') });
    expect(meter.counted.good).toBeGreaterThan(ALLOWED);
    expect(meter.counted.refused).toBe(0);
  },
  120_000,
);
