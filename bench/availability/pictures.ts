import { writeFile } from 'node:fs/promises';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { READINGS } from '../../local/simulation/builds.ts';
import { type Outcome, simulate } from '../../local/simulation/simulate.ts';
import { createWindows } from '../../local/simulation/windows.ts';
import { createQuietWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../local/simulation/world.ts';
import { type Comparison, fixedSchedule } from './comparison.ts';
import { HOUR } from './live.ts';
import { count, perHundredThousand } from './report.ts';

use([LineChart, BarChart, GridComponent, MarkAreaComponent, TitleComponent, SVGRenderer]);

// Legible on a white page and on a dark one.
const INK = '#7a828c';
const OURS = '#1f9d61';
const THEIRS = '#d9603b';
const FONT = { fontFamily: 'Helvetica, Arial, sans-serif', color: INK, fontSize: 13 };
const AXIS = {
  axisLabel: FONT,
  nameTextStyle: FONT,
  nameLocation: 'middle',
  nameGap: 34,
  axisLine: { lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: `${INK}40` } },
};

/** One part of a picture: a title above axes and series. Lengths in pixels. */
interface Panel {
  readonly title: string;
  readonly at: { left: number; top: number; width: number; height: number };
  readonly x: object;
  readonly y: object;
  readonly series: readonly object[];
}

function draw(width: number, height: number, panels: readonly Panel[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    title: panels.map(({ title, at }) => ({
      text: title,
      left: at.left,
      top: at.top - 50,
      textStyle: { ...FONT, fontWeight: 'bold' },
    })),
    grid: panels.map(({ at }) => at),
    xAxis: panels.map(({ x }, gridIndex) => ({ ...AXIS, gridIndex, type: 'value', ...x })),
    yAxis: panels.map(({ y }, gridIndex) => ({ ...AXIS, gridIndex, type: 'value', ...y })),
    series: panels.flatMap(({ series }, index) =>
      series.map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

/** Draws the two pictures into `docs/`, and returns their paths in the repository. */
export async function drawPictures([, hour]: readonly Comparison[]): Promise<readonly string[]> {
  const pictures = {
    'docs/remaining-life.svg': await drawRemainingLife(),
    'docs/builds-lost.svg': drawBuildsLost(hour?.outcomes ?? []),
  };
  for (const [path, svg] of Object.entries(pictures)) {
    await writeFile(new URL(`../../${path}`, import.meta.url), svg);
  }
  return Object.keys(pictures);
}

/** The day's outages: one within the tolerance of a one-hour token, one much longer. */
const OUTAGES = [
  { from: 97 * MINUTE_MS, to: 105 * MINUTE_MS, name: '8 min' },
  { from: 15 * HOUR_MS, to: 16 * HOUR_MS + 30 * MINUTE_MS, name: '90 min' },
];

/** The remaining life of the stored token, over a day with two outages, ours against the fixed schedule. */
async function drawRemainingLife(): Promise<string> {
  const value = { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 200 } as const;
  const endpoint = createWindows(OUTAGES.map((outage) => ({ ...outage, value })));
  const world = createQuietWorld({ lifetimeMs: HOUR_MS, spanMs: DAY_MS, endpoint });
  const drawn = [
    { title: 'ours: a beat a minute, retried until it works', strategy: { name: '', kind: 'ours', ...HOUR } },
    { title: 'a fixed schedule: every 50 minutes, one attempt', strategy: fixedSchedule(HOUR_MS) },
  ] as const;
  const outages = OUTAGES.map(({ from, to, name }) => [
    {
      xAxis: from / HOUR_MS,
      itemStyle: { color: INK, opacity: 0.35 },
      label: { ...FONT, formatter: `endpoint out, ${name}`, position: 'top' },
    },
    { xAxis: to / HOUR_MS },
  ]);
  const panels = drawn.map(async ({ title, strategy }, index): Promise<Panel> => {
    const outcome = await simulate({ world, reads: [], strategy });
    const color = index === 0 ? OURS : THEIRS;
    return {
      title,
      at: { left: 64, top: 60 + index * 240, width: 796, height: 135 },
      x: { min: 0, max: 24, interval: 2, splitLine: { show: false }, name: 'time of day (hours)' },
      y: { min: 0, max: 60, interval: 20, name: 'minutes left' },
      series: [
        {
          type: 'line',
          data: remainingMinutes(outcome),
          showSymbol: false,
          lineStyle: { color, width: 1.6 },
          areaStyle: { color, opacity: 0.18 },
          markArea: { silent: true, data: outages },
        },
      ],
    };
  });
  return draw(880, 505, await Promise.all(panels));
}

function remainingMinutes({ stored, spanMs }: Outcome): [number, number][] {
  const points: [number, number][] = [];
  for (let at = 2 * MINUTE_MS; at < spanMs; at += MINUTE_MS) {
    const token = stored.findLast(({ writtenAt }) => writtenAt <= at);
    const remaining = Math.max(0, (token?.diesAt ?? 0) - at) / MINUTE_MS;
    points.push([Number((at / HOUR_MS).toFixed(3)), Number(remaining.toFixed(1))]);
  }
  return points;
}

const READING_TITLES = {
  once: 'builds that read once,\nat the start',
  again: 'builds that read\nagain at each use',
  'min-ttl': 'builds that ask with\n--min-ttl (ours only)',
} as const;

/** Builds lost per 100,000 in the simulated year, one-hour tokens, by strategy and by the way builds read. */
function drawBuildsLost(outcomes: readonly Outcome[]): string {
  const lost = (reading: keyof typeof READING_TITLES) =>
    outcomes.map(({ builds }) => Math.round(perHundredThousand(builds, 'lost', reading)));
  const max = Math.ceil(Math.max(...READINGS.flatMap(lost)) / 10_000) * 10_000;
  const panels = READINGS.map(
    (reading, index): Panel => ({
      title: READING_TITLES[reading],
      at: { left: 230 + index * 235, top: 58, width: 165, height: 216 },
      x: {
        max,
        interval: 10_000,
        name: index === 1 ? 'builds lost to an expired token, per 100,000, in a year; one-hour tokens' : '',
        axisLabel: { ...FONT, formatter: (value: number) => `${value / 1_000}k` },
      },
      y: {
        type: 'category',
        inverse: true,
        data: outcomes.map(({ strategy }) => strategy.name),
        axisLabel: { ...FONT, show: index === 0 },
      },
      series: [
        {
          type: 'bar',
          barWidth: 18,
          label: {
            ...FONT,
            show: true,
            position: 'right',
            formatter: ({ value }: { value: number }) => count(value),
          },
          data: lost(reading).map((value, place) => ({
            value,
            itemStyle: { color: outcomes[place]?.strategy.kind === 'ours' ? OURS : THEIRS },
          })),
        },
      ],
    }),
  );
  return draw(935, 330, panels);
}
