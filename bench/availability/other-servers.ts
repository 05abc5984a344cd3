import { type Strategy, strategiesFor } from '../../local/simulation/strategies.ts';
import { HOUR_MS, MINUTE_MS, type Server } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import { live, type Scope } from './claims.ts';
import type { Progress } from './comparison.ts';
import { COMPARISON_HEAD, comparisonRow } from './report.ts';

interface Case {
  readonly name: string;
  readonly server: Server;
  readonly lifetimeMs: number;
  readonly strategies: readonly Strategy[];
}

const ours = (minutes: number, longestJob?: number): Strategy => ({
  name: longestJob === undefined ? `ours, refreshInterval ${minutes}` : `ours, longestJob ${longestJob}`,
  kind: 'ours',
  refreshIntervalMs: minutes * MINUTE_MS,
  longestJobMs: longestJob === undefined ? undefined : longestJob * MINUTE_MS,
});

/** The rivals b and d. */
const rivals = (lifetimeMs: number): Strategy[] =>
  strategiesFor(lifetimeMs).filter((_, index) => index === 1 || index === 3);

const CASES: readonly Case[] = [
  {
    name: 'returns the same token until it expires, 1 h',
    server: { kind: 'same-token', idleTimeoutMs: null },
    lifetimeMs: HOUR_MS,
    strategies: [...rivals(HOUR_MS), ours(50), ours(50, 45)],
  },
  {
    name: 'a new token ends the old one, 1 h',
    server: { kind: 'single-active', idleTimeoutMs: null },
    lifetimeMs: HOUR_MS,
    strategies: [...rivals(HOUR_MS), ours(30), ours(50), ours(50, 45)],
  },
  {
    name: 'a new token ends the old one, 24 h',
    server: { kind: 'single-active', idleTimeoutMs: null },
    lifetimeMs: 24 * HOUR_MS,
    strategies: [...rivals(24 * HOUR_MS), ours(50), ours(1_200)],
  },
  {
    name: 'ends a token that is unused for 5 min, 1 h',
    server: { kind: 'plain', idleTimeoutMs: 5 * MINUTE_MS, isApiDownToo: true },
    lifetimeMs: HOUR_MS,
    strategies: [...rivals(HOUR_MS), ours(50)],
  },
];

/** How many simulations {@link tryOtherServers} makes. */
export const OTHER_SERVER_RUNS = CASES.reduce((sum, { strategies }) => sum + strategies.length, 0);

/** Simulates the history's world with token endpoints that have other rules, and prints the results. */
export async function tryOtherServers(scope: Scope, progress: Progress): Promise<string> {
  const tables: string[] = [];
  for (const { name, server, lifetimeMs, strategies } of CASES) {
    const rows: (readonly string[])[] = [];
    for (const strategy of strategies) {
      const setting = { lifetimeMs, refreshIntervalMs: 50 * MINUTE_MS };
      const outcome = await live({
        scope,
        setting,
        server,
        strategy,
        onProgress: (done) => progress(`${name}: ${strategy.name}`, done),
      });
      rows.push(comparisonRow(outcome));
    }
    tables.push(`Server: ${name}\n${formatTable(COMPARISON_HEAD, rows)}`);
  }
  return tables.join('\n\n');
}
